#include "crypto/keyring.h"

#include "fixture.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files of a ring whose key "1" is that of RFC 7515. */
static cJSON *ring_files(void) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  cJSON *files = NULL;
  struct error error = {0};
  cr_assert_eq(keyring_make(key, "1", &files, &error), 0, "%s", error.message);
  return files;
}

static void set(cJSON *files, const char *name, const char *content) {
  cJSON_DeleteItemFromObjectCaseSensitive(files, name);
  if (content) (void)cJSON_AddStringToObject(files, name, content);
}

static void set_fixture(cJSON *files, const char *name, const char *fixture) {
  _cleanup_free_ char *text = fixture_text(fixture);
  set(files, name, text);
}

/* jwks.json with the public halves of two keys. */
static void set_two_public(cJSON *files) {
  _cleanup_(jwks_freep) struct jwks *keys = jwks_new();
  _cleanup_buffer_ struct buffer text = {0};
  buffer_init(&text, 100000);
  cr_assert_eq(jwks_add(keys, "1", fixture_public("rfc7515.pem"), NULL), 0);
  cr_assert_eq(jwks_add(keys, "2", fixture_public("other.pem"), NULL), 0);
  cr_assert_eq(jwks_print(keys, &text, NULL), 0);
  set(files, "jwks.json", buffer_text(&text));
}

Test(keyring, what_is_made_is_taken) {
  _cleanup_(keyring_files_freep) cJSON *files = ring_files();
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  cr_expect_eq(cJSON_GetArraySize(files), 3);
  cr_expect_str_eq(json_string(files, "signing", "?"), "1");
  cr_expect_not_null(json_member(files, "1.pem"));
  cr_assert_eq(keyring_parse(files, &ring, NULL), 0);
  cr_expect_str_eq(ring->signing_kid, "1");
  cr_expect(rsa_key_is_private(ring->signing));
  cr_expect_eq(jwks_count(ring->keys), 1);
  cr_expect(rsa_key_same_public(ring->signing, jwks_get(ring->keys, "1")));
  cr_expect_eq(keyring_check(files, NULL), 0);
}

Test(keyring, other_keys_may_be_public_alone_or_wait_with_their_private_half) {
  _cleanup_(keyring_files_freep) cJSON *files = ring_files();
  set_two_public(files);
  cr_expect_eq(keyring_check(files, NULL), 0);
  set_fixture(files, "2.pem", "other.pem");
  cr_expect_eq(keyring_check(files, NULL), 0);
  set(files, "signing", "2\n");
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  cr_assert_eq(keyring_parse(files, &ring, NULL), 0);
  cr_expect_str_eq(ring->signing_kid, "2");
  cr_expect(rsa_key_same_public(ring->signing, jwks_get(ring->keys, "2")));
  set(files, "README", "not ours");
  cr_expect_eq(keyring_check(files, NULL), 0);
}

