#include "crypto/x5c.h"

#include "forge_x5c.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <openssl/err.h>

#define SIGNED_AT "1750000000123"
#define PAYLOAD   "{\"signedDate\":" SIGNED_AT ",\"secret\":\"user123\"}"

static struct forged root, issuer, leaf;
static struct x5c *x5c;

static struct x5c *trusting(const char *pem) {
  struct error error = {0};
  struct x5c_rules rules = {.roots_pem = pem, .leaf_oid = LEAF_OID, .issuer_oid = ISSUER_OID, .date_member = "signedDate"};
  struct x5c *made = x5c_new(&rules, &error);
  cr_assert_not_null(made, "%s", error.message);
  return made;
}

static void setup(void) {
  root = forge_certificate(NULL, &(struct forged_as){.ca = true});
  issuer = forge_certificate(&root, &(struct forged_as){.ca = true, .oid = ISSUER_OID});
  leaf = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID});
  _cleanup_free_ char *pem = forge_pem(&root);
  x5c = trusting(pem);
}

static void teardown(void) {
  x5c_free(x5c);
  forged_done(&leaf);
  forged_done(&issuer);
  forged_done(&root);
}

TestSuite(x5c, .init = setup, .fini = teardown);

static void expect_text(const char *what, const char *text, size_t n, enum x5c_refusal expected) {
  _cleanup_(json_freep) cJSON *payload = NULL;
  struct error error = {0};
  enum x5c_refusal found = (enum x5c_refusal)99;
  int rc = x5c_verify(x5c, text, n, &payload, &found, &error);
  cr_expect_eq(found, expected, "%s: %s, expected %s (%s)", what, x5c_refusal_name(found), x5c_refusal_name(expected), error.message);
  cr_expect_eq(rc, found == X5C_ACCEPTED ? 0 : -1, "%s", what);
  cr_expect_eq(ERR_peek_error(), 0UL, "%s left something in OpenSSL's queue", what);
  if (rc == 0) {
    cr_expect_str_eq(json_string(payload, "secret", ""), "user123", "%s", what);
    return;
  }
  cr_expect_null(payload, "%s: a payload was given out", what);
  cr_expect_eq(error.kind, ERROR_INVALID, "%s", what);
  cr_expect(!strncmp(error.message, "the signed text", 15) && !strstr(error.message, "user123"), "%s: %s", what, error.message);
}

/* A text that SIGNER signs, with this header. */
static void expect_header(const char *what, const struct forged *signer, const struct buffer *header, const char *payload,
                          enum x5c_refusal expected) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 20);
  forge_jws(signer, header->data, header->len, payload, strlen(payload), &text);
  cr_assert(!text.failed);
  expect_text(what, text.data, text.len, expected);
}

static void expect_chain(const char *what, const struct forged *signer, const struct forged *const *certificates, size_t count,
                         const char *payload, enum x5c_refusal expected) {
  _cleanup_buffer_ struct buffer header;
  buffer_init(&header, 1 << 20);
  forge_header("ES256", certificates, count, &header);
  expect_header(what, signer, &header, payload, expected);
}

static const struct forged *const usual[] = {&leaf, &issuer, &root};

Test(x5c, what_a_chain_of_ours_has_signed_is_accepted_again_and_again) {
  for (int i = 0; i < 3; i++) expect_chain("usual", &leaf, usual, 3, PAYLOAD, X5C_ACCEPTED);
}

Test(x5c, the_third_certificate_is_not_looked_at) {
  struct forged other = forge_certificate(NULL, &(struct forged_as){.ca = true});
  expect_chain("another root", &leaf, (const struct forged *[]){&leaf, &issuer, &other}, 3, PAYLOAD, X5C_ACCEPTED);
  expect_chain("the leaf again", &leaf, (const struct forged *[]){&leaf, &issuer, &leaf}, 3, PAYLOAD, X5C_ACCEPTED);
  forged_done(&other);
}

