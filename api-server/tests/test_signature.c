#include "auth/signature.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW_S = 1767225600 };

static struct settings settings = {
    .collab_pay_webhook_secret = {.current = "the-secret-in-force-0123456789", .previous = "the-secret-before-it-0123456789"}};

static struct span span_of(const char *text) { return text ? (struct span){text, strlen(text)} : (struct span){0}; }

static const char *sign(const char *secret, const char *text) {
  static char hex[SHA256_HEX_SIZE];
  unsigned char mac[SHA256_BYTES];
  cr_assert_eq(hmac_sha256(secret, strlen(secret), text, strlen(text), mac), 0);
  digest_hex(mac, hex);
  return hex;
}

static enum signature check(const char *timestamp, const char *mac, const char *body) {
  struct metrics *metrics = metrics_new(1, NULL);
  struct secrets secrets;
  struct arena *arena = arena_new(1 << 16);
  secrets_init(&secrets, &settings, metrics);
  enum signature found = signature_check(&secrets, span_of(timestamp), span_of(mac), span_of(body), NOW_S, arena);
  arena_free(arena);
  metrics_free(metrics);
  return found;
}

Test(signature, the_secret_in_force_and_the_one_before_it_are_accepted) {
  cr_assert_eq(check("1767225600", sign("the-secret-in-force-0123456789", "1767225600.{}"), "{}"), SIGNATURE_GOOD);
  cr_assert_eq(check("1767225600", sign("the-secret-before-it-0123456789", "1767225600.{}"), "{}"), SIGNATURE_GOOD);
  cr_assert_eq(check("1767225600", sign("somebody-elses-secret-0123456789", "1767225600.{}"), "{}"), SIGNATURE_WRONG);
}

Test(signature, hexadecimal_digits_are_read_in_either_case) {
  char upper[SHA256_HEX_SIZE];
  const char *mac = sign("the-secret-in-force-0123456789", "1767225600.{}");
  for (size_t i = 0; i < sizeof upper; i++) upper[i] = (char)(mac[i] >= 'a' && mac[i] <= 'f' ? mac[i] - 32 : mac[i]);
  cr_assert_eq(check("1767225600", upper, "{}"), SIGNATURE_GOOD);
}

Test(signature, five_minutes_are_allowed_in_both_directions) {
  static const struct {
    const char *timestamp, *text;
    enum signature expected;
  } cases[] = {{"1767225300", "1767225300.{}", SIGNATURE_GOOD},
               {"1767225299", "1767225299.{}", SIGNATURE_LATE},
               {"1767225900", "1767225900.{}", SIGNATURE_GOOD},
               {"1767225901", "1767225901.{}", SIGNATURE_LATE},
               {"0", "0.{}", SIGNATURE_LATE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(check(cases[i].timestamp, sign("the-secret-in-force-0123456789", cases[i].text), "{}"), cases[i].expected, "%s",
                 cases[i].timestamp);
}

Test(signature, nothing_else_is_one) {
  static const char good[] = "1767225600";
  const char *mac = sign("the-secret-in-force-0123456789", "1767225600.{}");
  cr_expect_eq(check(NULL, mac, "{}"), SIGNATURE_MISSING);
  cr_expect_eq(check(good, NULL, "{}"), SIGNATURE_MISSING);
  cr_expect_eq(check(good, mac, "{} "), SIGNATURE_WRONG, "another body");
  cr_expect_eq(check(good, mac, ""), SIGNATURE_WRONG, "no body");
  cr_expect_eq(check("1767225601", mac, "{}"), SIGNATURE_WRONG, "another time");
  cr_expect_eq(check("", mac, "{}"), SIGNATURE_WRONG);
  cr_expect_eq(check("now", mac, "{}"), SIGNATURE_WRONG);
  cr_expect_eq(check("99999999999999999999", mac, "{}"), SIGNATURE_WRONG);
  cr_expect_eq(check(good, "", "{}"), SIGNATURE_WRONG);
  cr_expect_eq(check(good, mac + 1, "{}"), SIGNATURE_WRONG, "a digit short");
  cr_expect_eq(check(good, "zz", "{}"), SIGNATURE_WRONG);
}

/* What is late is told only to who has signed it. */
Test(signature, what_is_late_and_wrong_is_wrong) {
  cr_assert_eq(check("0", sign("somebody-elses-secret-0123456789", "0.{}"), "{}"), SIGNATURE_WRONG);
}