Test(keyring, each_damage_has_its_sentence) {
  static const struct {
    const char *file, *content, *fixture, *message;
  } table[] = {
      {"jwks.json", NULL, NULL, "jwks.json is missing"},
      {"jwks.json", "{", NULL, "jwks.json: JSON is wrong at byte 1: expected a key in quotes"},
      {"jwks.json", "{\"keys\":[]}", NULL, "jwks.json has no RS256 key"},
      {"jwks.json", "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"1\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", NULL,
       "jwks.json: key 1: the key has 17 bits, expected 2048 to 8192"},
      {"signing", NULL, NULL, "signing is missing, expected a file with the kid of the key that signs"},
      {"signing", "", NULL, "signing is not one line with a kid of letters, digits, dots and dashes"},
      {"signing", "1\n2\n", NULL, "signing is not one line with a kid of letters, digits, dots and dashes"},
      {"signing", "../1", NULL, "signing is not one line with a kid of letters, digits, dots and dashes"},
      {"signing", "9", NULL, "signing names the key 9, which jwks.json does not have"},
      {"1.pem", NULL, NULL, "signing names the key 1, but 1.pem is missing"},
      {"1.pem", "garbage", NULL, "1.pem: not a private key in PEM without a passphrase, or a damaged one"},
      {"1.pem", NULL, "bits-1024.pem", "1.pem: the key has 1024 bits, expected 2048 to 8192"},
      {"1.pem", NULL, "elliptic.pem", "1.pem: the key is no RSA key"},
      {"1.pem", NULL, "passphrase.pem", "1.pem: not a private key in PEM without a passphrase, or a damaged one"},
      {"1.pem", NULL, "mismatched.pem", "1.pem: the key's private half does not match its public half"},
      {"1.pem", NULL, "other.pem", "1.pem does not match its public half in jwks.json"},
      {"2.pem", NULL, "other.pem", "2.pem has no public half in jwks.json"},
      {"2.pem", "garbage", NULL, "2.pem: not a private key in PEM without a passphrase, or a damaged one"},
      {".pem", NULL, "other.pem", ".pem is not named by a kid"},
      {"a b.pem", NULL, "other.pem", "a b.pem is not named by a kid"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    _cleanup_(keyring_files_freep) cJSON *files = ring_files();
    struct error error = {0};
    set(files, table[i].file, table[i].content);
    if (table[i].fixture) set_fixture(files, table[i].file, table[i].fixture);
    cr_expect_eq(keyring_check(files, &error), -1, "row %zu is taken", i);
    cr_expect_eq(error.kind, ERROR_INVALID);
    cr_expect_str_eq(error.message, table[i].message, "row %zu: %s", i, error.message);
  }
}

Test(keyring, two_keys_of_one_kid) {
  _cleanup_(keyring_files_freep) cJSON *files = ring_files();
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  _cleanup_(json_freep) cJSON *set_of_two = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(set_of_two, "keys");
  for (int i = 0; i < 2; i++) (void)cJSON_AddItemToArray(list, rsa_key_jwk(key, "1"));
  _cleanup_buffer_ struct buffer text = {0};
  struct error error = {0};
  buffer_init(&text, 100000);
  json_print(set_of_two, &text);
  set(files, "jwks.json", buffer_text(&text));
  cr_expect_eq(keyring_check(files, &error), -1);
  cr_expect_str_eq(error.message, "jwks.json: there are two keys of kid 1");
}

Test(keyring, nothing_at_all) {
  _cleanup_(json_freep) cJSON *empty = cJSON_CreateObject();
  cr_expect_eq(keyring_check(empty, NULL), -1);
  cr_expect_eq(keyring_check(NULL, NULL), -1);
  keyring_free(NULL);
  keyring_files_free(NULL);
}

Test(keyring, is_made_of_good_kids_and_private_keys) {
  static const char *const kids[] = {"", ".", "..", "a/b", "a b", "0123456789012345678901234567890123456789012345678901234567890123456789"};
  _cleanup_(rsa_key_freep) struct rsa_key *key = fixture_private("rfc7515.pem");
  _cleanup_(rsa_key_freep) struct rsa_key *half = fixture_public("rfc7515.pem");
  cJSON *files = NULL;
  for (size_t i = 0; i < ELEMENTS(kids); i++) cr_expect_eq(keyring_make(key, kids[i], &files, NULL), -1, "%s is taken", kids[i]);
  cr_expect_eq(keyring_make(half, "1", &files, NULL), -1);
  cr_expect_null(files);
}

static void write_files(const char *directory, const cJSON *files) {
  for (const cJSON *file = files->child; file; file = file->next) {
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", directory, file->string);
    FILE *stream = fopen(path, "we");
    cr_assert_not_null(stream, "%s", path);
    cr_assert_geq(fputs(file->valuestring, stream), 0);
    (void)fclose(stream);
  }
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status, (void)kind, (void)place;
  return remove(path);
}

static char directory[] = "/tmp/keyring-XXXXXX";
static void make_directory(void) { cr_assert_not_null(mkdtemp(directory)); }
static void remove_directory(void) { (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

Test(keyring, loads_a_plain_directory, .init = make_directory, .fini = remove_directory) {
  _cleanup_(keyring_files_freep) cJSON *files = ring_files();
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  struct error error = {0};
  write_files(directory, files);
  cr_assert_eq(keyring_load(directory, &ring, &error), 0, "%s", error.message);
  cr_expect_str_eq(ring->signing_kid, "1");
}

/* As the kubelet lays a volume out: ..data is a link to the directory of one version, the visible names are links through it. */
Test(keyring, loads_a_volume_through_its_data_link, .init = make_directory, .fini = remove_directory) {
  _cleanup_(keyring_files_freep) cJSON *files = ring_files();
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  struct error error = {0};
  char version[100], link[100], visible[100];
  (void)snprintf(version, sizeof version, "%s/..2026_11_23", directory);
  (void)snprintf(link, sizeof link, "%s/..data", directory);
  (void)snprintf(visible, sizeof visible, "%s/signing", directory);
  cr_assert_eq(mkdir(version, 0700), 0);
  cr_assert_eq(symlink("..2026_11_23", link), 0);
  write_files(version, files);
  cr_assert_eq(symlink("..data/other-version", visible), 0);
  cr_assert_eq(keyring_load(directory, &ring, &error), 0, "%s", error.message);
  cr_expect_str_eq(ring->signing_kid, "1");
}

Test(keyring, load_says_what_and_where, .init = make_directory, .fini = remove_directory) {
  struct keyring *ring = NULL;
  struct error error = {0};
  char message[200];
  (void)snprintf(message, sizeof message, "read the keys in %s: jwks.json is missing", directory);
  cr_expect_eq(keyring_load(directory, &ring, &error), -1);
  cr_expect_str_eq(error.message, message);
  cr_expect_eq(keyring_load("/nonexistent/keys", &ring, &error), -1);
  cr_expect_eq(error.kind, ERROR_NOT_FOUND);
  cr_expect_null(ring);
}

Test(keyring, load_bounds_what_it_reads, .init = make_directory, .fini = remove_directory) {
  struct keyring *ring = NULL;
  struct error error = {0};
  char path[100];
  _cleanup_free_ char *large = calloc(1, 200001);
  memset(large, 'x', 200000);
  _cleanup_(json_freep) cJSON *files = cJSON_CreateObject();
  set(files, "jwks.json", large);
  write_files(directory, files);
  cr_expect_eq(keyring_load(directory, &ring, &error), -1);
  cr_expect_not_null(strstr(error.message, "jwks.json is larger than 131072 bytes"), "%s", error.message);
  (void)snprintf(path, sizeof path, "%s/jwks.json", directory);
  cr_assert_eq(remove(path), 0);
  cr_assert_eq(mkfifo(path, 0600), 0);
  cr_expect_eq(keyring_load(directory, &ring, &error), -1);
  cr_expect_not_null(strstr(error.message, "jwks.json is missing"), "%s", error.message);
}
