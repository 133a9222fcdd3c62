#include "iap/google_token.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "crypto/jwt.h"
#include "iap/google_purchase.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { EARLY_S = 300, ASSERTION_LIFE_S = 3600, FORM_MAX = 16 * 1024, TOKEN_BYTES_MAX = 4096 };

static const char scope[] = "https://www.googleapis.com/auth/androidpublisher";
static const char grant_type[] = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";

static void free_secret(char *text) {
  if (text) OPENSSL_cleanse(text, strlen(text));
  free(text);
}

/* ---- the key ---- */

static int read_key(struct google_tokens *t, const cJSON *json, struct error *error) {
  const char *pem = json_string(json, "private_key", NULL), *email = json_string(json, "client_email", NULL);
  const char *kid = json_string(json, "private_key_id", NULL);
  if (!pem || !email) return error_set(error, ERROR_INVALID, "it has no private_key or no client_email");
  if (rsa_key_parse_private(pem, strlen(pem), &t->key, error) < 0) return -1;
  t->email = strdup(email);
  t->kid = kid ? strdup(kid) : NULL;
  return t->email && (t->kid || !kid) ? 0 : error_oom(error);
}

static void cleanse(cJSON *json) {
  cJSON *pem = cJSON_GetObjectItemCaseSensitive(json, "private_key");
  if (cJSON_IsString(pem)) OPENSSL_cleanse(pem->valuestring, strlen(pem->valuestring));
}

int google_tokens_init(struct google_tokens *t, const struct settings *settings, struct http_client *client, struct error *error) {
  const char *text = settings->google_service_account_key;
  *t = (struct google_tokens){.settings = settings, .client = client};
  if (!text) return 0;
  _cleanup_(json_freep) cJSON *json = NULL;
  /* what the parser says of it could quote it */
  int result = json_parse(text, strlen(text), &google_limits, &json, NULL);
  if (result < 0) error_set(error, ERROR_INVALID, "it is not JSON");
  if (result == 0) result = read_key(t, json, error);
  cleanse(json);
  if (result == 0) return 0;
  google_tokens_done(t);
  return error_wrap(error, "GOOGLE_SERVICE_ACCOUNT_KEY");
}

void google_tokens_done(struct google_tokens *t) {
  http_cancel(TAKE(t->transfer));
  rsa_key_free(TAKE(t->key));
  free_secret(TAKE(t->token));
  free(TAKE(t->email));
  free(TAKE(t->kid));
}

/* ---- who waits ---- */

static void remove_wait(struct google_token_wait *wait) {
  *wait->previous = wait->next;
  if (wait->next) wait->next->previous = wait->previous;
  wait->previous = NULL;
}

void google_token_cancel(struct google_token_wait *wait) {
  if (wait->previous) remove_wait(wait);
}

static void add_wait(struct google_tokens *t, struct google_token_wait *wait) {
  wait->next = t->waiting;
  wait->previous = &t->waiting;
  if (wait->next) wait->next->previous = &wait->next;
  t->waiting = wait;
}

/* Those that are here now: one that asks again from its callback waits for the next answer. */
static void tell_all(struct google_tokens *t, const char *token, const struct error *error) {
  struct google_token_wait *all = t->waiting;
  t->waiting = NULL;
  if (all) all->previous = &all;
  while (all) {
    struct google_token_wait *wait = all;
    remove_wait(wait);
    wait->done(wait, token, error);
  }
}

/* ---- asking ---- */

static int read_token(struct google_tokens *t, const struct http_response *response, struct error *error) {
  _cleanup_(json_freep) cJSON *json = NULL;
  if (response->error.kind) return *error = response->error, error_wrap(error, "ask for an access token");
  if (response->status != 200) return error_set(error, ERROR_RETRY, "Google gives no access token: it answers %d", response->status);
  if (json_parse(response->body, response->body_len, &google_limits, &json, NULL) < 0)
    return error_set(error, ERROR_RETRY, "Google's answer to the request for an access token is not JSON");
  const char *token = json_string(json, "access_token", NULL);
  int64_t life_s = json_int(json, "expires_in", 0) - EARLY_S;
  size_t n = token ? strlen(token) : 0;
  if (!n || n > TOKEN_BYTES_MAX || strcspn(token, "\r\n \t") != n)
    return error_set(error, ERROR_RETRY, "Google's answer holds no access token");
  free_secret(t->token);
  t->token = strdup(token);
  t->number++;
  t->good_until_ms = clock_monotonic_ms() + (life_s > 0 ? life_s * 1000 : 0);
  return t->token ? 0 : error_oom(error);
}

static void on_answer(void *owner, const struct http_response *response) {
  struct google_tokens *t = owner;
  struct error error = {0};
  t->transfer = NULL;
  if (read_token(t, response, &error) < 0) {
    tell_all(t, NULL, &error);
    return;
  }
  /* who waits may have it given up, which must not take it from the others */
  char *token = strdup(t->token);
  if (!token) error_oom(&error);
  tell_all(t, token, token ? NULL : &error);
  free_secret(token);
}

static int write_form(struct google_tokens *t, struct buffer *form, struct error *error) {
  _cleanup_(json_freep) cJSON *claims = cJSON_CreateObject();
  int64_t now_s = clock_real_ms() / 1000;
  if (!claims || !cJSON_AddStringToObject(claims, "iss", t->email) || !cJSON_AddStringToObject(claims, "scope", scope) ||
      !cJSON_AddStringToObject(claims, "aud", t->settings->google_token_url) || !cJSON_AddNumberToObject(claims, "iat", (double)now_s) ||
      !cJSON_AddNumberToObject(claims, "exp", (double)(now_s + ASSERTION_LIFE_S)))
    return error_oom(error);
  buffer_puts(form, grant_type);
  return jwt_sign(claims, "JWT", t->key, t->kid, form, error);
}

static int ask(struct google_tokens *t, const char *traceparent, struct error *error) {
  _cleanup_(buffer_done_secret) struct buffer form;
  buffer_init_secret(&form, FORM_MAX);
  if (write_form(t, &form, error) < 0) return -1;
  t->transfer = store_send(t->client,
                           &(struct store_request){.url = t->settings->google_token_url,
                                                   .traceparent = traceparent,
                                                   .content_type = "application/x-www-form-urlencoded",
                                                   .body = form.data,
                                                   .body_len = form.len,
                                                   .max_response = 64 * 1024,
                                                   .on_done = on_answer,
                                                   .owner = t},
                           error);
  return t->transfer ? 0 : -1;
}

int google_token_get(struct google_tokens *t, struct google_token_wait *wait, const char **ret_token, struct error *error) {
  if (t->token && clock_monotonic_ms() < t->good_until_ms) return *ret_token = t->token, 0;
  if (!t->transfer && ask(t, wait->traceparent, error) < 0) return -1;
  add_wait(t, wait);
  return 0;
}

void google_tokens_forget(struct google_tokens *t, unsigned number) {
  if (number == t->number) t->good_until_ms = 0;
}