Test(x5c, exactly_three_certificates) {
  expect_chain("none", &leaf, usual, 0, PAYLOAD, X5C_REFUSED_HEADER);
  expect_chain("one", &leaf, usual, 1, PAYLOAD, X5C_REFUSED_HEADER);
  expect_chain("two", &leaf, usual, 2, PAYLOAD, X5C_REFUSED_HEADER);
  expect_chain("four", &leaf, (const struct forged *[]){&leaf, &issuer, &root, &root}, 4, PAYLOAD, X5C_REFUSED_HEADER);
}

Test(x5c, forged_chains) {
  struct forged stranger = forge_certificate(NULL, &(struct forged_as){.ca = true});
  struct forged strange_issuer = forge_certificate(&stranger, &(struct forged_as){.ca = true, .oid = ISSUER_OID});
  struct forged strange_leaf = forge_certificate(&strange_issuer, &(struct forged_as){.oid = LEAF_OID});
  struct forged alone = forge_certificate(NULL, &(struct forged_as){.oid = LEAF_OID});
  struct forged plain_leaf = forge_certificate(&issuer, &(struct forged_as){0});
  struct forged issuer_s_oid = forge_certificate(&issuer, &(struct forged_as){.oid = ISSUER_OID});
  struct forged plain_issuer = forge_certificate(&root, &(struct forged_as){.ca = true});
  struct forged under_plain = forge_certificate(&plain_issuer, &(struct forged_as){.oid = LEAF_OID});
  struct forged no_authority = forge_certificate(&root, &(struct forged_as){.oid = ISSUER_OID});
  struct forged under_none = forge_certificate(&no_authority, &(struct forged_as){.oid = LEAF_OID});
  struct forged under_root = forge_certificate(&root, &(struct forged_as){.oid = LEAF_OID});
  struct forged deep_issuer = forge_certificate(&issuer, &(struct forged_as){.ca = true, .oid = ISSUER_OID});
  struct forged deep = forge_certificate(&deep_issuer, &(struct forged_as){.oid = LEAF_OID});
  struct forged wide = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID, .curve = "P-384"});
  struct forged koblitz = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID, .curve = "secp256k1"});
  struct forged critical = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID, .critical = "1.2.3.4"});
  struct forged weak = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID, .digest = EVP_sha1()});
  const struct {
    const char *what;
    const struct forged *leaf, *issuer;
  } cases[] = {
      {"another root", &strange_leaf, &strange_issuer},
      {"a leaf of another issuer", &strange_leaf, &issuer},
      {"an issuer of another root", &leaf, &strange_issuer},
      {"swapped", &issuer, &leaf},
      {"a leaf signed by itself", &alone, &issuer},
      {"a leaf signed by itself, twice", &alone, &alone},
      {"a leaf without its extension", &plain_leaf, &issuer},
      {"a leaf with the issuer's extension", &issuer_s_oid, &issuer},
      {"an issuer without its extension", &under_plain, &plain_issuer},
      {"an issuer that is no authority", &under_none, &no_authority},
      {"a leaf of the root, beside an issuer", &under_root, &issuer},
      {"the root as issuer", &under_root, &root},
      {"an issuer of an issuer", &deep, &deep_issuer},
      {"a leaf on P-384", &wide, &issuer},
      {"a leaf on secp256k1", &koblitz, &issuer},
      {"a critical extension that nobody knows", &critical, &issuer},
      {"a certificate over SHA-1", &weak, &issuer},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++)
    for (int again = 0; again < 2; again++) /* nothing of it is kept */
      expect_chain(cases[i].what, cases[i].leaf, (const struct forged *[]){cases[i].leaf, cases[i].issuer, &root}, 3, PAYLOAD,
                   X5C_WRONG_CHAIN);
  struct forged *all[] = {&stranger,     &strange_issuer, &strange_leaf, &alone,      &plain_leaf, &issuer_s_oid,
                          &plain_issuer, &under_plain,    &no_authority, &under_none, &under_root, &deep_issuer,
                          &deep,         &wide,           &koblitz,      &critical,   &weak};
  for (size_t i = 0; i < ELEMENTS(all); i++) forged_done(all[i]);
}

