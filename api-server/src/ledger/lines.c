#include "ledger/lines.h"

#include "ledger/heads.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 4096, ROOM_FIRST = 64 };

struct one {
  int64_t id;
  EVP_MD_CTX *digest; /* NULL: no line yet */
  int64_t count;
};

struct lines {
  struct buffer line;
  struct one *ones; /* by id */
  size_t count, room;
};

struct lines *lines_new(void) {
  struct lines *lines = calloc(1, sizeof *lines);
  if (lines) buffer_init(&lines->line, LINE_MAX_BYTES);
  return lines;
}

void lines_free(struct lines *lines) {
  if (!lines) return;
  for (size_t i = 0; i < lines->count; i++) EVP_MD_CTX_free(lines->ones[i].digest);
  free(lines->ones);
  buffer_done(&lines->line);
  free(lines);
}

static int make_room(struct lines *lines, struct error *error) {
  size_t room = lines->room ? 2 * lines->room : ROOM_FIRST;
  struct one *ones = reallocarray(lines->ones, room, sizeof *ones);
  if (!ones) return error_oom(error);
  lines->ones = ones;
  lines->room = room;
  return 0;
}

int lines_expect(struct lines *lines, int64_t id, struct error *error) {
  if (lines->count && id <= lines->ones[lines->count - 1].id) return 0;
  if (lines->count == lines->room && make_room(lines, error) < 0) return -1;
  lines->ones[lines->count++] = (struct one){.id = id};
  return 0;
}

static int compare(const void *key, const void *element) {
  int64_t id = *(const int64_t *)key, other = ((const struct one *)element)->id;
  return (id > other) - (id < other);
}

static struct one *find(const struct lines *lines, int64_t id) {
  return lines->count ? bsearch(&id, lines->ones, lines->count, sizeof *lines->ones, compare) : NULL;
}

static int begin(struct one *one) {
  if (one->digest) return 0;
  one->digest = EVP_MD_CTX_new();
  if (one->digest && EVP_DigestInit_ex(one->digest, EVP_sha256(), NULL) == 1) return 0;
  EVP_MD_CTX_free(TAKE(one->digest));
  return -1;
}

int lines_add(struct lines *lines, int64_t id, const char *profile, int64_t seq, const char *head, struct error *error) {
  struct one *one = find(lines, id);
  if (!one) return 0;
  buffer_clear(&lines->line);
  heads_line(profile, seq, head, &lines->line);
  if (lines->line.failed || begin(one) < 0 || EVP_DigestUpdate(one->digest, lines->line.data, lines->line.len) != 1)
    return error_oom(error);
  one->count++;
  return 0;
}

int lines_end(struct lines *lines, int64_t id, char to[SHA256_HEX_SIZE], int64_t *ret_count, struct error *error) {
  unsigned char digest[SHA256_BYTES];
  struct one none = {0}, *found = find(lines, id), *one = found ? found : &none;
  bool done = begin(one) == 0 && EVP_DigestFinal_ex(one->digest, digest, NULL) == 1;
  EVP_MD_CTX_free(TAKE(one->digest));
  if (!done) return error_oom(error);
  digest_hex(digest, to);
  *ret_count = one->count;
  return 0;
}
