#include "ledger/lines.h"

#include "ledger/heads.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 4096 };

struct lines {
  int64_t newest;
  struct buffer line;
  struct one {
    EVP_MD_CTX *digest; /* NULL: no line yet */
    int64_t count;
  } ones[];
};

struct lines *lines_new(int64_t newest_id) {
  struct lines *lines = calloc(1, sizeof *lines + (size_t)newest_id * sizeof *lines->ones);
  if (!lines) return NULL;
  lines->newest = newest_id;
  buffer_init(&lines->line, LINE_MAX_BYTES);
  return lines;
}

void lines_free(struct lines *lines) {
  if (!lines) return;
  for (int64_t i = 0; i < lines->newest; i++) EVP_MD_CTX_free(lines->ones[i].digest);
  buffer_done(&lines->line);
  free(lines);
}

static struct one *one_of(struct lines *lines, int64_t id) {
  struct one *one = &lines->ones[id - 1];
  if (one->digest) return one;
  one->digest = EVP_MD_CTX_new();
  if (one->digest && EVP_DigestInit_ex(one->digest, EVP_sha256(), NULL) == 1) return one;
  EVP_MD_CTX_free(TAKE(one->digest));
  return NULL;
}

int lines_add(struct lines *lines, int64_t id, const char *profile, int64_t seq, const char *head, struct error *error) {
  if (id < 1 || id > lines->newest) return 0;
  struct one *one = one_of(lines, id);
  buffer_clear(&lines->line);
  heads_line(profile, seq, head, &lines->line);
  if (!one || lines->line.failed || EVP_DigestUpdate(one->digest, lines->line.data, lines->line.len) != 1) return error_oom(error);
  one->count++;
  return 0;
}

int lines_end(struct lines *lines, int64_t id, char to[SHA256_HEX_SIZE], int64_t *ret_count, struct error *error) {
  unsigned char digest[SHA256_BYTES];
  struct one *one = one_of(lines, id);
  if (!one || EVP_DigestFinal_ex(one->digest, digest, NULL) != 1) return error_oom(error);
  digest_hex(digest, to);
  *ret_count = one->count;
  EVP_MD_CTX_free(TAKE(one->digest));
  return 0;
}
