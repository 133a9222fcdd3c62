/* What is signed over the heads, as migrations/0011_signed_heads.sql writes it down. */
#include "ledger/heads.h"
#include "ledger/lines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const char head[] = "ae6d0dd55595a153518f694448b82368b406f0cebe265a50ce05009a94e8066b";

static struct keyring *ring_of(const char *kid) {
  struct keyring *ring = NULL;
  struct rsa_key *key = NULL;
  cJSON *files = NULL;
  cr_assert_eq(rsa_key_generate(2048, &key, NULL), 0);
  cr_assert_eq(keyring_make(key, kid, &files, NULL), 0);
  cr_assert_eq(keyring_parse(files, &ring, NULL), 0);
  keyring_files_free(files);
  rsa_key_free(key);
  return ring;
}

static struct lines *expecting(int64_t newest) {
  struct lines *lines = lines_new();
  for (int64_t id = 1; id <= newest; id++) cr_assert_eq(lines_expect(lines, id, NULL), 0);
  return lines;
}

/* The comment's lines of seven fields, its digest, and its profile's line. */
Test(heads, the_written_example) {
  FILE *file = fopen(SOURCE_DIR "/api-server/migrations/0011_signed_heads.sql", "re");
  char line[512], digest[SHA256_HEX_SIZE] = "", lines_digest[SHA256_HEX_SIZE], computed[SHA256_HEX_SIZE];
  struct buffer text, shown, own;
  struct heads example = {
      .id = 1, .hour = "2026-01-02T03:00:00.000Z", .whole = true, .profiles = 1, .lines_sha256 = lines_digest, .prev = zeros};
  struct lines *lines = expecting(1);
  int64_t count;
  cr_assert_not_null(file);
  buffer_init(&text, 4096), buffer_init(&shown, 4096), buffer_init(&own, 4096);
  while (fgets(line, sizeof line, file)) {
    if (!strncmp(line, "--   ", 5) && !*digest) buffer_puts(&text, line + 5);
    if (!strncmp(line, "--   7:", 7)) buffer_puts(&shown, line + 5);
    (void)sscanf(line, "-- has the digest %64[0-9a-f]", digest);
  }
  (void)fclose(file);
  heads_line("example", 1, head, &own);
  cr_expect_str_eq(buffer_text(&own), buffer_text(&shown));
  cr_assert_eq(lines_add(lines, 1, "example", 1, head, NULL), 0);
  cr_assert_eq(lines_end(lines, 1, lines_digest, &count, NULL), 0);
  buffer_clear(&own);
  heads_text(&example, &own);
  cr_expect_str_eq(buffer_text(&own), buffer_text(&text));
  cr_assert_eq(sha256_hex(own.data, own.len, computed), 0);
  cr_expect_str_eq(computed, digest);
  cr_expect_eq(count, 1);
  buffer_done(&text), buffer_done(&shown), buffer_done(&own);
  lines_free(lines);
}

