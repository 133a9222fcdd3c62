#include "iap/google_push.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "crypto/jwt.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_BYTES_MAX = 256 * 1024, USUAL_AGE_S = 3600, AGE_MAX_S = 86400, COOL_DOWN_MS = 30000, SKEW_S = 60 };

void google_push_init(struct google_push *push, const struct settings *settings, struct http_client *client) {
  *push = (struct google_push){.settings = settings, .client = client};
}

void google_push_done(struct google_push *push) {
  http_cancel(TAKE(push->transfer));
  jwks_free(TAKE(push->keys));
}

const char *google_push_missing(const struct google_push *push) {
  if (!push->settings->google_push_audience) return "GOOGLE_PUSH_AUDIENCE";
  if (!push->settings->google_push_email) return "GOOGLE_PUSH_EMAIL";
  return NULL;
}

/* ---- the token ---- */

static const char *refuse_claims(const struct google_push *push, const cJSON *claims) {
  const char *iss = json_string(claims, "iss", ""), *email = json_string(claims, "email", "");
  if (strcmp(iss, "https://accounts.google.com") != 0 && strcmp(iss, "accounts.google.com") != 0) return "its issuer is not Google";
  if (strcmp(email, push->settings->google_push_email) != 0) return "its email is not GOOGLE_PUSH_EMAIL";
  if (!json_bool(claims, "email_verified", false)) return "its email is not verified";
  return NULL;
}

/* NULL: let in. */
static const char *judge(const struct google_push *push, const char *token, enum jwt_refusal *ret_why) {
  _cleanup_(jwt_claims_done) struct jwt_claims claims = {0};
  struct jwt_rules rules = {
      .keys = push->keys, .audience = push->settings->google_push_audience, .now_s = clock_real_ms() / 1000, .skew_s = SKEW_S};
  *ret_why = JWT_ACCEPTED;
  if (jwt_verify(&rules, token, strlen(token), &claims, ret_why, NULL) < 0) return jwt_refusal_name(*ret_why);
  return refuse_claims(push, claims.claims);
}

/* ---- Google's keys ---- */

/* Cache-Control's max-age, in seconds (RFC 9111, 5.2.2.1). */
static int64_t max_age_s(const struct http_response *response) {
  const char *control = http_response_header(response, "cache-control"), *at = control ? strstr(control, "max-age=") : NULL;
  int64_t age_s;
  if (!at) return USUAL_AGE_S;
  at += strlen("max-age=");
  return parse_int64_n(at, strspn(at, "0123456789"), 0, AGE_MAX_S, &age_s) == 0 ? age_s : USUAL_AGE_S;
}

static int read_keys(struct google_push *push, const struct http_response *response, struct error *error) {
  struct jwks *keys;
  if (response->error.kind) return *error = response->error, error_wrap(error, "ask for Google's keys");
  if (response->status != 200) return error_set(error, ERROR_RETRY, "Google's keys are not to be had: it answers %d", response->status);
  if (jwks_parse(response->body, response->body_len, &keys, error) < 0) return error_wrap(error, "Google's keys");
  jwks_free(push->keys);
  push->keys = keys;
  push->fresh_until_ms = clock_monotonic_ms() + max_age_s(response) * 1000;
  return 0;
}

static void finish(struct google_push_check *check, const char *refusal, const struct error *error) {
  free(TAKE(check->token));
  check->done(check, refusal, error);
}

static void remove_wait(struct google_push_check *check) {
  *check->previous = check->next;
  if (check->next) check->next->previous = check->previous;
  check->previous = NULL;
}

static void on_keys(void *owner, const struct http_response *response) {
  struct google_push *push = owner;
  struct error error = {0};
  push->transfer = NULL;
  bool failed = read_keys(push, response, &error) < 0;
  error.kind = failed ? ERROR_RETRY : ERROR_NONE;
  if (failed) log_warn("Google's keys can't be read", log_err(&error), log_bool("olderOnesAreUsed", push->keys != NULL));
  struct google_push_check *all = TAKE(push->waiting);
  if (all) all->previous = &all;
  while (all) {
    struct google_push_check *check = all;
    enum jwt_refusal why;
    remove_wait(check);
    const char *refusal = push->keys ? judge(push, check->token, &why) : NULL;
    finish(check, refusal, push->keys ? NULL : &error);
  }
}

static int ask(struct google_push *push, const char *traceparent, struct error *error) {
  push->asked_ms = clock_monotonic_ms();
  push->transfer = store_send(push->client,
                              &(struct store_request){.url = push->settings->google_certs_url,
                                                      .traceparent = traceparent,
                                                      .max_response = KEYS_BYTES_MAX,
                                                      .on_done = on_keys,
                                                      .owner = push},
                              error);
  return push->transfer ? 0 : -1;
}

/* ---- asking ---- */

void google_push_check(struct google_push *push, struct google_push_check *check, const char *token, size_t n) {
  struct error error = {0};
  enum jwt_refusal why = JWT_UNKNOWN_KEY;
  int64_t now_ms = clock_monotonic_ms();
  check->previous = NULL;
  check->token = strndup(token, n);
  if (!check->token) {
    error_oom(&error);
    finish(check, NULL, &error);
    return;
  }
  bool cool = !push->asked_ms || now_ms - push->asked_ms >= COOL_DOWN_MS;
  bool fresh = push->keys && now_ms < push->fresh_until_ms;
  const char *refusal = push->keys ? judge(push, check->token, &why) : NULL;
  bool may_wait = push->transfer || cool || !push->keys;
  if (push->keys && ((fresh && why != JWT_UNKNOWN_KEY) || !may_wait)) {
    finish(check, refusal, NULL);
  } else if (!push->transfer && ask(push, check->traceparent, &error) < 0) {
    finish(check, NULL, &error);
  } else {
    check->next = push->waiting;
    check->previous = &push->waiting;
    if (check->next) check->next->previous = &check->next;
    push->waiting = check;
  }
}

void google_push_cancel(struct google_push_check *check) {
  if (check->previous) remove_wait(check);
  free(TAKE(check->token));
}
