#include "observe/sentry.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "observe/sentry_dsn.h"
#include "observe/sentry_limits.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEND_MS = 5000, CONNECT_MS = 3000, ANSWER_MAX = 64 * 1024, HEADER_MAX = 512 };

enum drop { DROP_FULL, DROP_LIMITED, DROP_FAILED, DROPS };

struct envelope {
  enum sentry_kind kind;
  struct buffer bytes;
  struct envelope *next;
};

struct sentry {
  struct loop *loop;
  struct sentry_source source;
  struct sentry_dsn dsn;
  struct http_client *client; /* NULL: there is no DSN */
  struct task send;
  struct http_transfer *transfer;
  struct envelope *first, **last;
  unsigned count;
  struct sentry_limits limits;
  bool away; /* the last one didn't get there, and that was said */
  struct series *sent, *dropped[DROPS];
};

bool sentry_is_on(const struct sentry *sentry) { return sentry->client; }

/* ---- sending ---- */

static struct envelope *envelope_free(struct envelope *envelope) {
  if (envelope) buffer_done(&envelope->bytes);
  free(envelope);
  return NULL;
}

static struct envelope *take_first(struct sentry *sentry) {
  struct envelope *envelope = sentry->first;
  if (!envelope) return NULL;
  sentry->first = envelope->next;
  if (!sentry->first) sentry->last = &sentry->first;
  sentry->count--;
  return envelope;
}

static void drop(struct sentry *sentry, enum drop why) { series_add(sentry->dropped[why], 1); }

/* Said when it begins, not for each one. */
static void note_outcome(struct sentry *sentry, const struct http_response *response) {
  bool arrived = response->status >= 200 && response->status < 300;
  bool limited = response->status == 429;
  if (arrived)
    series_add(sentry->sent, 1);
  else
    drop(sentry, limited ? DROP_LIMITED : DROP_FAILED);
  if (!arrived && !limited && !sentry->away)
    log_warn("reports don't get to Sentry", log_int("status", response->status), log_err(&response->error));
  if (arrived && sentry->away) log_info("reports get to Sentry again");
  sentry->away = !arrived && (sentry->away || !limited);
}

static void on_done(void *owner, const struct http_response *response) {
  struct sentry *sentry = owner;
  sentry->transfer = NULL;
  sentry_limits_note(&sentry->limits, loop_now_ms(sentry->loop), response->status, response->retry_after_ms,
                     response->status ? http_response_header(response, "x-sentry-rate-limits") : NULL);
  note_outcome(sentry, response);
  task_schedule(&sentry->send);
}

static void post(struct sentry *sentry, const struct envelope *envelope) {
  char auth[HEADER_MAX];
  struct error error;
  (void)snprintf(auth, sizeof auth,
                 "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=supernova-server/" SUPERNOVA_VERSION ", sentry_key=%s",
                 sentry->dsn.key);
  const char *headers[] = {auth, "Content-Type: application/x-sentry-envelope", NULL};
  sentry->transfer = http_send(sentry->client,
                               &(struct http_request){.method = "POST",
                                                      .url = sentry->dsn.url,
                                                      .headers = headers,
                                                      .body = envelope->bytes.data,
                                                      .body_len = envelope->bytes.len,
                                                      .timeout_ms = SEND_MS,
                                                      .max_response = ANSWER_MAX,
                                                      .on_done = on_done,
                                                      .owner = sentry},
                               &error);
  if (!sentry->transfer) drop(sentry, DROP_FAILED);
}

static void on_send(struct task *task) {
  struct sentry *sentry = CONTAINER_OF(task, struct sentry, send);
  while (sentry->first && !sentry->transfer) {
    struct envelope *envelope = take_first(sentry);
    if (sentry_limits_hold(&sentry->limits, envelope->kind, loop_now_ms(sentry->loop)))
      drop(sentry, DROP_LIMITED);
    else
      post(sentry, envelope);
    envelope_free(envelope);
  }
}

void sentry_tell(struct sentry *sentry, const struct sentry_report *report) {
  if (!sentry->client) return;
  bool held_back = sentry_limits_hold(&sentry->limits, report->kind, loop_now_ms(sentry->loop));
  struct envelope *envelope = sentry->count < SENTRY_QUEUE && !held_back ? calloc(1, sizeof *envelope) : NULL;
  if (envelope) {
    envelope->kind = report->kind;
    buffer_init(&envelope->bytes, SENTRY_ENVELOPE_MAX);
    sentry_envelope(&sentry->source, report, &envelope->bytes);
    if (envelope->bytes.failed) envelope = envelope_free(envelope);
  }
  if (!envelope) {
    drop(sentry, held_back ? DROP_LIMITED : DROP_FULL);
    return;
  }
  *sentry->last = envelope;
  sentry->last = &envelope->next;
  sentry->count++;
  task_schedule(&sentry->send);
}

void sentry_flush(struct sentry *sentry, int64_t patience_ms) {
  int64_t until_ms = clock_monotonic_ms() + patience_ms;
  while ((sentry->first || sentry->transfer) && clock_monotonic_ms() < until_ms)
    if (loop_turn(sentry->loop, 20, NULL) < 0) return;
}

/* ---- its life ---- */

static struct sentry_source source_of(const struct settings *settings) {
  return (struct sentry_source){.environment = settings->sentry_env ? settings->sentry_env : settings_environment_name(settings),
                                .server_name = settings->pod_name,
                                .stack = settings->stack,
                                .dist = settings->release_hash};
}

static void count_from_zero(struct sentry *sentry, struct metrics *metrics) {
  static const char *const reasons[DROPS] = {
      [DROP_FULL] = "reason=\"full\"", [DROP_LIMITED] = "reason=\"limited\"", [DROP_FAILED] = "reason=\"failed\""};
  sentry->sent = metrics_series(metrics, METRIC_SENTRY_SENT, "");
  for (unsigned i = 0; i < DROPS; i++) sentry->dropped[i] = metrics_series(metrics, METRIC_SENTRY_DROPPED, reasons[i]);
}

struct sentry *sentry_new(struct loop *loop, const struct settings *settings, struct metrics *metrics, struct error *error) {
  struct sentry *sentry = calloc(1, sizeof *sentry);
  if (!sentry) return error_oom(error), NULL;
  *sentry = (struct sentry){.loop = loop, .source = source_of(settings)};
  sentry->last = &sentry->first;
  task_init(&sentry->send, loop, on_send);
  if (!settings->sentry_dsn || sentry_dsn_parse(settings->sentry_dsn, &sentry->dsn) < 0) return sentry; /* settings_load has refused such */
  count_from_zero(sentry, metrics);
  sentry->client = http_client_new(
      loop, &(struct http_client_options){.user_agent = "supernova-server/" SUPERNOVA_VERSION, .connect_timeout_ms = CONNECT_MS}, error);
  if (sentry->client) return sentry;
  sentry_free(sentry);
  return NULL;
}

void sentry_free(struct sentry *sentry) {
  if (!sentry) return;
  task_stop(&sentry->send);
  http_client_free(sentry->client);
  while (sentry->first) {
    drop(sentry, DROP_FAILED);
    envelope_free(take_first(sentry));
  }
  free(sentry);
}
