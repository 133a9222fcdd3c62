#include "auth/foreign_keys.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "http/span.h"

#include <stdio.h>
#include <string.h>

enum {
  ANSWER_MAX = 128 << 10,
  CONNECT_TIMEOUT_MS = 2000,
  AGE_USUAL_S = 300,
  AGE_MIN_S = 30,
  AGE_MAX_S = 3600,
  STALE_MS = 24 * 3600 * 1000,
};

int64_t foreign_keys_age_s(const char *cache_control) {
  struct span rest = {cache_control, cache_control ? strlen(cache_control) : 0}, item;
  int64_t age_s = AGE_USUAL_S;
  while (span_next_item(&rest, &item)) {
    struct span value = item, name = span_cut(&value, '=');
    if (span_is_word(name, "no-store") || span_is_word(name, "no-cache")) return AGE_MIN_S;
    if (value.len > 2 && *value.at == '"') value = (struct span){value.at + 1, value.len - 2};
    if (span_is_word(name, "max-age") && parse_int64_n(value.at, value.len, 0, INT64_MAX, &age_s) < 0) age_s = AGE_MIN_S;
  }
  return age_s < AGE_MIN_S ? AGE_MIN_S : age_s > AGE_MAX_S ? AGE_MAX_S : age_s;
}

/* ---- what came ---- */

/* Takes KEYS; NULL: there are none any more. The same ones in the same order leave all as it is, so that verified tokens stay remembered. */
static void keep(struct foreign_keys *foreign, struct jwks *keys) {
  struct buffer text;
  buffer_init(&text, ANSWER_MAX);
  if (keys) (void)!jwks_print(keys, &text, NULL); /* without memory it is no text of any set */
  bool same =
      !keys == !foreign->keys && text.len == foreign->text.len && !memcmp(buffer_text(&text), buffer_text(&foreign->text), text.len);
  jwks_free(same ? keys : foreign->keys);
  buffer_done(same ? &text : &foreign->text);
  if (same) return;
  foreign->keys = keys;
  foreign->text = text;
  series_set(foreign->held, (int64_t)jwks_count(keys));
  log_info("foreign keys are loaded", log_int("count", (int64_t)jwks_count(keys)));
  foreign->changed(foreign->owner);
}

static void look_again_after(struct foreign_keys *foreign, int64_t delay_ms) {
  if (timer_set(&foreign->timer, delay_ms) < 0) log_error("out of memory: foreign keys are not fetched again by themselves");
}

static void succeed(struct foreign_keys *foreign, struct jwks *keys, const char *cache_control) {
  series_add(foreign->fetched, 1);
  *foreign->failure = 0;
  foreign->forgotten_ms = clock_monotonic_ms() + STALE_MS;
  keep(foreign, keys);
  look_again_after(foreign, foreign_keys_age_s(cache_control) * 1000);
}

static void fail(struct foreign_keys *foreign, const struct error *error) {
  series_add(foreign->failed, 1);
  if (strcmp(foreign->failure, error->message) != 0) {
    (void)snprintf(foreign->failure, sizeof foreign->failure, "%s", error->message);
    log_warn("the keys at AUTH_JWKS_URL can't be fetched", log_err(error));
  }
  if (clock_monotonic_ms() >= foreign->forgotten_ms) keep(foreign, NULL);
  if (foreign->keys) look_again_after(foreign, FOREIGN_COOL_DOWN_MS);
}

static int read_answer(const struct http_response *response, struct jwks **ret, struct error *error) {
  if (response->error.kind) return *error = response->error, -1;
  if (response->status != 200) return error_set(error, ERROR_RETRY, "status %d, expected 200", response->status);
  return jwks_parse(response->body, response->body_len, ret, error);
}

static void wake(struct foreign_keys *foreign) {
  for (struct foreign_wait *wait; (wait = foreign->waiting);) {
    foreign_wait_cancel(wait);
    wait->done(wait);
  }
}