Test(heads, a_signature_is_right_for_these_heads_and_this_key_alone) {
  struct keyring *ring = ring_of("k1"), *other = ring_of("k1"), *unknown = ring_of("k2");
  struct heads heads = {.id = 7, .hour = "2026-01-02T03:00:00.000Z", .whole = true, .profiles = 3, .lines_sha256 = head, .prev = zeros},
               changed = heads;
  unsigned char signature[RSA_MAX_BYTES];
  char digest[SHA256_HEX_SIZE];
  size_t n;
  cr_assert_eq(heads_sign(&heads, ring, signature, &n, digest, NULL), 0);
  cr_expect_eq(heads_check(&heads, ring->keys, "k1", signature, n), HEADS_RIGHT);
  cr_expect_eq(heads_check(&heads, other->keys, "k1", signature, n), HEADS_WRONG);
  cr_expect_eq(heads_check(&heads, unknown->keys, "k1", signature, n), HEADS_UNKNOWN_KEY);
  cr_expect_eq(heads_check(&heads, NULL, "k1", signature, n), HEADS_UNKNOWN_KEY);
  cr_expect_eq(heads_check(&heads, ring->keys, "k1", signature, n - 1), HEADS_WRONG);
  changed.id = 8;
  cr_expect_eq(heads_check(&changed, ring->keys, "k1", signature, n), HEADS_WRONG);
  changed = heads, changed.hour = "2026-01-02T04:00:00.000Z";
  cr_expect_eq(heads_check(&changed, ring->keys, "k1", signature, n), HEADS_WRONG);
  changed = heads, changed.whole = false;
  cr_expect_eq(heads_check(&changed, ring->keys, "k1", signature, n), HEADS_WRONG);
  changed = heads, changed.profiles = 2;
  cr_expect_eq(heads_check(&changed, ring->keys, "k1", signature, n), HEADS_WRONG);
  changed = heads, changed.prev = head;
  cr_expect_eq(heads_check(&changed, ring->keys, "k1", signature, n), HEADS_WRONG);
  keyring_free(ring), keyring_free(other), keyring_free(unknown);
}

Test(heads, lines_of_many_signatures_may_come_mixed) {
  struct lines *mixed = expecting(3), *apart = expecting(3);
  char a[SHA256_HEX_SIZE], b[SHA256_HEX_SIZE];
  int64_t count;
  cr_assert(!lines_add(mixed, 1, "a", 1, head, NULL) && !lines_add(mixed, 3, "a", 2, head, NULL) &&
            !lines_add(mixed, 1, "b", 1, head, NULL));
  cr_assert(!lines_add(mixed, 4, "b", 1, head, NULL) && !lines_add(mixed, 0, "b", 1, head, NULL), "ids that there aren't are left out");
  cr_assert(!lines_add(apart, 1, "a", 1, head, NULL) && !lines_add(apart, 1, "b", 1, head, NULL) &&
            !lines_add(apart, 3, "a", 2, head, NULL));
  for (int64_t id = 1; id <= 3; id++) {
    cr_assert_eq(lines_end(mixed, id, a, &count, NULL), 0);
    cr_expect_eq(count, id == 1 ? 2 : id == 2 ? 0 : 1);
    cr_assert_eq(lines_end(apart, id, b, &count, NULL), 0);
    cr_expect_str_eq(a, b);
    if (id == 2) cr_expect_str_eq(a, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }
  lines_free(mixed), lines_free(apart), lines_free(NULL);
}

/* Ids are whatever the database says they are. */
Test(heads, ids_may_be_anything) {
  static const int64_t ids[] = {INT64_MIN, -1, 0, 1, 2, 2, 1, 70, INT64_MAX - 1, INT64_MAX};
  struct lines *lines = lines_new();
  char digest[SHA256_HEX_SIZE], empty[SHA256_HEX_SIZE];
  int64_t count;
  cr_assert_eq(sha256_hex("", 0, empty), 0);
  for (size_t i = 0; i < ELEMENTS(ids); i++) cr_assert_eq(lines_expect(lines, ids[i], NULL), 0);
  for (int64_t id = 100; id < 1000; id++) cr_assert_eq(lines_expect(lines, id, NULL), 0, "one that doesn't rise is passed over");
  cr_assert_eq(lines_add(lines, INT64_MAX, "a", 1, head, NULL), 0);
  cr_assert_eq(lines_add(lines, 100, "a", 1, head, NULL), 0);
  for (size_t i = 0; i < ELEMENTS(ids); i++) {
    cr_assert_eq(lines_end(lines, ids[i], digest, &count, NULL), 0);
    cr_expect_eq(count, ids[i] == INT64_MAX && i + 1 == ELEMENTS(ids));
    cr_expect_eq(strcmp(digest, empty) == 0, count == 0);
  }
  cr_assert_eq(lines_end(lines, 100, digest, &count, NULL), 0);
  cr_expect(count == 0 && strcmp(digest, empty) == 0);
  lines_free(lines);
}
