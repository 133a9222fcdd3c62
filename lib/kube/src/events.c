#include "kube/events.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SERIES_MS = 6 * 60000, /* how long a repetition belongs to what it repeats */
  REFRESH_MS = 30000,    /* of a series that goes on: one PATCH, with the whole count */
  BURST = 40,            /* of one subject */
  FOR_WARNINGS = 15,     /* of these: a busy stack's progress leaves room for its troubles and for answers to people */
  REFILL_MS = 5000,
  MAX_IN_FLIGHT = 64,
  MAX_REMEMBERED = 256,
  MAX_NOTE = 1000,
  MAX_BODY = 8192,
};

static const struct kube_resource events = {"events.k8s.io", "v1", "events", "Event", true};

struct series {
  char *namespace, *name;
  unsigned count;
  int64_t last_ms, written_ms;
};

struct allowance {
  int64_t tokens_ms; /* one Event costs REFILL_MS */
  int64_t at_ms;
};

struct pending {
  struct event_recorder *recorder;
  struct kube_call *call;
  struct pending *next, **previous;
};

struct event_recorder {
  struct kube_client *client;
  char *controller, *instance;
  struct map *series;     /* by all that makes two Events the same */
  struct map *allowances; /* by the subject */
  struct pending *pending;
  unsigned in_flight;
  struct event_counts counts;
};

/* --- what goes out -------------------------------------------------------------------------------------------------------------- */

static void pending_free(struct pending *pending) {
  *pending->previous = pending->next;
  if (pending->next) pending->next->previous = pending->previous;
  pending->recorder->in_flight--;
  free(pending);
}

static void on_done(void *owner, const struct kube_response *response) {
  struct pending *pending = owner;
  if (response->error.kind) pending->recorder->counts.failed++;
  pending_free(pending);
}

/* False: dropped or failed, and counted so. */
static bool send(struct event_recorder *recorder, const char *method, const char *namespace, const char *name, const struct buffer *body) {
  struct pending *pending = recorder->in_flight < MAX_IN_FLIGHT && !body->failed ? calloc(1, sizeof *pending) : NULL;
  if (!pending) {
    recorder->counts.dropped++;
    return false;
  }
  _cleanup_buffer_ struct buffer path;
  kube_path(&path, &events, namespace, name, NULL);
  *pending = (struct pending){.recorder = recorder, .next = recorder->pending, .previous = &recorder->pending};
  if (pending->next) pending->next->previous = &pending->next;
  recorder->pending = pending;
  recorder->in_flight++;
  struct kube_request request = {.method = method,
                                 .path = buffer_text(&path),
                                 .content_type = name ? KUBE_MERGE_PATCH : NULL,
                                 .body = body->data,
                                 .body_len = body->len,
                                 .on_done = on_done,
                                 .owner = pending};
  pending->call = path.failed ? NULL : kube_send(recorder->client, &request, NULL);
  if (pending->call) return true;
  recorder->counts.failed++;
  pending_free(pending);
  return false;
}

static void put(struct buffer *to, const char *before, const char *key, const char *value) {
  if (!value) return;
  buffer_printf(to, "%s\"%s\":", before, key);
  buffer_json_string(to, value, strlen(value));
}

static void now_text(char to[RFC3339_SIZE]) { format_rfc3339_micro(clock_real_ms() * 1000, to); }

static void create(struct event_recorder *recorder, const struct event_subject *subject, const struct series *series, const char *type,
                   const char *reason, const char *action, const char *note) {
  char now[RFC3339_SIZE], api_version[KUBE_API_VERSION_SIZE];
  now_text(now);
  _cleanup_buffer_ struct buffer body;
  buffer_init(&body, MAX_BODY);
  put(&body, "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{", "name", series->name);
  put(&body, ",", "namespace", series->namespace);
  put(&body, "},", "eventTime", now);
  put(&body, ",", "reportingController", recorder->controller);
  put(&body, ",", "reportingInstance", recorder->instance);
  put(&body, ",", "action", action);
  put(&body, ",", "reason", reason);
  put(&body, ",", "note", note);
  put(&body, ",", "type", type);
  put(&body, ",\"regarding\":{", "apiVersion", kube_api_version(subject->resource, api_version));
  put(&body, ",", "kind", subject->resource->kind);
  put(&body, ",", "namespace", subject->namespace);
  put(&body, ",", "name", subject->name);
  put(&body, ",", "uid", subject->uid);
  put(&body, ",", "resourceVersion", subject->resource_version);
  buffer_puts(&body, "}}");
  recorder->counts.created += send(recorder, "POST", series->namespace, NULL, &body);
}

static void repeat(struct event_recorder *recorder, struct series *series, int64_t now_ms) {
  series->count++;
  series->last_ms = now_ms;
  recorder->counts.repeated++;
  if (series->count > 2 && now_ms - series->written_ms < REFRESH_MS) return;
  char now[RFC3339_SIZE];
  now_text(now);
  _cleanup_buffer_ struct buffer body;
  buffer_init(&body, MAX_BODY);
  buffer_printf(&body, "{\"series\":{\"count\":%u", series->count);
  put(&body, ",", "lastObservedTime", now);
  buffer_puts(&body, "}}");
  series->written_ms = now_ms;
  (void)send(recorder, "PATCH", series->namespace, series->name, &body);
}

/* --- what is remembered --------------------------------------------------------------------------------------------------------- */

static void series_free(void *value) {
  struct series *series = value;
  if (!series) return;
  free(series->namespace);
  free(series->name);
  free(series);
}

