#include "crypto/digest.h"

#include "base/hex.h"
#include "codec/json.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

/* Fetched once: an implicit fetch each call costs more than the digest of a token. Held until the process ends. */
static struct {
  pthread_once_t once;
  EVP_MD *sha256;
  EVP_MAC *hmac;
} fetched = {.once = PTHREAD_ONCE_INIT};

static void fetch(void) {
  fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  fetched.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

int sha256(const void *bytes, size_t n, unsigned char to[SHA256_BYTES]) {
  (void)pthread_once(&fetched.once, fetch); /* fails for a damaged control alone */
  return fetched.sha256 && EVP_Digest(n ? bytes : "", n, to, NULL, fetched.sha256, NULL) ? 0 : -1;
}

void digest_hex(const unsigned char digest[SHA256_BYTES], char to[SHA256_HEX_SIZE]) { hex_print(digest, SHA256_BYTES, to); }

int sha256_hex(const void *bytes, size_t n, char to[SHA256_HEX_SIZE]) {
  unsigned char digest[SHA256_BYTES];
  if (sha256(bytes, n, digest) < 0) return -1;
  digest_hex(digest, to);
  return 0;
}

int hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n, unsigned char to[SHA256_BYTES]) {
  (void)pthread_once(&fetched.once, fetch); /* fails for a damaged control alone */
  char digest_name[] = "SHA256";
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0), OSSL_PARAM_construct_end()};
  EVP_MAC_CTX *mac = fetched.hmac ? EVP_MAC_CTX_new(fetched.hmac) : NULL;
  size_t written = 0;
  bool done = mac && EVP_MAC_init(mac, key_n ? key : (const void *)"", key_n, parameters) && EVP_MAC_update(mac, n ? bytes : "", n) &&
              EVP_MAC_final(mac, to, &written, SHA256_BYTES) && written == SHA256_BYTES;
  EVP_MAC_CTX_free(mac);
  return done ? 0 : -1;
}

int content_hash(const cJSON *json, char to[CONTENT_HASH_SIZE]) {
  char hex[SHA256_HEX_SIZE];
  struct buffer text;
  buffer_init_secret(&text, 64 << 20); /* it may be a Secret's data */
  json_canonical(json, &text);
  int rc = text.failed ? -1 : sha256_hex(text.data, text.len, hex);
  buffer_done(&text);
  if (rc < 0) return -1;
  memcpy(to, hex, CONTENT_HASH_SIZE - 1);
  to[CONTENT_HASH_SIZE - 1] = 0;
  return 0;
}

bool secret_equal(const void *a, size_t a_n, const void *b, size_t b_n) {
  unsigned char of_a[SHA256_BYTES], of_b[SHA256_BYTES];
  if (!a_n || !b_n || sha256(a, a_n, of_a) < 0 || sha256(b, b_n, of_b) < 0) return false;
  return !CRYPTO_memcmp(of_a, of_b, SHA256_BYTES);
}
