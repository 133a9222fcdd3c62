/* What the server can be told: environment variables, by one table.
 *
 * The table in settings.c holds each variable's name, type, bounds, default and meaning; it reads the environment, writes the sentences
 * for what is wrong, and prints the documentation (`supernova-server help settings`). Variables that are not in it are ignored.
 * Strings are borrowed from the environment, which nothing in this program changes.
 *
 *     struct settings settings;
 *     if (settings_load(&settings, SETTINGS_SERVE, &faults) < 0) ...
 *     "PORT is \"http\", expected a whole number from 1 to 65535; DATABASE_URL is not set"     every fault, not the first alone
 */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "http/address.h"
#include "store/redis_target.h"

#include <stdbool.h>
#include <stdint.h>

enum environment { ENVIRONMENT_DEVELOPMENT, ENVIRONMENT_STAGING, ENVIRONMENT_PRODUCTION };
enum database_pooler { POOLER_NONE, POOLER_PGBOUNCER };

enum { ORIGINS_MAX = 32 };

/* Exact web origins (RFC 6454), borrowed. */
struct origins {
  size_t count;
  struct origin {
    const char *text;
    size_t len;
  } all[ORIGINS_MAX];
};

/* See auth/secrets.h; NULL where a version is not set. */
struct rotated_secret {
  const char *current, *previous, *next;
};

struct settings {
  int64_t environment; /* enum environment */
  int64_t log_level;   /* enum log_level */
  const char *stack, *pod_name, *pod_namespace, *release_hash;

  int64_t port, metrics_port, workers;
  int64_t shutdown_drain_s, shutdown_grace_s;
  int64_t keepalive_timeout_s, header_timeout_s, body_timeout_s;
  int64_t max_connections, max_connections_per_address; /* a worker's */
  struct networks trusted_proxies;
  struct origins cors_allowed_origins;

  const char *database_url, *database_direct_url;
  int64_t database_pooler; /* enum database_pooler */
  int64_t db_pool;
  int64_t redis_mode; /* enum redis_mode; never AUTO after settings_load */
  const char *redis_url, *redis_sentinel, *redis_master, *redis_cluster_nodes;
  int64_t rate_limit_window_ms, rate_limit_read_max, rate_limit_write_max, rate_limit_webhook_max, rate_limit_issuer_max;

  const char *auth_issuer, *auth_audience;
  struct rotated_secret issuer_admin_secret, app_jwt_secret, session_secret, collab_pay_webhook_secret;
  const char *jwks_dir;
  const char *auth_jwks_url; /* NULL: none */
  const char *auth_jwks_allow_private;
  int64_t jwks_max_age_s, jwt_max_ttl_s;
  bool dev_auth_open;
  const char *dev_auth_open_until;

  const char *sentry_dsn, *sentry_env; /* NULL: not set */
  double sentry_traces_sample_rate;

  const char *design_tokens_file;

  bool iap_strict;
  const char *iap_sandbox_profiles; /* separated by commas */
  const char *google_package_name;
  const char *google_service_account_key; /* NULL: not set, like the two of the push */
  const char *google_api_base, *google_token_url, *google_certs_url;
  const char *google_push_audience, *google_push_email;
  bool iap_use_sandbox;
  const char *apple_bundle_id;
  int64_t apple_app_id;                                           /* 0: not set */
  const char *apple_issuer_id, *apple_key_id, *apple_private_key; /* NULL: not set, like those below */
  const char *apple_shared_secret, *apple_api_base, *apple_root_ca_file;
};

/* Who asks: the table's `needed_by` says what must be set for whom. */
enum settings_for { SETTINGS_TOOL = 0, SETTINGS_SERVE = 1, SETTINGS_JOB = 2 };

/* -1 where a variable is wrong, or one that the command needs is missing; FAULTS then names every one of them and what was expected, and
 * never quotes a secret. */
int settings_load(struct settings *ret, enum settings_for what, struct buffer *faults) _must_check_;

/* One paragraph a variable. */
void settings_document(struct buffer *to);

/* Where Redis is, for redis_new and redis_target_parse; borrowed. */
struct redis_settings settings_redis(const struct settings *settings);

/* "production": ENVIRONMENT as it was set. */
const char *settings_environment_name(const struct settings *settings);

bool origins_hold(const struct origins *origins, const char *text, size_t n);
