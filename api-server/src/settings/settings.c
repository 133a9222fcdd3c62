#include "settings/settings.h"

#include "base/number.h"
#include "observe/sentry_dsn.h"

#include <stdlib.h>
#include <string.h>

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_DECIMAL, SETTING_BOOL, SETTING_CHOICE, SETTING_ORIGINS, SETTING_NETWORKS };
enum setting_flags { SETTING_IS_SECRET = 1, SETTING_NOT_IN_PRODUCTION = 2 };
enum { REDIS_TIMEOUT_MS = 250 };

struct setting {
  const char *name;
  enum setting_type type;
  size_t offset;
  const char *fallback; /* NULL: none */
  int64_t min, max;     /* of the number; of a text, its length */
  const struct choice {
    const char *name;
    int64_t value;
  } * choices;
  const char *begins_with; /* of a text: one of these, separated by spaces */
  unsigned needed_by, flags;
  const char *doc;
};

static const struct choice environments[] = {
    {"development", ENVIRONMENT_DEVELOPMENT}, {"staging", ENVIRONMENT_STAGING}, {"production", ENVIRONMENT_PRODUCTION}, {0}};
static const struct choice poolers[] = {{"none", POOLER_NONE}, {"pgbouncer", POOLER_PGBOUNCER}, {0}};
static const struct choice redis_modes[] = {{"auto", REDIS_MODE_AUTO},       {"none", REDIS_MODE_NONE},
                                            {"single", REDIS_MODE_SINGLE},   {"sentinel", REDIS_MODE_SENTINEL},
                                            {"cluster", REDIS_MODE_CLUSTER}, {0}};