static struct series *series_new(const struct event_subject *subject, int64_t now_ms) {
  struct series *series = calloc(1, sizeof *series);
  if (!series) return NULL;
  *series = (struct series){.count = 1, .last_ms = now_ms, .written_ms = now_ms};
  series->namespace = strdup(subject->namespace ? subject->namespace : "default");
  /* an object's name may have 253 bytes, as the Event's own: with the suffix it must still fit */
  if (asprintf(&series->name, "%.230s.%016llx", subject->name, (unsigned long long)random_u64()) < 0) series->name = NULL;
  if (series->namespace && series->name) return series;
  series_free(series);
  return NULL;
}

/* Maps must not change while they are stepped through, so the stale ones go one by one; there are at most MAX_REMEMBERED. */
static void forget_old_series(struct event_recorder *recorder, int64_t now_ms) {
  const char *key;
  void *value;
  for (size_t at = 0; map_next(recorder->series, &at, &key, &value);) {
    if (now_ms - ((const struct series *)value)->last_ms < SERIES_MS) continue;
    map_remove(recorder->series, key);
    at = 0;
  }
  if (map_count(recorder->series) >= MAX_REMEMBERED) map_clear(recorder->series);
  if (map_count(recorder->allowances) >= MAX_REMEMBERED) map_clear(recorder->allowances);
}

/* A bucket of BURST that fills by one each REFILL_MS, and that what is normal never empties. */
static bool allowed(struct event_recorder *recorder, const char *subject, enum event_type type, int64_t now_ms) {
  struct allowance *allowance = map_get(recorder->allowances, subject);
  if (!allowance) {
    allowance = malloc(sizeof *allowance);
    if (!allowance) return false;
    *allowance = (struct allowance){.tokens_ms = (int64_t)BURST * REFILL_MS, .at_ms = now_ms};
    if (map_put(recorder->allowances, subject, allowance) < 0) {
      free(allowance);
      return false;
    }
  }
  int64_t most = (int64_t)BURST * REFILL_MS, tokens = allowance->tokens_ms + (now_ms - allowance->at_ms);
  allowance->at_ms = now_ms;
  allowance->tokens_ms = tokens < most ? tokens : most;
  int64_t reserved = type == EVENT_WARNING ? 0 : (int64_t)FOR_WARNINGS * REFILL_MS;
  if (allowance->tokens_ms < reserved + REFILL_MS) return false;
  allowance->tokens_ms -= REFILL_MS;
  return true;
}

/* Cuts at a character's start: bytes 10xxxxxx continue one (RFC 3629, 3). */
static void cut(char *note) {
  size_t n = strlen(note);
  if (n <= MAX_NOTE) return;
  n = MAX_NOTE;
  while (n && ((unsigned char)note[n] & 0xC0) == 0x80) n--;
  note[n] = '\0';
}

/* --- the surface ---------------------------------------------------------------------------------------------------------------- */

void events_record(struct event_recorder *recorder, const struct event_subject *subject, enum event_type type, const char *reason,
                   const char *action, const char *note_format, ...) {
  char note[MAX_NOTE + 8], key[1600], *end;
  va_list arguments;
  va_start(arguments, note_format);
  (void)vsnprintf(note, sizeof note, note_format, arguments); /* cut is meant */
  va_end(arguments);
  cut(note);
  int64_t now_ms = loop_now_ms(kube_client_loop(recorder->client));
  const char *type_text = type == EVENT_WARNING ? "Warning" : "Normal";
  (void)snprintf(key, sizeof key, "%s\n%s\n%s\n%s\n%s", subject->uid ? subject->uid : subject->name, type_text, reason, action, note);
  struct series *series = map_get(recorder->series, key);
  bool repeats = series && now_ms - series->last_ms < SERIES_MS;
  if (!repeats) forget_old_series(recorder, now_ms);
  end = strchr(key, '\n');
  *end = '\0'; /* the subject alone */
  bool may = (repeats && series->count >= 2) || allowed(recorder, key, type, now_ms);
  *end = '\n';
  if (!may) {
    recorder->counts.dropped++;
    return;
  }
  if (repeats) {
    repeat(recorder, series, now_ms);
    return;
  }
  series = series_new(subject, now_ms);
  if (!series || map_put(recorder->series, key, series) < 0) {
    series_free(series);
    recorder->counts.dropped++;
    return;
  }
  create(recorder, subject, series, type_text, reason, action, note);
}

struct event_recorder *events_new(struct kube_client *client, const struct event_recorder_options *options, struct error *error) {
  _cleanup_(events_freep) struct event_recorder *recorder = calloc(1, sizeof *recorder);
  if (!recorder) {
    error_oom(error);
    return NULL;
  }
  recorder->client = client;
  recorder->controller = strdup(options->controller);
  recorder->instance = strdup(options->instance);
  recorder->series = map_new(series_free);
  recorder->allowances = map_new(free);
  if (recorder->controller && recorder->instance && recorder->series && recorder->allowances) return TAKE(recorder);
  error_oom(error);
  return NULL;
}

void events_free(struct event_recorder *recorder) {
  if (!recorder) return;
  while (recorder->pending) {
    kube_cancel(recorder->pending->call);
    pending_free(recorder->pending);
  }
  map_free(recorder->series);
  map_free(recorder->allowances);
  free(recorder->controller);
  free(recorder->instance);
  free(recorder);
}

const struct event_counts *events_counts(const struct event_recorder *recorder) { return &recorder->counts; }
unsigned events_in_flight(const struct event_recorder *recorder) { return recorder->in_flight; }