Test(x5c, the_date_decides_whether_the_certificates_lived) {
  struct forged brief = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID, .from_s = 1740000000, .until_s = 1760000000});
  struct forged old_issuer = forge_certificate(&root, &(struct forged_as){.ca = true, .oid = ISSUER_OID, .until_s = 1720000000});
  struct forged under_old = forge_certificate(&old_issuer, &(struct forged_as){.oid = LEAF_OID});
  const struct {
    const struct forged *leaf, *issuer;
    const char *payload;
    enum x5c_refusal expected;
  } cases[] = {
      {&brief, &issuer, "{\"secret\":\"user123\",\"signedDate\":1740000000000}", X5C_ACCEPTED},
      {&brief, &issuer, "{\"secret\":\"user123\",\"signedDate\":1760000000999}", X5C_ACCEPTED},
      {&brief, &issuer, "{\"secret\":\"user123\",\"signedDate\":1739999999999}", X5C_WRONG_DATE},
      {&brief, &issuer, "{\"secret\":\"user123\",\"signedDate\":1760000001000}", X5C_WRONG_DATE},
      {&under_old, &old_issuer, "{\"secret\":\"user123\",\"signedDate\":1719999999999}", X5C_ACCEPTED},
      {&under_old, &old_issuer, PAYLOAD, X5C_WRONG_DATE},
      {&leaf, &issuer, "{\"secret\":\"user123\"}", X5C_WRONG_DATE},
      {&leaf, &issuer, "{\"secret\":\"user123\",\"signedDate\":\"" SIGNED_AT "\"}", X5C_WRONG_DATE},
      {&leaf, &issuer, "{\"secret\":\"user123\",\"signedDate\":-1}", X5C_WRONG_DATE},
      {&leaf, &issuer, "{\"secret\":\"user123\",\"signedDate\":1e300}", X5C_WRONG_DATE},
      {&leaf, &issuer, "{\"secret\":\"user123\",\"signeddate\":" SIGNED_AT "}", X5C_WRONG_DATE},
  };
  for (int again = 0; again < 2; again++) /* the same from what was kept */
    for (size_t i = 0; i < ELEMENTS(cases); i++)
      expect_chain(cases[i].payload, cases[i].leaf, (const struct forged *[]){cases[i].leaf, cases[i].issuer, &root}, 3, cases[i].payload,
                   cases[i].expected);
  forged_done(&brief);
  forged_done(&old_issuer);
  forged_done(&under_old);
}

Test(x5c, headers) {
  _cleanup_buffer_ struct buffer whole, header;
  buffer_init(&whole, 1 << 16);
  buffer_init(&header, 1 << 17);
  forge_header("ES256", usual, 3, &whole);
  const char *x5c_member = strstr(whole.data, "\"x5c\"");
  const struct {
    const char *before; /* what stands before the member x5c */
    enum x5c_refusal expected;
  } cases[] = {
      {"{\"alg\":\"ES256\",", X5C_ACCEPTED},
      {"{\"kid\":\"1\",\"typ\":\"JWT\",\"alg\":\"ES256\",", X5C_ACCEPTED},
      {"{", X5C_REFUSED_HEADER},
      {"{\"alg\":\"none\",", X5C_REFUSED_HEADER},
      {"{\"alg\":\"es256\",", X5C_REFUSED_HEADER},
      {"{\"alg\":\"ES384\",", X5C_REFUSED_HEADER},
      {"{\"alg\":\"HS256\",", X5C_REFUSED_HEADER},
      {"{\"alg\":\"RS256\",", X5C_REFUSED_HEADER},
      {"{\"alg\":[\"ES256\"],", X5C_REFUSED_HEADER},
      {"{\"Alg\":\"ES256\",", X5C_REFUSED_HEADER},
      {"{\"alg\":\"ES256\",\"crit\":[],", X5C_REFUSED_HEADER},
      {"{\"alg\":\"ES256\",\"jwk\":{},", X5C_REFUSED_HEADER},
      {"{\"alg\":\"ES256\",\"jku\":\"https://example.com\",", X5C_REFUSED_HEADER},
      {"{\"alg\":\"ES256\",\"x5u\":null,", X5C_REFUSED_HEADER},
      {"{\"alg\":\"ES256\",\"alg\":\"ES256\",", X5C_MALFORMED},
      {"{\"alg\":\"ES256\",\"x5c\":[],", X5C_MALFORMED},
      {"{\"alg\":\"ES256\",,", X5C_MALFORMED},
      {"[\"alg\",", X5C_MALFORMED},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    buffer_clear(&header);
    buffer_printf(&header, "%s%s", cases[i].before, x5c_member);
    expect_header(cases[i].before, &leaf, &header, PAYLOAD, cases[i].expected);
  }
}