static void on_answer(void *owner, const struct http_response *response) {
  struct foreign_keys *foreign = owner;
  struct error error = {0};
  struct jwks *keys = NULL;
  foreign->transfer = NULL;
  foreign->asked_ms = clock_monotonic_ms();
  if (read_answer(response, &keys, &error) < 0)
    fail(foreign, &error);
  else
    succeed(foreign, keys, http_response_header(response, "Cache-Control"));
  wake(foreign);
}

/* ---- asking ---- */

static bool fetch(struct foreign_keys *foreign) {
  struct error error = {0};
  static const char *const headers[] = {"Accept: application/jwk-set+json, application/json", NULL};
  timer_stop(&foreign->timer);
  foreign->transfer = http_send(foreign->client,
                                &(struct http_request){.url = foreign->url,
                                                       .headers = headers,
                                                       .timeout_ms = FOREIGN_TIMEOUT_MS,
                                                       .max_response = ANSWER_MAX,
                                                       .on_done = on_answer,
                                                       .owner = foreign},
                                &error);
  if (foreign->transfer) return true;
  foreign->asked_ms = clock_monotonic_ms();
  fail(foreign, &error);
  return false;
}

static void on_timer(struct timer *timer) {
  struct foreign_keys *foreign = CONTAINER_OF(timer, struct foreign_keys, timer);
  if (!foreign->transfer) (void)fetch(foreign);
}

bool foreign_keys_wait(struct foreign_keys *foreign, struct foreign_wait *wait) {
  if (!foreign->url || foreign->waiting_count >= FOREIGN_WAITERS) return false;
  bool cooling = foreign->asked_ms && clock_monotonic_ms() - foreign->asked_ms < FOREIGN_COOL_DOWN_MS;
  if (!foreign->transfer && (cooling || !fetch(foreign))) return false;
  wait->keys = foreign;
  wait->next = foreign->waiting;
  wait->previous = &foreign->waiting;
  if (wait->next) wait->next->previous = &wait->next;
  foreign->waiting = wait;
  foreign->waiting_count++;
  return true;
}

void foreign_wait_cancel(struct foreign_wait *wait) {
  if (!wait->previous) return;
  *wait->previous = wait->next;
  if (wait->next) wait->next->previous = wait->previous;
  wait->previous = NULL;
  wait->keys->waiting_count--;
}

/* ---- its life ---- */

int foreign_keys_start(struct foreign_keys *foreign, struct loop *loop, const struct settings *settings, struct metrics *metrics,
                       void (*changed)(void *owner), void *owner, struct error *error) {
  *foreign = (struct foreign_keys){.changed = changed, .owner = owner};
  if (!settings->auth_jwks_url) return 0;
  foreign->client = http_client_new(loop,
                                    &(struct http_client_options){.user_agent = "supernova-server/" SUPERNOVA_VERSION,
                                                                  .refuse_private = true,
                                                                  .private_hosts = settings->auth_jwks_allow_private,
                                                                  .connect_timeout_ms = CONNECT_TIMEOUT_MS},
                                    error);
  if (!foreign->client) return -1;
  foreign->url = settings->auth_jwks_url;
  foreign->held = metrics_series(metrics, METRIC_FOREIGN_KEYS, "");
  foreign->fetched = metrics_series(metrics, METRIC_FOREIGN_FETCHES, "result=\"ok\"");
  foreign->failed = metrics_series(metrics, METRIC_FOREIGN_FETCHES, "result=\"failed\"");
  timer_init(&foreign->timer, loop, on_timer);
  return 0;
}

void foreign_keys_stop(struct foreign_keys *foreign) {
  while (foreign->waiting) foreign_wait_cancel(foreign->waiting);
  if (foreign->timer.loop) timer_stop(&foreign->timer);
  http_client_free(TAKE(foreign->client));
  jwks_free(TAKE(foreign->keys));
  buffer_done(&foreign->text);
  foreign->url = NULL;
}
