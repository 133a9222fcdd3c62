/* Texts that bear their own certificates. The input is tried as such a text as it is; split at its first line end, as a header and a payload
 * that a chain of ours signs well, so that what stands behind the signature is reached: "LEAF", "ISSUER" and "ROOT" in the header become
 * those certificates; and as a first certificate, under a header and a signature that are right.
 */
#include "../tests/forge_x5c.h"
#include "crypto/x5c.h"
#include "testing/fuzz.h"

#include <openssl/err.h>

enum { TEXT_MAX = 1 << 20 };

static struct forged chain[3]; /* the leaf first */

static struct x5c *trusting(void) {
  static struct x5c *x5c;
  if (x5c) return x5c;
  chain[2] = forge_certificate(NULL, &(struct forged_as){.ca = true});
  chain[1] = forge_certificate(&chain[2], &(struct forged_as){.ca = true, .oid = ISSUER_OID});
  chain[0] = forge_certificate(&chain[1], &(struct forged_as){.oid = LEAF_OID});
  char *pem = forge_pem(&chain[2]);
  struct x5c_rules rules = {.roots_pem = pem, .leaf_oid = LEAF_OID, .issuer_oid = ISSUER_OID, .date_member = "signedDate"};
  x5c = x5c_new(&rules, NULL);
  demand(x5c);
  free(pem);
  return x5c;
}

static enum x5c_refusal verify(const char *jws, size_t n) {
  cJSON *payload = NULL;
  enum x5c_refusal refusal;
  struct error error = {0};
  if (x5c_verify(trusting(), jws, n, &payload, &refusal, &error) < 0)
    demand(!payload && refusal != X5C_ACCEPTED && error.kind == ERROR_INVALID && *error.message);
  else
    demand(refusal == X5C_ACCEPTED && cJSON_IsObject(payload) && json_int(payload, "signedDate", 0) / 1000 >= FORGED_FROM_S);
  demand(!ERR_peek_error());
  cJSON_Delete(payload);
  return refusal;
}

static enum x5c_refusal verify_signed(const struct buffer *header, const char *payload, size_t n) {
  struct buffer jws;
  buffer_init(&jws, 2 * TEXT_MAX);
  forge_jws(&chain[0], buffer_text(header), header->len, payload, n, &jws);
  enum x5c_refusal refusal = verify(buffer_text(&jws), jws.len);
  buffer_done(&jws);
  return refusal;
}

static void put_header(const char *text, size_t n, struct buffer *to) {
  static const char *const words[] = {"LEAF", "ISSUER", "ROOT"};
  for (const char *end = text + n; text < end;) {
    size_t word = 0;
    while (word < ELEMENTS(words) && ((size_t)(end - text) < strlen(words[word]) || memcmp(text, words[word], strlen(words[word])) != 0))
      word++;
    if (word < ELEMENTS(words)) {
      forge_append_x5c(&chain[word], to);
      text += strlen(words[word]);
    } else {
      buffer_append(to, text++, 1);
    }
  }
}

/* DER is what nobody signs as: a certificate that isn't ours must never be taken. */
static void verify_certificate(const char *der, size_t n) {
  static const char payload[] = "{\"signedDate\":1750000000000}";
  struct buffer header;
  buffer_init(&header, TEXT_MAX);
  buffer_puts(&header, "{\"alg\":\"ES256\",\"x5c\":[\"");
  base64_encode(der, n, &header);
  buffer_puts(&header, "\",\"");
  forge_append_x5c(&chain[1], &header);
  buffer_puts(&header, "\",\"\"]}");
  demand(verify_signed(&header, payload, sizeof payload - 1) == X5C_WRONG_CHAIN);
  buffer_done(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const char *text = (const char *)data, *end = text + n, *newline = memchr(text, '\n', n), *payload = newline ? newline + 1 : end;
  struct buffer header;
  (void)verify(text, n);
  buffer_init(&header, TEXT_MAX);
  put_header(text, (size_t)((newline ? newline : end) - text), &header);
  (void)verify_signed(&header, payload, (size_t)(end - payload));
  buffer_done(&header);
  verify_certificate(text, n);
  return 0;
}
