/* CollabPay's webhook: a timestamp, a signature ("SIGN" stands for the right one) and a body, a line each but for the body. What isn't signed for that
 * very timestamp and body is never let in; what is taken for a payment is one, and its digest doesn't depend on how it is written.
 */
#include "auth/signature.h"
#include "routes/body_digest.h"
#include "store/payment.h"
#include "testing/fuzz.h"

#include <string.h>

enum { NOW_S = 1767225600 };

static const char secret[] = "the-secret-in-force-0123456789";

static struct secrets *known_secrets(void) {
  static struct settings settings;
  static struct secrets secrets = {.settings = &settings};
  settings.collab_pay_webhook_secret.current = (char *)(uintptr_t)secret;
  return &secrets;
}

static struct span take_line(struct span *text) {
  struct span line = span_cut(text, '\n');
  return line.at ? line : (struct span){"", 0};
}

static void sign(struct span timestamp, struct span body, char to[SHA256_HEX_SIZE]) {
  struct buffer text;
  unsigned char mac[SHA256_BYTES];
  buffer_init(&text, 1 << 20);
  buffer_append(&text, timestamp.at, timestamp.len);
  buffer_puts(&text, ".");
  buffer_append(&text, body.at, body.len);
  demand(hmac_sha256(secret, strlen(secret), text.data, text.len, mac) == 0);
  digest_hex(mac, to);
  buffer_done(&text);
}

static void check_signature(struct span timestamp, struct span mac, struct span body) {
  char right[SHA256_HEX_SIZE];
  struct arena *arena = arena_new(1 << 20);
  sign(timestamp, body, right);
  bool is_right = mac.len == strlen(right) && !strncasecmp(mac.at, right, mac.len);
  if (span_equal(mac, SPAN("SIGN"))) mac = (struct span){right, strlen(right)}, is_right = true;
  enum signature found = signature_check(known_secrets(), timestamp, mac, body, NOW_S, arena);
  demand(is_right || found == SIGNATURE_WRONG || found == SIGNATURE_MISSING);
  demand(!signature_sentence(found) == (found == SIGNATURE_GOOD));
  arena_free(arena);
}

static void check_body(struct span body) {
  cJSON *json = NULL, *back = NULL;
  struct payment payment;
  struct buffer text;
  char once[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
  if (!body.len || json_parse(body.at, body.len, &json_limits_request, &json, NULL) < 0) return;
  buffer_init(&text, 1 << 20);
  json_print(json, &text);
  demand(json_parse(text.data, text.len, &json_limits_request, &back, NULL) == 0);
  demand(body_digest(json, NULL, once) == 0 && body_digest(back, NULL, again) == 0 && !strcmp(once, again));
  if (payment_read(json, &payment) == 0)
    demand(payment.event < PAYMENT_EVENTS && payment.id && payment.profile &&
           !strcmp(payment_event_name(payment.event), json_string(json, "event", "")));
  buffer_done(&text);
  cJSON_Delete(json);
  cJSON_Delete(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct span rest = {(const char *)data, n}, timestamp = take_line(&rest), mac = take_line(&rest);
  struct span body = rest.at ? rest : (struct span){"", 0};
  check_signature(timestamp, mac, body);
  check_body(body);
  return 0;
}
