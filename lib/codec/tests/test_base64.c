#include "codec/base64.h"

#include <criterion/criterion.h>
#include <string.h>

typedef int decoder(const char *text, size_t n, struct buffer *to);

/* RFC 4648, 10 and 9. */
static const struct {
  const char *plain, *standard, *url_safe;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\x14\xfb\x9c\x03\xd9\x7e", "FPucA9l+", "FPucA9l-"},
    {"\x14\xfb\x9c\x03\xd9", "FPucA9k=", "FPucA9k"},
    {"\xff\xff\xff", "////", "____"},
    {"\xfb\xef\xbe", "++++", "----"},
};

static void expect_decoded(decoder *decode, const char *text, const char *plain) {
  struct buffer b;
  buffer_init(&b, 100);
  buffer_puts(&b, "before ");
  cr_expect_eq(decode(text, strlen(text), &b), 0, "%s", text);
  cr_expect_str_eq(buffer_text(&b) + 7, plain, "%s", text);
  buffer_done(&b);
}

Test(base64, vectors_of_rfc_4648) {
  for (size_t i = 0; i < ELEMENTS(vectors); i++) {
    struct buffer b;
    buffer_init(&b, 100);
    base64_encode(vectors[i].plain, strlen(vectors[i].plain), &b);
    cr_expect_str_eq(buffer_text(&b), vectors[i].standard);
    buffer_clear(&b);
    base64url_encode(vectors[i].plain, strlen(vectors[i].plain), &b);
    cr_expect_str_eq(buffer_text(&b), vectors[i].url_safe);
    buffer_done(&b);
    expect_decoded(base64_decode, vectors[i].standard, vectors[i].plain);
    expect_decoded(base64url_decode, vectors[i].url_safe, vectors[i].plain);
  }
}

static void expect_refused(decoder *decode, const char *text, size_t n) {
  struct buffer b;
  buffer_init(&b, 100);
  buffer_puts(&b, "before");
  cr_expect_eq(decode(text, n, &b), -1, "%s is taken", text);
  cr_expect_str_eq(buffer_text(&b), "before", "%s", text);
  buffer_done(&b);
}

Test(base64, is_strict) {
  static const char *const standard[] = {"Zg",   "Zg=",      "Zg===",  "Zm8",   "Zh==", "Zm9=", "=", "==",       "====",       "Z===",
                                         "A=A=", "Zm9v====", "Zm9v\n", " Zm9v", "Zm-_", "Zm*v", "Z", "Zg==Zg==", "Zm9vZg=\x80"};
  static const char *const url_safe[] = {"Zg==", "Zm8=", "Z", "Zh", "Zm9", "Zm+/", "Zm9v\n", "Zm 9v", "AAAAA", "=", "\xff\xff"};
  for (size_t i = 0; i < ELEMENTS(standard); i++) expect_refused(base64_decode, standard[i], strlen(standard[i]));
  for (size_t i = 0; i < ELEMENTS(url_safe); i++) expect_refused(base64url_decode, url_safe[i], strlen(url_safe[i]));
  expect_refused(base64url_decode, "Zm\0v", 4);
}

Test(base64, every_byte_comes_back) {
  unsigned char bytes[256];
  for (size_t n = 0; n <= sizeof bytes; n++) {
    struct buffer text, back;
    buffer_init(&text, 400);
    buffer_init(&back, 256);
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(i * 7 + n);
    base64_encode(bytes, n, &text);
    cr_assert_eq(base64_decode(buffer_text(&text), text.len, &back), 0);
    cr_expect(back.len == n && !memcmp(back.data, bytes, n), "%zu", n);
    buffer_done(&text);
    buffer_done(&back);
  }
}

Test(base64, a_full_buffer_refuses) {
  struct buffer b;
  buffer_init(&b, 3);
  base64_encode("abc", 3, &b);
  cr_expect(b.failed);
  buffer_clear(&b);
  cr_expect_eq(base64_decode("Zm9vYmFy", 8, &b), -1);
  buffer_done(&b);
}
