#include "message/envelope.h"

#include "codec/base64.h"
#include "crypto/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
  URL_MAX_BYTES = 2048,
  HEADER_MAX_BYTES = 256,
  BODY_MAX_BYTES = 64 * 1024,
  ROUTING_KEY_LENGTH = 32,
  SIGNING_MIN_BYTES = 24,
  SIGNING_MAX_BYTES = 64,
  SLACK_HEADER_BYTES = 150,
  SLACK_SECTION_BYTES = 3000,
};

#define SIGNING_PREFIX "whsec_"
#define CLIENT         "supernova-operator"

/* One envelope that is being filled. */
struct filling {
  const struct letter *letter;
  const struct envelope_secret *secret;
  const char *pagerduty_url;
  int64_t now_ms;
  struct envelope *to;
};

static const char *fact(const struct filling *f, const char *key) { return json_string(f->letter->entry, key, ""); }

/* How many bytes of TEXT are left once the white space at its end is gone, which editors and echo leave there. */
static size_t trimmed(const char *text) {
  size_t n = strlen(text);
  while (n && isspace((unsigned char)text[n - 1])) n--;
  return n;
}

static bool is_url(const char *text, size_t n) {
  if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0) return false;
  for (size_t i = 0; i < n; i++)
    if (text[i] <= ' ' || text[i] == 0x7f) return false;
  return n < URL_MAX_BYTES;
}

static int take_url(struct filling *f, struct error *error) {
  size_t n = trimmed(f->secret->address);
  if (!is_url(f->secret->address, n))
    return error_set(error, ERROR_INVALID, "the Secret's value is no URL: expected https://… in one line");
  buffer_append(&f->to->url, f->secret->address, n);
  return 0;
}

static struct buffer *header(struct filling *f) {
  for (size_t i = 0; i < ENVELOPE_HEADERS_MAX; i++)
    if (!f->to->headers[i].len) return &f->to->headers[i];
  return NULL;
}

/* ---- Slack ---- */

/* What stands for the character at P (NULL: itself), and in *RET_N how many bytes that has. */
static const char *escape(const char *p, size_t *ret_n) {
  size_t n = 1;
  while (((unsigned char)p[n] & 0xC0) == 0x80) n++;
  *ret_n = n;
  return *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : NULL;
}

/* At most MAX_BYTES, cut between characters. */
static cJSON *escaped(const char *text, size_t max_bytes) {
  struct buffer to;
  size_t n;
  buffer_init(&to, BODY_MAX_BYTES);
  for (const char *p = text; *p; p += n) {
    const char *instead = escape(p, &n);
    size_t needed = instead ? strlen(instead) : n;
    if (to.len + needed > max_bytes) break;
    buffer_append(&to, instead ? instead : p, needed);
  }
  cJSON *string = cJSON_CreateString(buffer_text(&to));
  buffer_done(&to);
  return string;
}

static cJSON *slack_block(const char *type, const char *text_type, cJSON *text) {
  cJSON *block = cJSON_CreateObject();
  cJSON_AddStringToObject(block, "type", type);
  cJSON *object = cJSON_AddObjectToObject(block, "text");
  cJSON_AddStringToObject(object, "type", text_type);
  cJSON_AddItemToObject(object, "text", text);
  return block;
}

static int fill_slack(struct filling *f, cJSON *body, struct error *error) {
  cJSON_AddItemToObject(body, "text", escaped(fact(f, "subject"), SLACK_SECTION_BYTES));
  cJSON *blocks = cJSON_AddArrayToObject(body, "blocks");
  cJSON_AddItemToArray(blocks, slack_block("header", "plain_text", escaped(fact(f, "subject"), SLACK_HEADER_BYTES)));
  cJSON_AddItemToArray(blocks, slack_block("section", "mrkdwn", escaped(fact(f, "text"), SLACK_SECTION_BYTES)));
  return take_url(f, error);
}

/* ---- PagerDuty ---- */

static bool is_routing_key(const char *text, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isalnum((unsigned char)text[i])) return false;
  return n == ROUTING_KEY_LENGTH;
}

static const struct {
  const char *event, *action, *severity; /* others are change events */
} alerts[] = {
    {"ReleaseFailed", "trigger", "critical"},
    {"ReleaseDeployed", "resolve", "info"},
    {"RollbackDeployed", "resolve", "info"},
};

