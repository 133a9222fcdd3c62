/* Texts that bear their own certificates. The input is tried as a text as it is; split at its first line end, as a header and a payload that
 * are signed well; and as a payload, or as a first certificate, under a header and a signature that are right. */
#include "crypto/x5c.h"
#include "forge_x5c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct forged root, issuer, leaf;
static struct x5c *x5c;
static struct buffer header;

static void prepare(void) {
  if (x5c) return;
  root = forge_certificate(NULL, &(struct forged_as){.ca = true});
  issuer = forge_certificate(&root, &(struct forged_as){.ca = true, .oid = ISSUER_OID});
  leaf = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID});
  char *pem = forge_pem(&root);
  x5c = x5c_new(&(struct x5c_rules){.roots_pem = pem, .leaf_oid = LEAF_OID, .issuer_oid = ISSUER_OID, .date_member = "signedDate"}, NULL);
  free(pem);
  buffer_init(&header, 1 << 16);
  forge_header("ES256", (const struct forged *[]){&leaf, &issuer, &root}, 3, &header);
  forge_must(x5c && !header.failed);
}

static enum x5c_refusal verify(const char *text, size_t n) {
  cJSON *payload = NULL;
  struct error error = {0};
  enum x5c_refusal refusal = X5C_ACCEPTED;
  int rc = x5c_verify(x5c, text, n, &payload, &refusal, &error);
  forge_must(rc == 0 ? refusal == X5C_ACCEPTED && cJSON_IsObject(payload) && json_member(payload, "signedDate")
                     : refusal != X5C_ACCEPTED && error.kind == ERROR_INVALID && !payload);
  cJSON_Delete(payload);
  return refusal;
}

static enum x5c_refusal verify_signed(const char *head, size_t head_n, const char *payload, size_t payload_n) {
  struct buffer text;
  buffer_init(&text, 1 << 20);
  forge_jws(&leaf, head, head_n, payload, payload_n, &text);
  enum x5c_refusal refusal = verify(text.data, text.len);
  buffer_done(&text);
  return refusal;
}

/* DER is what nobody signs as: a certificate that isn't ours must never be taken. */
static void verify_certificate(const char *der, size_t n) {
  static const char payload[] = "{\"signedDate\":1750000000000}";
  struct buffer other;
  buffer_init(&other, 1 << 16);
  buffer_puts(&other, "{\"alg\":\"ES256\",\"x5c\":[\"");
  base64_encode(der, n, &other);
  buffer_puts(&other, "\",\"");
  forge_append_x5c(&issuer, &other);
  buffer_puts(&other, "\",\"\"]}");
  forge_must(other.failed || verify_signed(other.data, other.len, payload, sizeof payload - 1) == X5C_WRONG_CHAIN);
  buffer_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  const char *text = (const char *)data, *end = memchr(text, '\n', n);
  prepare();
  (void)verify(text, n);
  if (end) (void)verify_signed(text, (size_t)(end - text), end + 1, n - (size_t)(end - text) - 1);
  enum x5c_refusal refusal = verify_signed(header.data, header.len, text, n);
  forge_must(refusal == X5C_ACCEPTED || refusal == X5C_MALFORMED || refusal == X5C_WRONG_DATE);
  verify_certificate(text, n);
  return 0;
}