/* FIRST as it is, in place of the leaf's text. */
static void expect_first(const char *first, enum x5c_refusal expected) {
  _cleanup_buffer_ struct buffer header;
  buffer_init(&header, 1 << 17);
  buffer_printf(&header, "{\"alg\":\"ES256\",\"x5c\":[%s,\"", first);
  forge_append_x5c(&issuer, &header);
  buffer_puts(&header, "\",\"\"]}");
  expect_header(first, &leaf, &header, PAYLOAD, expected);
}

Test(x5c, damaged_certificates) {
  _cleanup_buffer_ struct buffer right, text;
  buffer_init(&right, 8192);
  buffer_init(&text, 8192);
  forge_append_x5c(&leaf, &right);
  buffer_printf(&text, "\"%s\"", right.data);
  expect_first(text.data, X5C_ACCEPTED);
  static const char *const wrong[] = {"\"\"", "\"AAAA\"", "\"MIIB\"", "\"====\"", "\"\\u00ff\\u00fe\\u00fd\\u00fc\""};
  for (size_t i = 0; i < ELEMENTS(wrong); i++) expect_first(wrong[i], X5C_WRONG_CHAIN);
  static const char *const no_text[] = {"1", "null", "[]", "{}"};
  for (size_t i = 0; i < ELEMENTS(no_text); i++) expect_first(no_text[i], X5C_REFUSED_HEADER);

  buffer_clear(&text);
  buffer_printf(&text, "\"%.*s\"", (int)(right.len - 8), right.data);
  expect_first(text.data, X5C_WRONG_CHAIN);
  buffer_clear(&text);
  buffer_printf(&text, "\"%sAAAA\"", right.data);
  expect_first(text.data, X5C_WRONG_CHAIN);
  buffer_clear(&text);
  buffer_printf(&text, "\"\\n%s\"", right.data);
  expect_first(text.data, X5C_WRONG_CHAIN);
}

Test(x5c, bytes_behind_a_certificate) {
  _cleanup_buffer_ struct buffer der, text;
  buffer_init(&der, 8192);
  buffer_init(&text, 8192);
  unsigned char *bytes = NULL;
  int n = i2d_X509(leaf.certificate, &bytes);
  buffer_append(&der, bytes, (size_t)n);
  buffer_append(&der, "\0\0", 2);
  OPENSSL_free(bytes);
  buffer_puts(&text, "\"");
  base64_encode(der.data, der.len, &text);
  buffer_puts(&text, "\"");
  expect_first(text.data, X5C_WRONG_CHAIN);
}

/* A right text whose signature is replaced. */
static void with_signature(const char *signature, struct buffer *to) {
  _cleanup_buffer_ struct buffer header;
  buffer_init(&header, 1 << 16);
  forge_header("ES256", usual, 3, &header);
  base64url_encode(header.data, header.len, to);
  buffer_puts(to, ".");
  base64url_encode(PAYLOAD, sizeof PAYLOAD - 1, to);
  if (!signature) return;
  buffer_printf(to, ".%s", signature);
}

