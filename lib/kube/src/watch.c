#include "watch_decode.h"
#include "watch_state.h"

#include "answer.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  DEFAULT_PAGE = 500,
  DEFAULT_SILENCE_MS = 90000,
  DEFAULT_MAX_OBJECT = 8 << 20,
  PAGE_TIMEOUT_MS = 60000,
  STABLE_MS = 60000,
  STREAM_MIN_S = 300,
  STREAM_SPREAD_S = 300,
  STREAM_AT_LEAST_MS = 1000, /* one that ends sooner is a failure: it must not be followed without a pause */
  BACKOFF_INITIAL_MS = 800,
  BACKOFF_MAX_MS = 30000,
};

struct watch {
  struct kube_client *client;
  struct loop *loop;
  struct kube_resource resource;
  char *namespace, *labels, *fields;
  bool metadata_only;
  unsigned page_size;
  int64_t silence_ms;
  size_t max_object_bytes;
  const struct watch_sink *sink;
  void *owner;

  enum watch_state state;
  char *version;   /* where the stream goes on; NULL: list */
  char *next_page; /* the API server's continue token */
  struct kube_call *call;
  struct watch_decoder decoder;
  struct error broken; /* what a line or an item said or was: ends the call */
  struct backoff backoff;
  struct timer retry, silence;
  struct task stop;                    /* a call may not be ended from within its own data */
  int64_t stream_since_ms, current_ms; /* current_ms 0: never */
  bool synced;
  struct watch_counts counts;
  struct error last_error;
};

static const struct error out_of_memory = {.kind = ERROR_RETRY, .message = "out of memory"};

static void enter(struct watch *watch, enum watch_input input);

/* --- what is asked -------------------------------------------------------------------------------------------------------------- */

static void make_path(const struct watch *watch, struct buffer *path) {
  kube_path(path, &watch->resource, watch->namespace, NULL, NULL);
  if (watch->labels) kube_query(path, "labelSelector", watch->labels);
  if (watch->fields) kube_query(path, "fieldSelector", watch->fields);
}

static const char *accepted(const struct watch *watch, bool list) {
  if (!watch->metadata_only) return "application/json";
  return list ? "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
              : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
}

static int64_t now_ms(const struct watch *watch) { return loop_now_ms(watch->loop); }

static void end_call(struct watch *watch) {
  kube_cancel(TAKE(watch->call));
  watch_decoder_done(&watch->decoder);
  timer_stop(&watch->silence);
  task_stop(&watch->stop);
}

static void forget(char **text) {
  free(*text);
  *text = NULL;
}

static void fail(struct watch *watch, const struct error *error) {
  end_call(watch);
  watch->counts.failures++;
  watch->last_error = *error;
  if (!watch->backoff.attempts) log_warn("a watch is interrupted", log_str("resource", watch->resource.plural), log_err(error));
  forget(&watch->next_page);
  if (error->kind == ERROR_GONE) {
    watch->counts.expired++;
    forget(&watch->version);
  }
  enter(watch, error->kind == ERROR_GONE ? WATCH_EXPIRED : WATCH_FAILED);
}

static void on_stop(struct task *task) {
  struct watch *watch = CONTAINER_OF(task, struct watch, stop);
  struct error error = watch->broken;
  fail(watch, &error);
}

static void break_off(struct watch *watch, const struct error *error) {
  watch->broken = *error;
  task_schedule(&watch->stop);
}

static void on_data(void *owner, const char *bytes, size_t n) {
  struct watch *watch = owner;
  struct error error = {0};
  if (watch->broken.kind) return;
  if (watch_decoder_feed(&watch->decoder, bytes, n, &error) < 0) break_off(watch, &error);
}

static void ask(struct watch *watch, struct buffer *path, bool list, void (*on_done)(void *, const struct kube_response *),
                int (*on_object)(void *, const char *, size_t, struct error *)) {
  struct error error = {0};
  watch->broken = (struct error){0};
  watch_decoder_init(&watch->decoder, !list, watch->max_object_bytes, on_object, watch);
  if (path->failed)
    error_oom(&error);
  else
    watch->call = kube_send(watch->client,
                            &(struct kube_request){.path = buffer_text(path),
                                                   .accept = accepted(watch, list),
                                                   .timeout_ms = list ? PAGE_TIMEOUT_MS : -1,
                                                   .lane = KUBE_LANE_WATCH,
                                                   .on_data = on_data,
                                                   .on_done = on_done,
                                                   .owner = watch},
                            &error);
  if (!watch->call) break_off(watch, &error);
}

/* --- lists ---------------------------------------------------------------------------------------------------------------------- */

