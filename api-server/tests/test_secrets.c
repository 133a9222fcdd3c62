#include "auth/secrets.h"

#include <criterion/criterion.h>
#include <string.h>

struct fixture {
  struct settings settings;
  struct metrics *metrics;
  struct secrets secrets;
};

static void begin(struct fixture *f, struct rotated_secret values) {
  *f = (struct fixture){.metrics = metrics_new(1, NULL)};
  f->settings.session_secret = values;
  secrets_init(&f->secrets, &f->settings, f->metrics);
}

static int64_t counted(const struct fixture *f) { return metrics_total(f->metrics, METRIC_SECRET_PREVIOUS_USED, "key=\"SESSION_SECRET\""); }

Test(secrets, the_secret_itself) {
  static const struct {
    struct rotated_secret values;
    const char *given;
    enum secret_version version;
  } cases[] = {
      {{"now", "before", "soon"}, "now", SECRET_CURRENT},
      {{"now", "before", "soon"}, "before", SECRET_PREVIOUS},
      {{"now", "before", "soon"}, "soon", SECRET_NEXT},
      {{"now", "before", "soon"}, "no", SECRET_UNKNOWN},
      {{"now", "before", "soon"}, "now ", SECRET_UNKNOWN},
      {{"now", NULL, NULL}, "", SECRET_UNKNOWN},
      {{"now", NULL, NULL}, NULL, SECRET_UNKNOWN},
      {{"now", "", ""}, "", SECRET_UNKNOWN},
      {{"same", "same", "same"}, "same", SECRET_CURRENT},
      {{"now", "same", "same"}, "same", SECRET_PREVIOUS},
      {{NULL, NULL, NULL}, "", SECRET_UNKNOWN},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct fixture f;
    begin(&f, cases[i].values);
    struct span given = {cases[i].given, cases[i].given ? strlen(cases[i].given) : 0};
    cr_expect_eq(secret_matches(&f.secrets, SECRET_SESSION, given), cases[i].version, "case %zu", i);
    cr_expect_eq(counted(&f), cases[i].version == SECRET_PREVIOUS, "case %zu", i);
    metrics_free(f.metrics);
  }
}

/* RFC 4231, test case 2, says what a signature without a label is. */
Test(secrets, a_signature_without_a_label_is_hmac) {
  struct fixture f;
  unsigned char mac[SHA256_BYTES];
  char hex[SHA256_HEX_SIZE];
  begin(&f, (struct rotated_secret){.current = "Jefe"});
  cr_assert_eq(secret_sign(&f.secrets, SECRET_SESSION, SECRET_CURRENT, NULL, "what do ya want for nothing?", 28, mac), 0);
  digest_hex(mac, hex);
  cr_expect_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  cr_expect_eq(secret_verify(&f.secrets, SECRET_SESSION, NULL, "what do ya want for nothing?", 28, mac), SECRET_CURRENT);
  metrics_free(f.metrics);
}

Test(secrets, every_version_verifies_and_the_previous_is_counted) {
  static const struct rotated_secret values = {"now", "before", "soon"};
  for (enum secret_version version = SECRET_CURRENT; version < SECRET_VERSIONS; version++) {
    struct fixture f;
    unsigned char mac[SHA256_BYTES];
    begin(&f, values);
    cr_assert_eq(secret_sign(&f.secrets, SECRET_SESSION, version, "a", "text", 4, mac), 0);
    cr_expect_eq(secret_verify(&f.secrets, SECRET_SESSION, "a", "text", 4, mac), version);
    cr_expect_eq(counted(&f), version == SECRET_PREVIOUS);
    cr_expect_eq(secret_verify(&f.secrets, SECRET_SESSION, "b", "text", 4, mac), SECRET_UNKNOWN, "another purpose, another key");
    cr_expect_eq(secret_verify(&f.secrets, SECRET_SESSION, NULL, "text", 4, mac), SECRET_UNKNOWN);
    cr_expect_eq(secret_verify(&f.secrets, SECRET_SESSION, "a", "texT", 4, mac), SECRET_UNKNOWN);
    cr_expect_eq(secret_verify(&f.secrets, SECRET_APP_JWT, "a", "text", 4, mac), SECRET_UNKNOWN, "a secret that isn't set");
    mac[31] ^= 1;
    cr_expect_eq(secret_verify(&f.secrets, SECRET_SESSION, "a", "text", 4, mac), SECRET_UNKNOWN);
    metrics_free(f.metrics);
  }
}

Test(secrets, what_is_not_set_does_not_sign) {
  struct fixture f;
  unsigned char mac[SHA256_BYTES];
  begin(&f, (struct rotated_secret){.previous = "before"});
  cr_expect_not(secret_is_set(&f.secrets, SECRET_SESSION));
  cr_expect_eq(secret_sign(&f.secrets, SECRET_SESSION, SECRET_CURRENT, "a", "x", 1, mac), -1);
  cr_expect_eq(secret_sign(&f.secrets, SECRET_SESSION, SECRET_NEXT, "a", "x", 1, mac), -1);
  cr_expect_str_eq(secret_setting(SECRET_SESSION), "SESSION_SECRET");
  metrics_free(f.metrics);
}

Test(secrets, tell_since_when_they_are_in_use) {
  struct fixture f = {.metrics = metrics_new(1, NULL)};
  series_set(metrics_series(f.metrics, METRIC_PROCESS_START, ""), 1500000000);
  f.settings.session_secret = (struct rotated_secret){.current = "now", .next = "soon"};
  secrets_init(&f.secrets, &f.settings, f.metrics);
  struct buffer text;
  buffer_init(&text, 1 << 16);
  metrics_print(f.metrics, METRICS_PROMETHEUS, &text);
  cr_expect(
      strstr(buffer_text(&text), "supernova_secret_loaded_timestamp_seconds{key=\"SESSION_SECRET\",version=\"current\"} 1500.000000\n"));
  cr_expect(strstr(buffer_text(&text), "supernova_secret_loaded_timestamp_seconds{key=\"SESSION_SECRET\",version=\"next\"} 1500.000000\n"));
  cr_expect_not(strstr(buffer_text(&text), "version=\"previous\""));
  cr_expect_not(strstr(buffer_text(&text), "now\""));
  buffer_done(&text);
  metrics_free(f.metrics);
}