Test(x5c, signatures) {
  char zeros[87];
  memset(zeros, 'A', 86);
  zeros[86] = 0;
  const struct {
    const char *what, *signature;
    enum x5c_refusal expected;
  } cases[] = {
      {"none", "", X5C_WRONG_SIGNATURE},
      {"zeros", zeros, X5C_WRONG_SIGNATURE},
      {"one byte short", zeros + 2, X5C_WRONG_SIGNATURE},
      {"no base64url", "A+/=", X5C_MALFORMED},
      {"a high byte", "\xc3\xbf", X5C_MALFORMED},
      {"a fourth part", "AAAA.AAAA", X5C_MALFORMED},
  };
  _cleanup_buffer_ struct buffer text, signature;
  buffer_init(&text, 1 << 17);
  buffer_init(&signature, 1024);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    buffer_clear(&text);
    with_signature(cases[i].signature, &text);
    expect_text(cases[i].what, text.data, text.len, cases[i].expected);
  }
  for (int form = 0; form < 3; form++) { /* in DER; another's; ours */
    buffer_clear(&text);
    buffer_clear(&signature);
    with_signature(NULL, &text);
    forge_sign(form == 1 ? &issuer : &leaf, &text, form == 0, &signature);
    buffer_printf(&text, ".%s", signature.data);
    expect_text("signed", text.data, text.len, form == 2 ? X5C_ACCEPTED : X5C_WRONG_SIGNATURE);
  }
}

Test(x5c, no_byte_may_change) {
  _cleanup_buffer_ struct buffer header, text;
  buffer_init(&header, 1 << 16);
  buffer_init(&text, 1 << 17);
  forge_header("ES256", usual, 3, &header);
  forge_jws(&leaf, header.data, header.len, PAYLOAD, sizeof PAYLOAD - 1, &text);
  for (size_t i = 0; i < text.len; i += 5) {
    char was = text.data[i];
    text.data[i] = was == 'Z' ? 'Y' : 'Z';
    cJSON *payload = NULL;
    cr_expect_eq(x5c_verify(x5c, text.data, text.len, &payload, NULL, NULL), -1, "byte %zu", i);
    cJSON_Delete(payload);
    text.data[i] = was;
  }
  for (size_t n = 0; n < text.len; n += 7) {
    cJSON *payload = NULL;
    cr_expect_eq(x5c_verify(x5c, text.data, n, &payload, NULL, NULL), -1, "%zu bytes", n);
  }
  expect_text("as it was", text.data, text.len, X5C_ACCEPTED);
}

Test(x5c, sizes_and_shapes) {
  static const char *const shapes[] = {"", ".", "..", "a.b", "e30.e30.", "W10.e30.AA", "bnVsbA.e30.AA", "\xff.\xff.\xff"};
  for (size_t i = 0; i < ELEMENTS(shapes); i++) {
    enum x5c_refusal expected = !strncmp(shapes[i], "e30", 3) ? X5C_REFUSED_HEADER : X5C_MALFORMED;
    expect_text(shapes[i], shapes[i], strlen(shapes[i]), expected);
  }
  _cleanup_buffer_ struct buffer payload;
  buffer_init(&payload, 1 << 20);
  buffer_puts(&payload, "{\"signedDate\":" SIGNED_AT ",\"secret\":\"user123\",\"long\":\"");
  for (size_t i = 0; i < 60000; i++) buffer_puts(&payload, "x");
  size_t fits = payload.len;
  buffer_puts(&payload, "\"}");
  expect_chain("60 kB", &leaf, usual, 3, payload.data, X5C_ACCEPTED);
  payload.len = fits;
  for (size_t i = 0; i < 60000; i++) buffer_puts(&payload, "x");
  buffer_puts(&payload, "\"}");
  expect_chain("120 kB, longer in base64", &leaf, usual, 3, payload.data, X5C_MALFORMED);
  expect_chain("a list", &leaf, usual, 3, "[]", X5C_MALFORMED);
  expect_chain("a key twice", &leaf, usual, 3, "{\"signedDate\":" SIGNED_AT ",\"signedDate\":" SIGNED_AT "}", X5C_MALFORMED);
}

