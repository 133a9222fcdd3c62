#include "settings/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_needed(void) {
  cr_assert_eq(clearenv(), 0);
  setenv("DATABASE_URL", "postgresql://u:p@h/d", 1);
  setenv("ISSUER_ADMIN_SECRET", "0123456789abcdef", 1);
}

/* The faults with NAME=VALUE set beside what is needed; "" when there are none. */
static const char *faults_with(const char *name, const char *value) {
  static char text[4096];
  struct settings settings;
  struct buffer faults;
  set_needed();
  if (name) setenv(name, value, 1);
  buffer_init(&faults, sizeof text);
  int failed = settings_load(&settings, SETTINGS_SERVE, &faults);
  cr_assert_eq(failed, faults.len ? -1 : 0);
  (void)snprintf(text, sizeof text, "%s", buffer_text(&faults));
  buffer_done(&faults);
  return text;
}

Test(settings, defaults) {
  struct settings s;
  struct buffer faults;
  set_needed();
  buffer_init(&faults, 4096);
  cr_assert_eq(settings_load(&s, SETTINGS_SERVE, &faults), 0, "%s", buffer_text(&faults));
  cr_expect_eq(s.port, 3001);
  cr_expect_eq(s.metrics_port, 9090);
  cr_expect_eq(s.environment, ENVIRONMENT_PRODUCTION);
  cr_expect_eq(s.log_level, LOG_INFO);
  cr_expect_eq(s.rate_limit_read_max, 120);
  cr_expect_eq(s.rate_limit_write_max, 30);
  cr_expect_eq(s.rate_limit_webhook_max, 1200);
  cr_expect_eq(s.keepalive_timeout_s, 75);
  cr_expect_eq(s.redis_mode, REDIS_MODE_NONE);
  cr_expect_str_eq(s.auth_audience, "supernova-api");
  cr_expect_not(s.dev_auth_open);
  cr_expect_null(s.issuer_admin_secret.previous);
}

Test(settings, values) {
  static const struct {
    const char *name, *value, *fault; /* NULL: none */
  } cases[] = {
      {"PORT", "8080", NULL},
      {"PORT", "0", "PORT is \"0\", expected a whole number from 1 to 65535"},
      {"PORT", "80a", "PORT is \"80a\", expected a whole number from 1 to 65535"},
      {"PORT", "", NULL},
      {"PORT", "9090", "PORT and METRICS_PORT are the same"},
      {"WORKERS", "64", NULL},
      {"WORKERS", "65", "WORKERS is \"65\""},
      {"IAP_STRICT", "false", "IAP_STRICT is false, which ENVIRONMENT=production refuses"},
      {"GOOGLE_API_BASE", "http://127.0.0.1:1", "GOOGLE_API_BASE is set, which ENVIRONMENT=production refuses"},
      {"GOOGLE_CERTS_URL", "file:///etc/passwd",
       "GOOGLE_CERTS_URL is \"file:///etc/passwd\", expected 1 to 512 characters that begin with"},
      {"GOOGLE_SERVICE_ACCOUNT_KEY", "{}", NULL},
      {"IAP_USE_SANDBOX", "true", "IAP_USE_SANDBOX is true, which ENVIRONMENT=production refuses"},
      {"APPLE_API_BASE", "http://127.0.0.1:1", "APPLE_API_BASE is set, which ENVIRONMENT=production refuses"},
      {"APPLE_ROOT_CA_FILE", "/root.pem", "APPLE_ROOT_CA_FILE is set, which ENVIRONMENT=production refuses"},
      {"APPLE_APP_ID", "1234567890", NULL},
      {"APPLE_APP_ID", "id1234567890", "APPLE_APP_ID is \"id1234567890\", expected a whole number from 1"},
      {"APPLE_SHARED_SECRET", "anything", NULL},
      {"LOG_LEVEL", "warn", NULL},
      {"LOG_LEVEL", "warning", "expected trace, debug, info, warn, error or fatal"},
      {"ENVIRONMENT", "Production", "expected development, staging or production"},
      {"DEV_AUTH_OPEN", "1", "DEV_AUTH_OPEN is \"1\", expected true or false"},
      {"DATABASE_URL", "", "DATABASE_URL is not set"},
      {"DATABASE_URL", "mysql://secret", "DATABASE_URL is malformed"},
      {"ISSUER_ADMIN_SECRET", "secret", "ISSUER_ADMIN_SECRET is malformed"},
      {"REDIS_URL", "redis://h", NULL},
      {"REDIS_URL", "http://secret", "REDIS_URL is malformed"},
      {"REDIS_MODE", "single", "REDIS_MODE is single, which needs REDIS_URL"},
      {"REDIS_MODE", "cluster", "REDIS_MODE is cluster, which needs REDIS_CLUSTER_NODES"},
      {"REDIS_MODE", "sentinel", "which needs REDIS_SENTINEL; REDIS_MODE is sentinel, which needs REDIS_MASTER"},
      {"REDIS_MODE", "twin", "expected auto, none, single, sentinel or cluster"},
      {"REDIS_SENTINEL", "s:1", "REDIS_MODE is sentinel, which needs REDIS_MASTER"},
      {"REDIS_MASTER", "m", "REDIS_MODE is sentinel, which needs REDIS_SENTINEL"},
      {"REDIS_CLUSTER_NODES", "n:1,n:2", NULL},
      {"TRUSTED_PROXIES", "10.0.0.0/8, ::1 192.168.1.1", NULL},
      {"TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES is"},
      {"CORS_ALLOWED_ORIGINS", "https://a.example,http://localhost:3000", NULL},
      {"CORS_ALLOWED_ORIGINS", "*", "CORS_ALLOWED_ORIGINS is"},
      {"CORS_ALLOWED_ORIGINS", "https://a.example/", "CORS_ALLOWED_ORIGINS is"},
      {"SHUTDOWN_GRACE_SECONDS", "5", "SHUTDOWN_GRACE_SECONDS is not more than SHUTDOWN_DRAIN_SECONDS"},
      {"AUTH_JWKS_URL", "https://a.example/jwks.json", NULL},
      {"AUTH_JWKS_URL", "http://a.example/jwks.json", "AUTH_JWKS_URL begins with http://"},
      {"AUTH_JWKS_URL", "file:///etc/passwd", "AUTH_JWKS_URL is \"file:///etc/passwd\", expected"},
      {"SESSION_SECRET", "secret", "SESSION_SECRET is malformed"},
      {"APP_JWT_SECRET_NEXT", "secret", "APP_JWT_SECRET_NEXT is malformed"},
      {"SOMETHING_ELSE", "x", NULL},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    const char *faults = faults_with(cases[i].name, cases[i].value);
    cr_expect_null(strstr(faults, "secret://"));
    if (cases[i].fault)
      cr_expect_not_null(strstr(faults, cases[i].fault), "%s=%s: %s", cases[i].name, cases[i].value, faults);
    else
      cr_expect_str_eq(faults, "", "%s=%s: %s", cases[i].name, cases[i].value, faults);
    cr_expect(strstr(cases[i].value, "secret") == NULL || strstr(faults, cases[i].value) == NULL, "%s", faults);
  }
}

