/* One resource in one scope, listed and then followed, for ever.
 *
 *              start/retry          listed                 ended, retry (set known)
 *      EMPTY <===========> LISTING --------> WATCHING <=====================> BROKEN
 *            failed, waits                     |  ^                             |
 *                                      expired |  | listed                      | retry, when the resourceVersion was lost
 *                                              v  |                             v
 *                                           RELISTING <-------------------------+   (its failures go to BROKEN)
 *
 * EMPTY holds nothing yet; in RELISTING and BROKEN the last complete set is still held, and ages. The list comes in pages and is decoded object by
 * object, so that memory is bounded by the largest object and not by the list. A 410 (too old a resourceVersion, an expired page) lists
 * again from the start, and the sink swaps the new set in at once, so that what vanished unseen is found. Bookmarks keep the resourceVersion
 * young. Failures wait (0.8 s doubling to 30 s, with jitter); that resets only after 60 stable seconds. A watch that shows neither event nor
 * bookmark for silence_ms is torn down and counted (the API server sends a bookmark a minute). Each stream is asked to end after 5 to 10
 * minutes, at random, and is followed by the next without a list.
 * (Kubernetes API concepts: efficient detection of changes, resource versions, large results in chunks.)
 */
#pragma once

#include "kube/client.h"

enum watch_state { WATCH_EMPTY, WATCH_LISTING, WATCH_WATCHING, WATCH_RELISTING, WATCH_BROKEN };
enum watch_change { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED };

const char *watch_state_name(enum watch_state state);

/* Objects are borrowed for the call. None of these may free the watch. */
struct watch_sink {
  void (*list_begin)(void *owner);                     /* a new set begins; what was gathered of an unfinished one is void */
  void (*list_item)(void *owner, const cJSON *object); /* apiVersion and kind may be absent in items */
  void (*list_end)(void *owner);                       /* the new set is complete: it replaces the old one */
  void (*event)(void *owner, enum watch_change change, const cJSON *object);
};

struct watch_options {
  const struct kube_resource *resource; /* borrowed */
  const char *namespace;                /* NULL: all */
  const char *labels, *fields;          /* selectors; NULL: none */
  bool metadata_only;                   /* PartialObjectMetadata: metadata without spec, status, data */
  unsigned page_size;                   /* 0: 500 */
  int64_t silence_ms;                   /* 0: 90 s */
  size_t max_object_bytes;              /* 0: 8 MB */
  const struct watch_sink *sink;        /* borrowed */
  void *owner;
};

struct watch;

/* CLIENT is borrowed and must outlive it. Text is copied. Starts at once. */
struct watch *watch_new(struct kube_client *client, const struct watch_options *options, struct error *error);
void watch_free(struct watch *watch); /* accepts NULL */

enum watch_state watch_state(const struct watch *watch);
bool watch_synced(const struct watch *watch);    /* a whole set was delivered once */
int64_t watch_age_ms(const struct watch *watch); /* since it was last known to be current: a list, an event, a bookmark; -1: never */

struct watch_counts {
  uint64_t lists, streams, events, bookmarks, failures, expired, silences, undecodable;
};
const struct watch_counts *watch_counts(const struct watch *watch);
const struct error *watch_last_error(const struct watch *watch); /* ERROR_NONE while all is well */

DEFINE_CLEANUP(struct watch, watch_freep, watch_free)