Test(x5c, more_chains_than_are_kept) {
  struct forged leaves[X5C_CHAINS_KEPT * 2];
  for (size_t i = 0; i < ELEMENTS(leaves); i++) leaves[i] = forge_certificate(&issuer, &(struct forged_as){.oid = LEAF_OID});
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < ELEMENTS(leaves); i++) {
      const struct forged *chain[] = {&leaves[i], &issuer, &root};
      expect_chain("one of many", &leaves[i], chain, 3, PAYLOAD, X5C_ACCEPTED);
      expect_chain("signed by its neighbour", &leaves[(i + 1) % ELEMENTS(leaves)], chain, 3, PAYLOAD, X5C_WRONG_SIGNATURE);
    }
  for (size_t i = 0; i < ELEMENTS(leaves); i++) forged_done(&leaves[i]);
}

static char *read_text(const char *name) {
  char path[100];
  (void)snprintf(path, sizeof path, "chains/%s", name);
  FILE *file = fopen(path, "re");
  cr_assert_not_null(file, "%s", path);
  char *text = calloc(1, 8192);
  cr_assert(text && fread(text, 1, 8191, file) > 0);
  (void)fclose(file);
  return text;
}

static struct forged read_certificate(const char *name) {
  _cleanup_free_ char *pem = read_text(name);
  BIO *bio = BIO_new_mem_buf(pem, -1);
  struct forged read = {.certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)};
  BIO_free(bio);
  cr_assert_not_null(read.certificate, "%s", name);
  return read;
}

/* Apple's keys are Apple's: its chains are seen to be accepted by the signature being what is refused. */
Test(x5c, apple_s_own_chains) {
  static const char *const whose[] = {"apple", "trial"};
  for (size_t i = 0; i < ELEMENTS(whose); i++)
    for (size_t trusted = 0; trusted < ELEMENTS(whose); trusted++) {
      char name[3][32];
      (void)snprintf(name[0], sizeof name[0], "%s-leaf.pem", whose[i]);
      (void)snprintf(name[1], sizeof name[1], "%s-issuer.pem", whose[i]);
      (void)snprintf(name[2], sizeof name[2], "%s-root.pem", whose[trusted]);
      struct forged of_apple[] = {read_certificate(name[0]), read_certificate(name[1]), read_certificate(name[2])};
      _cleanup_free_ char *pem = read_text(name[2]);
      x5c_free(x5c);
      x5c = trusting(pem);
      const struct forged *chain[] = {&of_apple[0], &of_apple[1], &of_apple[2]};
      expect_chain(name[0], &leaf, chain, 3, "{\"signedDate\":1761962975000}", i == trusted ? X5C_WRONG_SIGNATURE : X5C_WRONG_CHAIN);
      expect_chain(name[0], &leaf, chain, 3, "{\"signedDate\":2280946846000}", i == trusted ? X5C_WRONG_DATE : X5C_WRONG_CHAIN);
      for (size_t at = 0; at < 3; at++) forged_done(&of_apple[at]);
    }
}

Test(x5c, what_is_trusted_must_be_readable) {
  _cleanup_free_ char *pem = forge_pem(&root);
  _cleanup_buffer_ struct buffer damaged;
  buffer_init(&damaged, 1 << 16);
  buffer_printf(&damaged, "%s%.*s", pem, (int)strlen(pem) / 2, pem);
  const struct {
    const char *pem, *oid, *said;
  } cases[] = {
      {"", LEAF_OID, "the roots are not certificates in PEM"},
      {"no PEM", LEAF_OID, "the roots are not certificates in PEM"},
      {damaged.data, LEAF_OID, "the roots are not certificates in PEM"},
      {pem, "1.2.x", "an extension's name is not an object identifier"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct error error = {0};
    struct x5c_rules rules = {.roots_pem = cases[i].pem, .leaf_oid = cases[i].oid, .issuer_oid = ISSUER_OID, .date_member = "d"};
    cr_expect_null(x5c_new(&rules, &error));
    cr_expect_str_eq(error.message, cases[i].said);
    cr_expect_eq(ERR_peek_error(), 0UL);
  }
}
