#include "verify/looks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_MS = 1000 };

static void drop_items(struct looks *looks) {
  for (size_t i = 0; i < looks->count; i++) free(looks->items[i].uid);
  free(looks->items);
  looks->items = NULL;
  looks->count = 0;
}

static void drop_asked(struct looks *looks) {
  while (looks->asked_count) free(looks->asked[--looks->asked_count]);
}

/* A process counts up; another one would be a restart, which its pod tells of itself. */
static void distrust(struct probe *said, const struct probe *before) {
  if (!said->read || !before || !before->read || said->reading.requests >= before->reading.requests) return;
  said->read = false;
  (void)snprintf(said->unread, sizeof said->unread, "http_requests_total went back from %.0f to %.0f", before->reading.requests,
                 said->reading.requests);
}

static bool is_among(const struct pod_look *items, size_t n, const char *uid) {
  for (size_t i = 0; i < n; i++)
    if (!strcmp(items[i].uid, uid)) return true;
  return false;
}

/* Moves what was heard of other pods, not long ago, behind the N that are new. */
static size_t keep_others(struct looks *looks, struct pod_look *items, size_t n) {
  size_t count = n;
  for (size_t i = 0; i < looks->count; i++) {
    struct pod_look *old = &looks->items[i];
    if (old->at_ms <= looks->asked_ms - LOOKS_KEPT_MS || is_among(items, n, old->uid)) continue;
    items[count++] = *old;
    old->uid = NULL;
  }
  return count;
}

static void on_looked(void *owner, const struct probe *probes, size_t n) {
  struct looks *looks = owner;
  looks->probing = NULL;
  struct pod_look *items = calloc(n + looks->count, sizeof *items);
  for (size_t i = 0; items && i < n; i++) {
    items[i] = (struct pod_look){.uid = looks->asked[i], .at_ms = looks->asked_ms, .said = probes[i]};
    looks->asked[i] = NULL;
    distrust(&items[i].said, looks_of(looks, items[i].uid, 0));
  }
  drop_asked(looks);
  if (!items) return;
  size_t count = keep_others(looks, items, n);
  drop_items(looks);
  looks->items = items;
  looks->count = count;
}

void looks_start(struct looks *looks, struct prober *prober, const char *namespace, const struct look_target *targets, size_t n,
                 int64_t now_ms) {
  struct probe_target pods[LOOKS_MAX];
  if (n > LOOKS_MAX) n = LOOKS_MAX;
  if (looks->probing) return;
  if (!n) return drop_items(looks);
  if (now_ms >= looks->asked_ms && now_ms - looks->asked_ms < PAUSE_MS) return;
  for (size_t i = 0; i < n; i++) {
    pods[i] = (struct probe_target){namespace, targets[i].pod, targets[i].address};
    looks->asked[i] = strdup(targets[i].uid);
    looks->asked_count++;
    if (!looks->asked[i]) return drop_asked(looks);
  }
  looks->asked_ms = now_ms;
  looks->probing = probing_start(prober, pods, n, on_looked, looks, NULL);
  if (!looks->probing) drop_asked(looks); /* the next round asks again */
}

const struct probe *looks_of(const struct looks *looks, const char *uid, int64_t since_ms) {
  for (size_t i = 0; looks && i < looks->count; i++)
    if (looks->items[i].at_ms >= since_ms && !strcmp(looks->items[i].uid, uid)) return &looks->items[i].said;
  return NULL;
}

void looks_done(struct looks *looks) {
  probing_cancel(looks->probing);
  drop_asked(looks);
  drop_items(looks);
  *looks = (struct looks){0};
}