static int on_item(void *owner, const char *text, size_t n, struct error *error) {
  struct watch *watch = owner;
  _cleanup_(json_freep) cJSON *object = NULL;
  if (json_parse(text, n, &json_limits_cluster, &object, error) < 0) {
    watch->counts.undecodable++;
    return error_wrap(error, "an item of the list");
  }
  watch->sink->list_item(watch->owner, object);
  return 0;
}

static void list_page(struct watch *watch);

static int keep(char **to, const char *text) {
  char *copy = strdup(text);
  if (!copy) return -1;
  free(*to);
  *to = copy;
  return 0;
}

static int take_page(struct watch *watch, struct error *error) {
  size_t n;
  const char *skeleton = watch_decoder_skeleton(&watch->decoder, &n);
  _cleanup_(json_freep) cJSON *json = NULL;
  if (json_parse(skeleton, n, &json_limits_cluster, &json, error) < 0) return error_wrap(error, "the list");
  const char *next = json_string(json, "metadata.continue", ""), *version = json_string(json, "metadata.resourceVersion", "");
  forget(&watch->next_page);
  if (*next) return keep(&watch->next_page, next) < 0 ? error_oom(error) : 0;
  if (!*version) return error_set(error, ERROR_RETRY, "the list bears no resourceVersion");
  return keep(&watch->version, version) < 0 ? error_oom(error) : 0;
}

static void on_page(void *owner, const struct kube_response *response) {
  struct watch *watch = owner;
  struct error error = response->error;
  watch->call = NULL;
  if (watch->broken.kind) error = watch->broken;
  if (error.kind || take_page(watch, &error) < 0) {
    fail(watch, &error);
    return;
  }
  end_call(watch);
  if (watch->next_page) {
    list_page(watch);
    return;
  }
  watch->synced = true;
  watch->current_ms = now_ms(watch);
  watch->counts.lists++;
  watch->sink->list_end(watch->owner);
  enter(watch, WATCH_LISTED);
}

static void list_page(struct watch *watch) {
  _cleanup_buffer_ struct buffer path;
  char limit[16];
  make_path(watch, &path);
  (void)snprintf(limit, sizeof limit, "%u", watch->page_size); /* always fits */
  kube_query(&path, "limit", limit);
  if (watch->next_page) kube_query(&path, "continue", watch->next_page);
  ask(watch, &path, true, on_page, on_item);
}

/* --- streams -------------------------------------------------------------------------------------------------------------------- */

static int say_error(const cJSON *status, struct error *error) {
  answer_error_of_status((int)json_int(status, "code", 0), json_string(status, "reason", ""),
                         json_string(status, "message", "the watch ended with an error without words"),
                         json_int(status, "details.retryAfterSeconds", 0) * 1000, error);
  return -1;
}

static int take_event(struct watch *watch, const char *type, const cJSON *object, struct error *error) {
  static const char *const changes[] = {[WATCH_ADDED] = "ADDED", [WATCH_MODIFIED] = "MODIFIED", [WATCH_DELETED] = "DELETED"};
  if (!strcmp(type, "ERROR")) return say_error(object, error);
  const char *version = json_string(object, "metadata.resourceVersion", NULL);
  if (!version) return error_set(error, ERROR_RETRY, "an event bears no object with a resourceVersion");
  if (keep(&watch->version, version) < 0) return error_oom(error);
  watch->counts.bookmarks += !strcmp(type, "BOOKMARK");
  for (size_t change = 0; change < ELEMENTS(changes); change++) {
    if (strcmp(type, changes[change])) continue;
    watch->counts.events++;
    watch->sink->event(watch->owner, (enum watch_change)change, object);
  }
  return 0; /* types that we don't know are passed over */
}

static int on_line(void *owner, const char *text, size_t n, struct error *error) {
  struct watch *watch = owner;
  _cleanup_(json_freep) cJSON *json = NULL;
  if (json_parse(text, n, &json_limits_cluster, &json, error) < 0) {
    watch->counts.undecodable++;
    return error_wrap(error, "an event");
  }
  watch->current_ms = now_ms(watch);
  watch->last_error = (struct error){0};
  if (timer_set(&watch->silence, watch->silence_ms) < 0) return error_oom(error);
  return take_event(watch, json_string(json, "type", ""), json_member(json, "object"), error);
}

static void on_stream_end(void *owner, const struct kube_response *response) {
  struct watch *watch = owner;
  struct error error = response->error;
  watch->call = NULL;
  if (watch->broken.kind) error = watch->broken;
  if (!error.kind && now_ms(watch) - watch->stream_since_ms < STREAM_AT_LEAST_MS)
    error_set(&error, ERROR_RETRY, "the watch was ended as soon as it had begun");
  if (error.kind) {
    fail(watch, &error);
    return;
  }
  end_call(watch);
  enter(watch, WATCH_ENDED);
}

