#include "crypto/uuid.h"

#include <stdbool.h>

#include <openssl/evp.h>

enum { SHA1_BYTES = 20 };

static void print(const unsigned char uuid[UUID_BYTES], char *to) {
  static const char hex[] = "0123456789abcdef";
  for (size_t i = 0; i < UUID_BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = hex[uuid[i] >> 4];
    *to++ = hex[uuid[i] & 15];
  }
  *to = 0;
}

int uuid_v5(const unsigned char namespace[UUID_BYTES], const void *name, size_t n, char to[UUID_SIZE]) {
  unsigned char digest[SHA1_BYTES];
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool done = context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) && EVP_DigestUpdate(context, namespace, UUID_BYTES) &&
              EVP_DigestUpdate(context, name, n) && EVP_DigestFinal_ex(context, digest, NULL);
  EVP_MD_CTX_free(context);
  if (!done) return -1;
  digest[6] = (unsigned char)((digest[6] & 0x0f) | 0x50); /* the version */
  digest[8] = (unsigned char)((digest[8] & 0x3f) | 0x80); /* the variant */
  print(digest, to);
  return 0;
}
