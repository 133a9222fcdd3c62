#include "auth/secrets.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *setting;
  size_t offset;
} rows[SECRETS] = {
    [SECRET_ISSUER_ADMIN] = {"ISSUER_ADMIN_SECRET", offsetof(struct settings, issuer_admin_secret)},
    [SECRET_APP_JWT] = {"APP_JWT_SECRET", offsetof(struct settings, app_jwt_secret)},
    [SECRET_SESSION] = {"SESSION_SECRET", offsetof(struct settings, session_secret)},
    [SECRET_COLLAB_PAY_WEBHOOK] = {"COLLAB_PAY_WEBHOOK_SECRET", offsetof(struct settings, collab_pay_webhook_secret)},
};

static const char *value_of(const struct secrets *secrets, enum secret secret, enum secret_version version) {
  const struct rotated_secret *values = (const void *)((const char *)secrets->settings + rows[secret].offset);
  const char *const by_version[SECRET_VERSIONS] = {NULL, values->current, values->previous, values->next};
  return by_version[version];
}

/* The environment doesn't say when a secret was made; it came with this process, so its value is at least as old. */
static void tell_since(const struct secrets *secrets, enum secret secret, struct metrics *metrics) {
  static const char *const versions[SECRET_VERSIONS] = {NULL, "current", "previous", "next"};
  int64_t since_us = metrics_total(metrics, METRIC_PROCESS_START, "");
  for (enum secret_version version = SECRET_UNKNOWN + 1; version < SECRET_VERSIONS; version++) {
    char labels[96];
    if (!value_of(secrets, secret, version)) continue;
    (void)snprintf(labels, sizeof labels, "key=\"%s\",version=\"%s\"", rows[secret].setting, versions[version]);
    series_set(metrics_series(metrics, METRIC_SECRET_SINCE, labels), since_us);
  }
}

void secrets_init(struct secrets *secrets, const struct settings *settings, struct metrics *metrics) {
  *secrets = (struct secrets){.settings = settings};
  for (enum secret secret = SECRET_NONE + 1; secret < SECRETS; secret++) {
    char labels[64];
    tell_since(secrets, secret, metrics);
    if (!value_of(secrets, secret, SECRET_PREVIOUS)) continue;
    (void)snprintf(labels, sizeof labels, "key=\"%s\"", rows[secret].setting);
    secrets->previous_used[secret] = metrics_series(metrics, METRIC_SECRET_PREVIOUS_USED, labels);
  }
}

const char *secret_setting(enum secret secret) { return rows[secret].setting; }
bool secret_is_set(const struct secrets *secrets, enum secret secret) { return value_of(secrets, secret, SECRET_CURRENT); }

/* The first version that matches counts: two may hold the same value. */
static enum secret_version outcome(const struct secrets *secrets, enum secret secret, const bool matched[SECRET_VERSIONS]) {
  enum secret_version version = SECRET_UNKNOWN;
  for (enum secret_version v = SECRET_VERSIONS - 1; v > SECRET_UNKNOWN; v--)
    if (matched[v]) version = v;
  if (version == SECRET_PREVIOUS) series_add(secrets->previous_used[secret], 1);
  return version;
}

enum secret_version secret_matches(const struct secrets *secrets, enum secret secret, struct span given) {
  bool matched[SECRET_VERSIONS] = {false};
  for (enum secret_version v = SECRET_UNKNOWN + 1; v < SECRET_VERSIONS; v++) {
    const char *value = value_of(secrets, secret, v);
    matched[v] = secret_equal(given.at ? given.at : "", given.len, value ? value : "", value ? strlen(value) : 0);
  }
  return outcome(secrets, secret, matched);
}

int secret_sign(const struct secrets *secrets, enum secret secret, enum secret_version version, const char *label, const void *bytes,
                size_t n, unsigned char to[SHA256_BYTES]) {
  const char *value = value_of(secrets, secret, version);
  unsigned char derived[SHA256_BYTES];
  if (!value || !*value) return -1;
  if (!label) return hmac_sha256(value, strlen(value), bytes, n, to);
  if (hmac_sha256(value, strlen(value), label, strlen(label), derived) < 0) return -1;
  int signed_ = hmac_sha256(derived, sizeof derived, bytes, n, to);
  OPENSSL_cleanse(derived, sizeof derived);
  return signed_;
}

enum secret_version secret_verify(const struct secrets *secrets, enum secret secret, const char *label, const void *bytes, size_t n,
                                  const unsigned char mac[SHA256_BYTES]) {
  bool matched[SECRET_VERSIONS] = {false};
  for (enum secret_version v = SECRET_UNKNOWN + 1; v < SECRET_VERSIONS; v++) {
    unsigned char expected[SHA256_BYTES];
    matched[v] = secret_sign(secrets, secret, v, label, bytes, n, expected) == 0 && !CRYPTO_memcmp(expected, mac, sizeof expected);
  }
  return outcome(secrets, secret, matched);
}