static void on_silence(struct timer *timer) {
  struct watch *watch = CONTAINER_OF(timer, struct watch, silence);
  struct error error;
  watch->counts.silences++;
  error_set(&error, ERROR_RETRY, "the watch of %s showed neither an event nor a bookmark for %lld s", watch->resource.plural,
            (long long)(watch->silence_ms / 1000));
  fail(watch, &error);
}

static void open_stream(struct watch *watch) {
  _cleanup_buffer_ struct buffer path;
  char seconds[16];
  make_path(watch, &path);
  (void)snprintf(seconds, sizeof seconds, "%u", STREAM_MIN_S + (unsigned)random_below(STREAM_SPREAD_S + 1)); /* always fits */
  kube_query(&path, "watch", "true");
  kube_query(&path, "allowWatchBookmarks", "true");
  kube_query(&path, "resourceVersion", watch->version);
  kube_query(&path, "timeoutSeconds", seconds);
  watch->stream_since_ms = now_ms(watch);
  watch->counts.streams++;
  ask(watch, &path, false, on_stream_end, on_line);
  if (watch->call && timer_set(&watch->silence, watch->silence_ms) < 0) break_off(watch, &out_of_memory);
}

/* --- the machine ---------------------------------------------------------------------------------------------------------------- */

/* The first 410 in a while is answered at once: the set ages. Everything else waits, longer each time. */
static int64_t wait_ms(struct watch *watch, enum watch_input input) {
  bool first = watch->backoff.attempts == 0;
  int64_t wait = backoff_next(&watch->backoff);
  if (input == WATCH_EXPIRED && first) return 0;
  return watch->last_error.after_ms > wait ? watch->last_error.after_ms : wait;
}

static void on_retry(struct timer *timer) {
  struct watch *watch = CONTAINER_OF(timer, struct watch, retry);
  enter(watch, watch->version ? WATCH_GO_STREAM : WATCH_GO_LIST);
}

static void enter(struct watch *watch, enum watch_input input) {
  bool was_stable = watch->state == WATCH_WATCHING && now_ms(watch) - watch->stream_since_ms >= STABLE_MS;
  if (was_stable) backoff_reset(&watch->backoff);
  struct watch_step step = watch_step(watch->state, input);
  watch->state = step.next;
  switch (step.action) {
    case WATCH_LIST:
      watch->sink->list_begin(watch->owner);
      list_page(watch);
      break;
    case WATCH_STREAM: open_stream(watch); break;
    case WATCH_WAIT:
      if (timer_set(&watch->retry, wait_ms(watch, input)) < 0) break_off(watch, &out_of_memory);
      break;
    case WATCH_NOTHING: break;
  }
}

static int copy(char **to, const char *text) {
  *to = text ? strdup(text) : NULL;
  return text && !*to ? -1 : 0;
}

struct watch *watch_new(struct kube_client *client, const struct watch_options *options, struct error *error) {
  _cleanup_(watch_freep) struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) {
    error_oom(error);
    return NULL;
  }
  watch->client = client;
  watch->loop = kube_client_loop(client);
  watch->resource = *options->resource;
  watch->metadata_only = options->metadata_only;
  watch->page_size = options->page_size ? options->page_size : DEFAULT_PAGE;
  watch->silence_ms = options->silence_ms ? options->silence_ms : DEFAULT_SILENCE_MS;
  watch->max_object_bytes = options->max_object_bytes ? options->max_object_bytes : DEFAULT_MAX_OBJECT;
  watch->sink = options->sink;
  watch->owner = options->owner;
  watch->backoff = (struct backoff){.initial_ms = BACKOFF_INITIAL_MS, .max_ms = BACKOFF_MAX_MS, .jitter = true};
  timer_init(&watch->retry, watch->loop, on_retry);
  timer_init(&watch->silence, watch->loop, on_silence);
  task_init(&watch->stop, watch->loop, on_stop);
  /* the first list goes out in the next turn: nothing is delivered before watch_new has returned */
  if ((copy(&watch->namespace, options->namespace) | copy(&watch->labels, options->labels) | copy(&watch->fields, options->fields)) < 0 ||
      timer_set(&watch->retry, 0) < 0) {
    error_oom(error);
    return NULL;
  }
  return TAKE(watch);
}

void watch_free(struct watch *watch) {
  if (!watch) return;
  end_call(watch);
  timer_stop(&watch->retry);
  free(watch->namespace);
  free(watch->labels);
  free(watch->fields);
  free(watch->version);
  free(watch->next_page);
  free(watch);
}

enum watch_state watch_state(const struct watch *watch) { return watch->state; }
bool watch_synced(const struct watch *watch) { return watch->synced; }
int64_t watch_age_ms(const struct watch *watch) { return watch->current_ms ? now_ms(watch) - watch->current_ms : -1; }
const struct watch_counts *watch_counts(const struct watch *watch) { return &watch->counts; }
const struct error *watch_last_error(const struct watch *watch) { return &watch->last_error; }