static cJSON *pagerduty_payload(struct filling *f, cJSON *body) {
  char place[384];
  (void)snprintf(place, sizeof place, "%s/%s", f->letter->namespace, f->letter->stack);
  cJSON *payload = cJSON_AddObjectToObject(body, "payload");
  cJSON_AddItemToObject(payload, "summary", cJSON_CreateString(fact(f, "subject")));
  cJSON_AddStringToObject(payload, "source", place);
  cJSON_AddStringToObject(payload, "timestamp", fact(f, "at"));
  cJSON *details = cJSON_AddObjectToObject(payload, "custom_details");
  cJSON_AddStringToObject(details, "id", fact(f, "id"));
  cJSON_AddStringToObject(details, "event", fact(f, "event"));
  cJSON_AddStringToObject(details, "text", fact(f, "text"));
  return payload;
}

static int fill_pagerduty(struct filling *f, cJSON *body, struct error *error) {
  size_t n = trimmed(f->secret->address);
  if (!is_routing_key(f->secret->address, n))
    return error_set(error, ERROR_INVALID, "the Secret's value is no routing key: expected the %d letters and digits of an integration",
                     ROUTING_KEY_LENGTH);
  char key[ROUTING_KEY_LENGTH + 1] = "", dedup[400];
  memcpy(key, f->secret->address, ROUTING_KEY_LENGTH);
  cJSON_AddStringToObject(body, "routing_key", key);
  cJSON *payload = pagerduty_payload(f, body);
  const char *path = "/v2/change/enqueue";
  for (size_t i = 0; i < ELEMENTS(alerts); i++) {
    if (strcmp(alerts[i].event, fact(f, "event")) != 0) continue;
    path = "/v2/enqueue";
    (void)snprintf(dedup, sizeof dedup, CLIENT "/%s/%s/release", f->letter->namespace, f->letter->stack);
    cJSON_AddStringToObject(body, "event_action", alerts[i].action);
    cJSON_AddStringToObject(body, "dedup_key", dedup);
    cJSON_AddStringToObject(body, "client", CLIENT);
    cJSON_AddStringToObject(payload, "severity", alerts[i].severity);
    cJSON_AddStringToObject(payload, "component", f->letter->stack);
    cJSON_AddStringToObject(payload, "class", fact(f, "event"));
  }
  buffer_printf(&f->to->url, "%s%s", f->pagerduty_url, path);
  return 0;
}

/* ---- CloudEvents ---- */

/* "ReleaseFailed" as "com.supernova.platform.release.failed.v1" */
static void print_type(const char *event, struct buffer *to) {
  buffer_puts(to, "com.supernova.platform");
  for (const char *p = event; *p; p++) {
    char lower = (char)tolower((unsigned char)*p);
    if (lower != *p) buffer_puts(to, ".");
    buffer_append(to, &lower, 1);
  }
  buffer_puts(to, ".v1");
}

static int fill_event(struct filling *f, cJSON *body, struct error *error) {
  static const char *const quoted[] = {"event", "subject", "text"};
  struct buffer text;
  buffer_init(&text, URL_MAX_BYTES);
  cJSON_AddStringToObject(body, "specversion", "1.0");
  cJSON_AddStringToObject(body, "id", fact(f, "id"));
  buffer_printf(&text, "/apis/" STACK_API_VERSION "/namespaces/%s/" STACK_PLURAL "/%s", f->letter->namespace, f->letter->stack);
  cJSON_AddStringToObject(body, "source", buffer_text(&text));
  buffer_clear(&text);
  print_type(fact(f, "event"), &text);
  cJSON_AddStringToObject(body, "type", buffer_text(&text));
  buffer_done(&text);
  cJSON_AddStringToObject(body, "time", fact(f, "at"));
  cJSON_AddStringToObject(body, "datacontenttype", "application/json");
  cJSON *data = cJSON_AddObjectToObject(body, "data");
  cJSON_AddStringToObject(data, "namespace", f->letter->namespace);
  cJSON_AddStringToObject(data, "name", f->letter->stack);
  for (size_t i = 0; i < ELEMENTS(quoted); i++) cJSON_AddStringToObject(data, quoted[i], fact(f, quoted[i]));
  int64_t revision = json_int(f->letter->entry, "revision", 0);
  if (revision) cJSON_AddNumberToObject(data, "revision", (double)revision);
  return take_url(f, error);
}