Test(settings, tools_need_nothing) {
  struct settings s;
  struct buffer faults;
  cr_assert_eq(clearenv(), 0);
  buffer_init(&faults, 4096);
  cr_expect_eq(settings_load(&s, SETTINGS_TOOL, &faults), 0);
  cr_expect_eq(settings_load(&s, SETTINGS_SERVE, &faults), -1);
  cr_expect_not_null(strstr(faults.data, "DATABASE_URL is not set"));
  cr_expect_not_null(strstr(faults.data, "ISSUER_ADMIN_SECRET is not set"));
  buffer_done(&faults);
}

/* Which Redis the server takes, by what is set. */
Test(settings, redis_follows_what_is_set) {
  static const struct {
    const char *mode, *url, *sentinel, *master, *nodes, *fault;
    enum redis_mode expect;
  } rows[] = {
      {"", "", "", "", "", NULL, REDIS_MODE_NONE},
      {"auto", "rediss://h:1", "", "", "", NULL, REDIS_MODE_SINGLE},
      {"none", "rediss://h:1", "", "", "", NULL, REDIS_MODE_NONE},
      {"", "", "s1:1,s2:2", "m", "", NULL, REDIS_MODE_SENTINEL},
      {"", "", "", "", "n1:1,n2:2", NULL, REDIS_MODE_CLUSTER},
      {"", "redis://h", "s:1", "m", "", "REDIS_URL and REDIS_SENTINEL are both set, set one of them or choose by REDIS_MODE", 0},
      {"", "redis://h", "", "", "n:1", "REDIS_URL and REDIS_CLUSTER_NODES are both set", 0},
      {"cluster", "redis://h", "s:1", "m", "n:1", NULL, REDIS_MODE_CLUSTER},
      {"single", "redis://h", "s:1", "m", "n:1", NULL, REDIS_MODE_SINGLE},
      {"sentinel", "redis://h", "s:1", "", "", "REDIS_MODE is sentinel, which needs REDIS_MASTER", 0},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct settings s;
    struct buffer faults;
    set_needed();
    setenv("REDIS_MODE", rows[i].mode, 1);
    setenv("REDIS_URL", rows[i].url, 1);
    setenv("REDIS_SENTINEL", rows[i].sentinel, 1);
    setenv("REDIS_MASTER", rows[i].master, 1);
    setenv("REDIS_CLUSTER_NODES", rows[i].nodes, 1);
    buffer_init(&faults, 4096);
    int failed = settings_load(&s, SETTINGS_SERVE, &faults);
    cr_assert_eq(failed, rows[i].fault ? -1 : 0, "row %zu: %s", i, buffer_text(&faults));
    if (rows[i].fault)
      cr_expect_not_null(strstr(buffer_text(&faults), rows[i].fault), "row %zu: %s", i, buffer_text(&faults));
    else
      cr_expect_eq(s.redis_mode, rows[i].expect, "row %zu", i);
    buffer_done(&faults);
  }
}

Test(settings, origins_match_exactly) {
  struct settings s;
  struct buffer faults;
  set_needed();
  setenv("CORS_ALLOWED_ORIGINS", "https://a.example, https://b.example:8443", 1);
  buffer_init(&faults, 4096);
  cr_assert_eq(settings_load(&s, SETTINGS_SERVE, &faults), 0);
  cr_expect(origins_hold(&s.cors_allowed_origins, "https://b.example:8443", 22));
  cr_expect_not(origins_hold(&s.cors_allowed_origins, "https://a.example.org", 21));
  cr_expect_not(origins_hold(&s.cors_allowed_origins, "https://a.exampl", 16));
}

Test(settings, the_documentation_names_each) {
  struct buffer text;
  buffer_init(&text, 256 * 1024);
  settings_document(&text);
  cr_expect_not_null(strstr(buffer_text(&text), "KEEPALIVE_TIMEOUT_SECONDS\n"));
  cr_expect_not_null(strstr(buffer_text(&text), "must be set"));
  cr_expect_not(text.failed);
  buffer_done(&text);
}
