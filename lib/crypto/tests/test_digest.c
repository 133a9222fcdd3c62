#include "crypto/digest.h"

#include "codec/json.h"

#include <criterion/criterion.h>
#include <string.h>

Test(digest, sha256_of_fips_180_4) {
  static const struct {
    const char *text, *hex;
  } table[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    char hex[SHA256_HEX_SIZE];
    cr_assert_eq(sha256_hex(table[i].text, strlen(table[i].text), hex), 0);
    cr_expect_str_eq(hex, table[i].hex);
  }
  char hex[SHA256_HEX_SIZE];
  cr_assert_eq(sha256_hex(NULL, 0, hex), 0);
  cr_expect_str_eq(hex, table[0].hex);
}

/* RFC 4231, 4.2 to 4.8; all but the one that is cut. */
Test(digest, hmac_of_rfc_4231) {
  static unsigned char counting[25], bytes_0b[20], bytes_aa[131], bytes_dd[50], bytes_cd[50];
  for (size_t i = 0; i < sizeof counting; i++) counting[i] = (unsigned char)(i + 1);
  memset(bytes_0b, 0x0b, sizeof bytes_0b);
  memset(bytes_aa, 0xaa, sizeof bytes_aa);
  memset(bytes_dd, 0xdd, sizeof bytes_dd);
  memset(bytes_cd, 0xcd, sizeof bytes_cd);
  static const char large[] = "Test Using Larger Than Block-Size Key - Hash Key First";
  static const char larger[] =
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used "
      "by "
      "the HMAC algorithm.";
  const struct {
    const void *key;
    size_t key_n;
    const void *bytes;
    size_t n;
    const char *hex;
  } table[] = {
      {bytes_0b, 20, "Hi There", 8, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", 4, "what do ya want for nothing?", 28, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {bytes_aa, 20, bytes_dd, 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counting, 25, bytes_cd, 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {bytes_aa, 131, large, strlen(large), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {bytes_aa, 131, larger, strlen(larger), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
      {"", 0, "", 0, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
  };
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    cr_assert_eq(hmac_sha256(table[i].key, table[i].key_n, table[i].bytes, table[i].n, digest), 0, "row %zu", i);
    digest_hex(digest, hex);
    cr_expect_str_eq(hex, table[i].hex, "row %zu: %s", i, hex);
  }
}

static void hash_of(const char *text, char to[CONTENT_HASH_SIZE]) {
  _cleanup_(json_freep) cJSON *json = NULL;
  cr_assert_eq(json_parse(text, strlen(text), &json_limits_cluster, &json, NULL), 0);
  cr_assert_eq(content_hash(json, to), 0);
}

Test(digest, content_hash_follows_the_content_alone) {
  char one[CONTENT_HASH_SIZE], two[CONTENT_HASH_SIZE], three[CONTENT_HASH_SIZE], empty[CONTENT_HASH_SIZE];
  hash_of("{\"a\":1,\"b\":[true,\"x\"]}", one);
  hash_of("{ \"b\": [true, \"\\u0078\"], \"a\": 1.0 }", two);
  hash_of("{\"a\":1,\"b\":[\"x\",true]}", three);
  hash_of("{}", empty);
  cr_expect_str_eq(one, two);
  cr_expect_str_neq(one, three);
  cr_expect_str_eq(empty, "44136fa355", "sha256 of {}: %s", empty);
}

Test(digest, secrets) {
  static const struct {
    const char *a, *b;
    bool equal;
  } table[] = {
      {"secret", "secret", true}, {"secret", "secreT", false}, {"secret", "secret ", false}, {"secret", "", false}, {"", "", false}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    cr_expect_eq(secret_equal(table[i].a, strlen(table[i].a), table[i].b, strlen(table[i].b)), table[i].equal, "row %zu", i);
    cr_expect_eq(secret_equal(table[i].b, strlen(table[i].b), table[i].a, strlen(table[i].a)), table[i].equal, "row %zu", i);
  }
  cr_expect_not(secret_equal(NULL, 0, NULL, 0));
  cr_expect_not(secret_equal("a\0b", 3, "a\0c", 3));
}