static int read_signing_key(const struct filling *f, struct buffer *key, struct error *error) {
  const char *text = f->secret->signing ? f->secret->signing : "";
  size_t prefix = strlen(SIGNING_PREFIX), n = trimmed(text);
  bool right = n > prefix && !strncmp(text, SIGNING_PREFIX, prefix) && base64_decode(text + prefix, n - prefix, key) == 0;
  if (right && key->len >= SIGNING_MIN_BYTES && key->len <= SIGNING_MAX_BYTES) return 0;
  return error_set(
      error, ERROR_INVALID,
      "the Secret holds no signing secret: expected %s and %d to %d bytes in base64 under the key with " STACK_SIGNING_KEY_SUFFIX
      " at its end",
      SIGNING_PREFIX, SIGNING_MIN_BYTES, SIGNING_MAX_BYTES);
}

static int sign(struct filling *f, struct error *error) {
  struct buffer key, content;
  unsigned char mac[SHA256_BYTES];
  long long now_s = (long long)(f->now_ms / 1000);
  buffer_init_secret(&key, HEADER_MAX_BYTES);
  buffer_init(&content, BODY_MAX_BYTES + HEADER_MAX_BYTES);
  int result = read_signing_key(f, &key, error);
  buffer_printf(&content, "%s.%lld.", fact(f, "id"), now_s);
  buffer_append(&content, buffer_text(&f->to->body), f->to->body.len);
  if (result == 0 && hmac_sha256(key.data, key.len, buffer_text(&content), content.len, mac) < 0) result = error_oom(error);
  buffer_done(&key);
  buffer_done(&content);
  if (result < 0) return -1;
  buffer_printf(header(f), "webhook-id: %s", fact(f, "id"));
  buffer_printf(header(f), "webhook-timestamp: %lld", now_s);
  struct buffer *signature = header(f);
  buffer_puts(signature, "webhook-signature: v1,");
  base64_encode(mac, sizeof mac, signature);
  return 0;
}

static const struct shape {
  const char *type, *content_type;
  int (*fill)(struct filling *f, cJSON *body, struct error *error);
  int (*sign)(struct filling *f, struct error *error); /* once the body stands; NULL: not signed */
} shapes[] = {
    {"slack", "application/json", fill_slack, NULL},
    {"pagerduty", "application/json", fill_pagerduty, NULL},
    {"webhook", "application/cloudevents+json; charset=UTF-8", fill_event, sign},
};

static const struct shape *shape_of(const char *type) {
  for (size_t i = 0; i < ELEMENTS(shapes); i++)
    if (!strcmp(shapes[i].type, type)) return &shapes[i];
  return NULL;
}

static void init(struct envelope *envelope) {
  buffer_init_secret(&envelope->url, URL_MAX_BYTES + 64);
  buffer_init_secret(&envelope->body, BODY_MAX_BYTES); /* PagerDuty's key is in it */
  for (size_t i = 0; i < ENVELOPE_HEADERS_MAX; i++) buffer_init(&envelope->headers[i], HEADER_MAX_BYTES);
}

int envelope_make(const struct letter *letter, const struct envelope_secret *secret, const char *pagerduty_url, int64_t now_ms,
                  struct envelope *ret, struct error *error) {
  struct filling f = {letter, secret, pagerduty_url, now_ms, ret};
  const struct shape *shape = shape_of(letter->type);
  init(ret);
  if (!shape) return error_set(error, ERROR_INVALID, "a receiver of the type %.40s is not known", letter->type);
  cJSON *body = cJSON_CreateObject();
  int result = shape->fill(&f, body, error);
  if (result == 0) json_print(body, &ret->body);
  cJSON_Delete(body);
  if (result == 0) buffer_printf(header(&f), "Content-Type: %s", shape->content_type);
  if (result == 0 && shape->sign) result = shape->sign(&f, error);
  if (result == 0 && ret->body.failed) result = error_set(error, ERROR_INVALID, "it is larger than %d bytes", BODY_MAX_BYTES);
  return result;
}

void envelope_done(struct envelope *envelope) {
  buffer_done(&envelope->url);
  buffer_done(&envelope->body);
  for (size_t i = 0; i < ENVELOPE_HEADERS_MAX; i++) buffer_done(&envelope->headers[i]);
}