static const struct choice log_levels[] = {
    {"trace", LOG_TRACE}, {"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}, {"fatal", LOG_FATAL}, {0}};

#define AT(member)         offsetof(struct settings, member)
#define INT(low, high)     .type = SETTING_INT, .min = (low), .max = (high)
#define DECIMAL(low, high) .type = SETTING_DECIMAL, .min = (low), .max = (high)
#define TEXT(low, high)    .type = SETTING_TEXT, .min = (low), .max = (high)
#define CHOICE(names)      .type = SETTING_CHOICE, .choices = (names)
#define FALLBACK(text)     .fallback = (text)
#define NEEDED_BY(command) .needed_by = (command)
#define SECRET             .flags = SETTING_IS_SECRET
#define NOT_IN_PRODUCTION  .flags = SETTING_NOT_IN_PRODUCTION

/* clang-format off */
static const struct setting table[] = {
    {"ENVIRONMENT", .offset = AT(environment), CHOICE(environments), FALLBACK("production"), .doc = "What kind of place this is; guard rails depend on it."},
    {"LOG_LEVEL", .offset = AT(log_level), CHOICE(log_levels), FALLBACK("info"), .doc = "Lines below this level are not written."},
    {"STACK", .offset = AT(stack), TEXT(0, 63), FALLBACK(""), .doc = "The stack's name."},
    {"POD_NAME", .offset = AT(pod_name), TEXT(0, 253), FALLBACK(""), .doc = "The pod's name."},
    {"POD_NAMESPACE", .offset = AT(pod_namespace), TEXT(0, 63), FALLBACK(""), .doc = "The pod's namespace."},
    {"RELEASE_HASH", .offset = AT(release_hash), TEXT(0, 64), FALLBACK(""), .doc = "The hash of the release that this pod belongs to."},

    {"PORT", .offset = AT(port), INT(1, 65535), FALLBACK("3001"), .doc = "Where the API is served."},
    {"METRICS_PORT", .offset = AT(metrics_port), INT(1, 65535), FALLBACK("9090"), .doc = "Where metrics and the verbose health are served."},
    {"WORKERS", .offset = AT(workers), INT(0, 64), FALLBACK("0"), .doc = "Worker processes; 0: one a core of the CPU limit, at most 4."},
    {"SHUTDOWN_DRAIN_SECONDS", .offset = AT(shutdown_drain_s), INT(0, 600), FALLBACK("5"), .doc = "How long new connections are still served after SIGTERM."},
    {"SHUTDOWN_GRACE_SECONDS", .offset = AT(shutdown_grace_s), INT(1, 3600), FALLBACK("20"), .doc = "When the process has ended after SIGTERM, at the latest."},
    {"KEEPALIVE_TIMEOUT_SECONDS", .offset = AT(keepalive_timeout_s), INT(1, 3600), FALLBACK("75"), .doc = "How long an idle connection is kept; longer than the proxy before it keeps its own."},
    {"HEADER_TIMEOUT_SECONDS", .offset = AT(header_timeout_s), INT(1, 600), FALLBACK("10"), .doc = "How long a request's head may take."},
    {"BODY_TIMEOUT_SECONDS", .offset = AT(body_timeout_s), INT(1, 600), FALLBACK("30"), .doc = "How long a request's body may take, and an answer may wait for its reader."},
    {"MAX_CONNECTIONS", .offset = AT(max_connections), INT(1, 60000), FALLBACK("10000"), .doc = "Connections a worker holds at once."},
    {"MAX_CONNECTIONS_PER_ADDRESS", .offset = AT(max_connections_per_address), INT(1, 60000), FALLBACK("1000"), .doc = "Connections a worker holds from one address that is not a trusted proxy."},
    {"TRUSTED_PROXIES", .type = SETTING_NETWORKS, .offset = AT(trusted_proxies), FALLBACK(""), .doc = "Networks whose X-Forwarded-For is believed, separated by commas."},
    {"CORS_ALLOWED_ORIGINS", .type = SETTING_ORIGINS, .offset = AT(cors_allowed_origins), FALLBACK(""), .doc = "Web origins that may call the API, separated by commas."},

    {"DATABASE_URL", .offset = AT(database_url), TEXT(1, 4096), .begins_with = "postgresql:// postgres://", NEEDED_BY(SETTINGS_SERVE | SETTINGS_JOB), SECRET, .doc = "PostgreSQL 15 or later, or the PgBouncer before it."},
    {"DATABASE_POOLER", .offset = AT(database_pooler), CHOICE(poolers), FALLBACK("none"), .doc = "pgbouncer where DATABASE_URL leads to one in transaction mode: nothing then relies on a session of its own. Set DB_POOL higher there: a connection carries one request at a time."},
    {"DATABASE_DIRECT_URL", .offset = AT(database_direct_url), TEXT(1, 4096), .begins_with = "postgresql:// postgres://", SECRET, .doc = "PostgreSQL itself, past the pooler: migrations go there, and those that can't run in a transaction need it."},
    {"DB_POOL", .offset = AT(db_pool), INT(2, 64), FALLBACK("4"), .doc = "Connections to PostgreSQL a worker holds."},
    {"REDIS_MODE", .offset = AT(redis_mode), CHOICE(redis_modes), FALLBACK("auto"), .doc = "auto: by the one of REDIS_URL, REDIS_SENTINEL and REDIS_CLUSTER_NODES that is set, else none. Any other mode ignores the variables that aren't its own."},
    {"REDIS_URL", .offset = AT(redis_url), TEXT(1, 4096), .begins_with = "redis:// rediss://", SECRET, .doc = "Where rate limits are counted for all pods together: redis://[[user]:password@]host[:port][/database], or rediss:// for TLS."},
    {"REDIS_SENTINEL", .offset = AT(redis_sentinel), TEXT(1, 4096), SECRET, .doc = "Or Sentinels that know where: host:port,host:port; with their login or TLS redis[s]://[[user]:password@]host:port,host:port. Needs REDIS_MASTER."},
    {"REDIS_MASTER", .offset = AT(redis_master), TEXT(1, 4096), SECRET, .doc = "The name of the master that the Sentinels watch; with its servers' login or TLS redis[s]://[[user]:password@]name[/database]."},
    {"REDIS_CLUSTER_NODES", .offset = AT(redis_cluster_nodes), TEXT(1, 4096), SECRET, .doc = "Or some nodes of a Redis Cluster: host:port,host:port; with a login or TLS redis[s]://[[user]:password@]host:port,host:port."},
    {"RATE_LIMIT_WINDOW_MS", .offset = AT(rate_limit_window_ms), INT(100, 86400000), FALLBACK("60000"), .doc = "The window of all rate limits."},
    {"RATE_LIMIT_READ_MAX", .offset = AT(rate_limit_read_max), INT(1, 1000000000), FALLBACK("120"), .doc = "Reads a window and client."},
    {"RATE_LIMIT_WRITE_MAX", .offset = AT(rate_limit_write_max), INT(1, 1000000000), FALLBACK("30"), .doc = "Writes a window and client."},
    {"RATE_LIMIT_WEBHOOK_MAX", .offset = AT(rate_limit_webhook_max), INT(1, 1000000000), FALLBACK("1200"), .doc = "Webhook calls a window and sender."},
    {"RATE_LIMIT_ISSUER_MAX", .offset = AT(rate_limit_issuer_max), INT(1, 1000000000), FALLBACK("1200"), .doc = "Tokens a window that the issuer's secret may mint."},

    {"AUTH_ISSUER", .offset = AT(auth_issuer), TEXT(1, 512), FALLBACK("https://collab.supernova.auth"), .doc = "The iss of tokens."},
    {"AUTH_AUDIENCE", .offset = AT(auth_audience), TEXT(1, 512), FALLBACK("supernova-api"), .doc = "The aud of tokens."},
    {"ISSUER_ADMIN_SECRET", .offset = AT(issuer_admin_secret.current), TEXT(16, 4096), NEEDED_BY(SETTINGS_SERVE), SECRET, .doc = "Who knows it may mint tokens at /auth/token."},
    {"ISSUER_ADMIN_SECRET_PREVIOUS", .offset = AT(issuer_admin_secret.previous), TEXT(16, 4096), SECRET, .doc = "The one before it, accepted while it is set."},
    {"APP_JWT_SECRET", .offset = AT(app_jwt_secret.current), TEXT(16, 4096), SECRET, .doc = "Signs one-use tickets; without it /auth/ticket answers 503."},
    {"APP_JWT_SECRET_PREVIOUS", .offset = AT(app_jwt_secret.previous), TEXT(16, 4096), SECRET, .doc = "The one before it, accepted while it is set."},
    {"APP_JWT_SECRET_NEXT", .offset = AT(app_jwt_secret.next), TEXT(16, 4096), SECRET, .doc = "The one after it, accepted while it is set."},
    {"SESSION_SECRET", .offset = AT(session_secret.current), TEXT(16, 4096), SECRET, .doc = "Signs session cookies; without it /auth/session answers 503."},
    {"SESSION_SECRET_PREVIOUS", .offset = AT(session_secret.previous), TEXT(16, 4096), SECRET, .doc = "The one before it, accepted while it is set."},
    {"SESSION_SECRET_NEXT", .offset = AT(session_secret.next), TEXT(16, 4096), SECRET, .doc = "The one after it, accepted while it is set."},
    {"COLLAB_PAY_WEBHOOK_SECRET", .offset = AT(collab_pay_webhook_secret.current), TEXT(16, 4096), SECRET, .doc = "Signs what /api/webhooks/collabpay is told; without it that answers 503."},
    {"COLLAB_PAY_WEBHOOK_SECRET_PREVIOUS", .offset = AT(collab_pay_webhook_secret.previous), TEXT(16, 4096), SECRET, .doc = "The one before it, accepted while it is set."},
    {"JWKS_DIR", .offset = AT(jwks_dir), TEXT(1, 4000), FALLBACK("/etc/supernova/keys"), .doc = "Holds jwks.json, signing and <kid>.pem; read again when it changes."},
    {"AUTH_JWKS_URL", .offset = AT(auth_jwks_url), TEXT(1, 2048), .begins_with = "https:// http://", .doc = "Keys beside our own, fetched when a token names one that isn't known; http:// only in development."},
    {"AUTH_JWKS_ALLOW_PRIVATE", .offset = AT(auth_jwks_allow_private), TEXT(0, 4096), FALLBACK(""), .doc = "Hosts of AUTH_JWKS_URL that may have a private address, separated by commas."},
    {"JWKS_MAX_AGE_SECONDS", .offset = AT(jwks_max_age_s), INT(0, 86400), FALLBACK("300"), .doc = "How long others may cache the key set."},
    {"JWT_MAX_TTL_SECONDS", .offset = AT(jwt_max_ttl_s), INT(60, 31536000), FALLBACK("86400"), .doc = "The longest life of a token that is minted here."},
    {"DEV_AUTH_OPEN", .type = SETTING_BOOL, .offset = AT(dev_auth_open), FALLBACK("false"), .doc = "Lets requests in without a verified token. Outside development only until DEV_AUTH_OPEN_UNTIL."},
    {"DEV_AUTH_OPEN_UNTIL", .offset = AT(dev_auth_open_until), TEXT(0, 64), FALLBACK(""), .doc = "RFC 3339, at most 4 hours ahead; the end of DEV_AUTH_OPEN outside development."},

    {"SENTRY_DSN", .offset = AT(sentry_dsn), TEXT(1, 512), .begins_with = "https:// http://", SECRET, .doc = "Where failures and traces are reported: https://<key>@<host>/<project>; without it nowhere."},
    {"SENTRY_ENV", .offset = AT(sentry_env), TEXT(1, 64), .doc = "The environment that reports name; default the value of ENVIRONMENT."},
    {"SENTRY_TRACES_SAMPLE_RATE", .offset = AT(sentry_traces_sample_rate), DECIMAL(0, 1), FALLBACK("0"), .doc = "The share of requests whose trace is reported."},

    {"DESIGN_TOKENS_FILE", .offset = AT(design_tokens_file), TEXT(1, 4000), FALLBACK("/etc/supernova/design-tokens/tokens.json"), .doc = "The design tokens; read again when it changes."},

    {"IAP_STRICT", .type = SETTING_BOOL, .offset = AT(iap_strict), FALLBACK("true"), .doc = "false: any profile may use what it bought in a store's sandbox; refused in production."},
    {"IAP_SANDBOX_PROFILES", .offset = AT(iap_sandbox_profiles), TEXT(0, 16384), FALLBACK(""), .doc = "Profiles that may use what they bought in a store's sandbox, separated by commas."},
    {"GOOGLE_PACKAGE_NAME", .offset = AT(google_package_name), TEXT(1, 256), FALLBACK("com.collab.supernova"), .doc = "The app whose purchases at Google Play count."},
    {"GOOGLE_SERVICE_ACCOUNT_KEY", .offset = AT(google_service_account_key), TEXT(1, 16384), SECRET, .doc = "The key file of the service account that may read purchases, as JSON; without it purchases at Google answer 503."},
    {"GOOGLE_API_BASE", .offset = AT(google_api_base), TEXT(1, 512), .begins_with = "https:// http://", FALLBACK("https://androidpublisher.googleapis.com"), NOT_IN_PRODUCTION, .doc = "Where Google's publisher API is."},
    {"GOOGLE_TOKEN_URL", .offset = AT(google_token_url), TEXT(1, 512), .begins_with = "https:// http://", FALLBACK("https://oauth2.googleapis.com/token"), NOT_IN_PRODUCTION, .doc = "Where access tokens for it are had."},
    {"GOOGLE_CERTS_URL", .offset = AT(google_certs_url), TEXT(1, 512), .begins_with = "https:// http://", FALLBACK("https://www.googleapis.com/oauth2/v3/certs"), NOT_IN_PRODUCTION, .doc = "The keys that sign what Google pushes."},
    {"GOOGLE_PUSH_AUDIENCE", .offset = AT(google_push_audience), TEXT(1, 512), .doc = "The audience of Google's push subscription; without it its messages are answered with 503."},
    {"GOOGLE_PUSH_EMAIL", .offset = AT(google_push_email), TEXT(1, 320), .doc = "The service account that Google's push subscription signs as; without it its messages are answered with 503."},
    {"IAP_USE_SANDBOX", .type = SETTING_BOOL, .offset = AT(iap_use_sandbox), FALLBACK("false"), .doc = "true: the App Store is asked in its sandbox alone; refused in production."},
    {"APPLE_BUNDLE_ID", .offset = AT(apple_bundle_id), TEXT(1, 256), FALLBACK("com.collab.supernova"), .doc = "The app whose purchases in the App Store count."},
    {"APPLE_APP_ID", .offset = AT(apple_app_id), INT(1, INT64_C(9007199254740991)), .doc = "The app's number in the App Store (appAppleId); without it notifications about production answer 503."},
    {"APPLE_ISSUER_ID", .offset = AT(apple_issuer_id), TEXT(1, 256), .doc = "Who asks the App Store Server API: the issuer of its keys in App Store Connect. Without it, APPLE_KEY_ID and APPLE_PRIVATE_KEY a transactionId answers 503, and no past notifications are read."},
    {"APPLE_KEY_ID", .offset = AT(apple_key_id), TEXT(1, 64), .doc = "The id of APPLE_PRIVATE_KEY."},
    {"APPLE_PRIVATE_KEY", .offset = AT(apple_private_key), TEXT(1, 4096), SECRET, .doc = "The In-App Purchase key that App Store Connect gave out (.p8, PEM)."},
    {"APPLE_SHARED_SECRET", .offset = AT(apple_shared_secret), TEXT(1, 4096), SECRET, .doc = "Not used: the receipts that it was for are no more; what Apple signs needs no secret."},
    {"APPLE_API_BASE", .offset = AT(apple_api_base), TEXT(1, 512), .begins_with = "https:// http://", NOT_IN_PRODUCTION, .doc = "Where the App Store Server API is, with its sandbox at /sandbox below; default Apple's own two addresses."},
    {"APPLE_ROOT_CA_FILE", .offset = AT(apple_root_ca_file), TEXT(1, 4000), NOT_IN_PRODUCTION, .doc = "Certificates in PEM that what the App Store signs must lead to; default Apple Root CA - G3."},
};
/* clang-format on */

/* ---- one value ---- */

static bool begins_with_one_of(const char *text, const char *prefixes) {
  for (const char *p = prefixes; *p;) {
    size_t n = strcspn(p, " ");
    if (!strncmp(text, p, n)) return true;
    p += n + (p[n] == ' ');
  }
  return false;
}

/* Steps through a list separated by commas and spaces; empty entries are skipped. */
static bool next_entry(const char **at, const char **ret_entry, size_t *ret_n) {
  *at += strspn(*at, ", ");
  *ret_entry = *at;
  *ret_n = strcspn(*at, ", ");
  *at += *ret_n;
  return *ret_n > 0;
}

static int parse_networks(const char *text, struct networks *ret) {
  const char *entry;
  ret->count = 0;
  for (size_t n; next_entry(&text, &entry, &n); ret->count++)
    if (ret->count == NETWORKS_MAX || network_parse_n(entry, n, &ret->all[ret->count]) < 0) return -1;
  return 0;
}

/* scheme://host or scheme://host:port, in lower case, nothing after it. */
static bool is_origin(const char *text, size_t n) {
  size_t scheme = n >= 8 && !memcmp(text, "https://", 8) ? 8 : n >= 7 && !memcmp(text, "http://", 7) ? 7 : 0;
  for (size_t i = scheme; i < n; i++)
    if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", text[i])) return false;
  return scheme && n > scheme;
}

static int parse_origins(const char *text, struct origins *ret) {
  const char *entry;
  ret->count = 0;
  for (size_t n; next_entry(&text, &entry, &n);) {
    if (ret->count == ORIGINS_MAX || !is_origin(entry, n)) return -1;
    ret->all[ret->count++] = (struct origin){entry, n};
  }
  return 0;
}

static int parse_choice(const char *text, const struct choice *choices, int64_t *ret) {
  for (; choices->name; choices++)
    if (!strcmp(choices->name, text)) return *ret = choices->value, 0;
  return -1;
}

static int parse_value(const struct setting *row, const char *text, void *into) {
  switch (row->type) {
    case SETTING_INT: return parse_int64(text, row->min, row->max, into);
    case SETTING_DECIMAL: return parse_decimal(text, (double)row->min, (double)row->max, into);
    case SETTING_BOOL: return parse_bool(text, into);
    case SETTING_CHOICE: return parse_choice(text, row->choices, into);
    case SETTING_NETWORKS: return parse_networks(text, into);
    case SETTING_ORIGINS: return parse_origins(text, into);
    case SETTING_TEXT: break;
  }
  int64_t n = (int64_t)strlen(text);
  if (n < row->min || n > row->max || (row->begins_with && !begins_with_one_of(text, row->begins_with))) return -1;
  return *(const char **)into = text, 0;
}

static void describe(const struct setting *row, struct buffer *to) {
  switch (row->type) {
    case SETTING_INT: buffer_printf(to, "a whole number from %lld to %lld", (long long)row->min, (long long)row->max); break;
    case SETTING_DECIMAL: buffer_printf(to, "a number from %lld to %lld, such as 0.1", (long long)row->min, (long long)row->max); break;
    case SETTING_BOOL: buffer_puts(to, "true or false"); break;
    case SETTING_NETWORKS: buffer_printf(to, "at most %d networks such as 10.0.0.0/8, separated by commas", NETWORKS_MAX); break;
    case SETTING_ORIGINS: buffer_printf(to, "at most %d origins such as https://app.example.com, separated by commas", ORIGINS_MAX); break;
    case SETTING_CHOICE:
      for (const struct choice *c = row->choices; c->name; c++)
        buffer_printf(to, "%s%s", c == row->choices ? "" : c[1].name ? ", " : " or ", c->name);
      break;
    case SETTING_TEXT:
      buffer_printf(to, "%lld to %lld characters", (long long)row->min, (long long)row->max);
      if (row->begins_with) buffer_printf(to, " that begin with %s", row->begins_with);
  }
}

/* ---- all of them ---- */

static void fault(struct buffer *faults, const char *sentence) {
  if (faults->len) buffer_puts(faults, "; ");
  buffer_puts(faults, sentence);
}

static void complain(struct buffer *faults, const struct setting *row, const char *text) {
  fault(faults, "");
  if (!text) {
    buffer_printf(faults, "%s is not set", row->name);
  } else {
    buffer_puts(faults, row->name);
    if (row->flags & SETTING_IS_SECRET)
      buffer_puts(faults, " is malformed");
    else
      buffer_printf(faults, " is \"%.40s\"", text);
  }
  buffer_puts(faults, ", expected ");
  describe(row, faults);
}

static void read_row(const struct setting *row, struct settings *into, enum settings_for what, struct buffer *faults) {
  const char *text = getenv(row->name);
  /* a ConfigMap can only empty a variable, not remove it */
  if (text && !*text) text = NULL;
  if (!text && (row->needed_by & (unsigned)what)) {
    complain(faults, row, NULL);
    return;
  }
  if (!text) text = row->fallback;
  if (text && parse_value(row, text, (char *)into + row->offset) < 0) complain(faults, row, text);
}

/* What a mode of Redis is told by. */
struct redis_row {
  const struct choice *mode;
  const char *name, *value, *more, *more_value;
};

static void need_for_redis(struct buffer *faults, const struct redis_row *row, const char *name, const char *value) {
  if (!name || value) return;
  fault(faults, "");
  buffer_printf(faults, "REDIS_MODE is %s, which needs %s", row->mode->name, name);
}

/* The mode of the one that is set. */
static int64_t guess_redis(const struct redis_row *rows, size_t count, struct buffer *faults) {
  const struct redis_row *taken = NULL;
  for (const struct redis_row *row = rows; row < rows + count; row++) {
    if (!row->value && !row->more_value) continue;
    if (taken) {
      fault(faults, "");
      buffer_printf(faults, "%s and %s are both set, set one of them or choose by REDIS_MODE", taken->name, row->name);
    }
    taken = row;
  }
  return taken ? taken->mode->value : REDIS_MODE_NONE;
}

static void settle_redis(struct settings *s, struct buffer *faults) {
  const struct redis_row rows[] = {{&redis_modes[2], "REDIS_URL", s->redis_url, NULL, NULL},
                                   {&redis_modes[3], "REDIS_SENTINEL", s->redis_sentinel, "REDIS_MASTER", s->redis_master},
                                   {&redis_modes[4], "REDIS_CLUSTER_NODES", s->redis_cluster_nodes, NULL, NULL}};
  if (s->redis_mode == REDIS_MODE_AUTO) s->redis_mode = guess_redis(rows, ELEMENTS(rows), faults);
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    if (rows[i].mode->value != s->redis_mode) continue;
    need_for_redis(faults, &rows[i], rows[i].name, rows[i].value);
    need_for_redis(faults, &rows[i], rows[i].more, rows[i].more_value);
  }
}

static void check_together(struct settings *s, struct buffer *faults) {
  settle_redis(s, faults);
  if (s->auth_jwks_url && !strncmp(s->auth_jwks_url, "http://", 7) && s->environment != ENVIRONMENT_DEVELOPMENT)
    fault(faults, "AUTH_JWKS_URL begins with http://, which only ENVIRONMENT=development allows");
  struct sentry_dsn dsn;
  if (s->sentry_dsn && sentry_dsn_parse(s->sentry_dsn, &dsn) < 0)
    fault(faults, "SENTRY_DSN is malformed, expected https://<key>@<host>/<project>");
  if (s->port == s->metrics_port) fault(faults, "PORT and METRICS_PORT are the same");
  if (!s->iap_strict && s->environment == ENVIRONMENT_PRODUCTION)
    fault(faults, "IAP_STRICT is false, which ENVIRONMENT=production refuses");
  if (s->iap_use_sandbox && s->environment == ENVIRONMENT_PRODUCTION)
    fault(faults, "IAP_USE_SANDBOX is true, which ENVIRONMENT=production refuses");
  if (s->shutdown_grace_s <= s->shutdown_drain_s) fault(faults, "SHUTDOWN_GRACE_SECONDS is not more than SHUTDOWN_DRAIN_SECONDS");
}

/* What says whom to believe may be changed in trials alone. */
static void check_production(const struct settings *s, struct buffer *faults) {
  for (size_t i = 0; s->environment == ENVIRONMENT_PRODUCTION && i < ELEMENTS(table); i++) {
    const char *text = table[i].flags & SETTING_NOT_IN_PRODUCTION ? getenv(table[i].name) : NULL;
    if (!text || !*text) continue;
    fault(faults, table[i].name);
    buffer_puts(faults, " is set, which ENVIRONMENT=production refuses");
  }
}

int settings_load(struct settings *ret, enum settings_for what, struct buffer *faults) {
  struct settings loaded = {0};
  size_t before = faults->len;
  for (size_t i = 0; i < ELEMENTS(table); i++) read_row(&table[i], &loaded, what, faults);
  if (faults->len == before) check_together(&loaded, faults);
  if (faults->len == before) check_production(&loaded, faults);
  if (faults->len > before) return -1;
  return *ret = loaded, 0;
}

void settings_document(struct buffer *to) {
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    const struct setting *row = &table[i];
    buffer_printf(to, "%s\n    %s\n    ", row->name, row->doc);
    describe(row, to);
    if (row->needed_by & SETTINGS_SERVE)
      buffer_puts(to, "; must be set");
    else if (row->fallback && *row->fallback)
      buffer_printf(to, "; default %s", row->fallback);
    if (row->flags & SETTING_NOT_IN_PRODUCTION) buffer_puts(to, "; refused in production");
    buffer_puts(to, ".\n\n");
  }
}

struct redis_settings settings_redis(const struct settings *s) {
  return (struct redis_settings){.mode = (enum redis_mode)s->redis_mode,
                                 .url = s->redis_url,
                                 .sentinel = s->redis_sentinel,
                                 .master = s->redis_master,
                                 .cluster_nodes = s->redis_cluster_nodes,
                                 .timeout_ms = REDIS_TIMEOUT_MS};
}

const char *settings_environment_name(const struct settings *settings) {
  const struct choice *c = environments;
  while (c->name && c->value != settings->environment) c++;
  return c->name;
}

bool origins_hold(const struct origins *origins, const char *text, size_t n) {
  for (size_t i = 0; i < origins->count; i++)
    if (origins->all[i].len == n && !memcmp(origins->all[i].text, text, n)) return true;
  return false;
}
