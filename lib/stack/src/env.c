#include "stack/stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What typed fields set, what the pod fixes, and what belongs into the Secret. */
const char *const stack_reserved_env[] = {"APP_JWT_SECRET",
                                          "APP_URL",
                                          "AUTH_AUDIENCE",
                                          "AUTH_ISSUER",
                                          "COLLAB_PAY_WEBHOOK_SECRET",
                                          "CORS_ALLOWED_ORIGINS",
                                          "DATABASE_URL",
                                          "DESIGN_TOKENS_FILE",
                                          "DEV_AUTH_OPEN",
                                          "DEV_AUTH_OPEN_UNTIL",
                                          "ENVIRONMENT",
                                          "ISSUER_ADMIN_SECRET",
                                          "JWKS_DIR",
                                          "LOG_LEVEL",
                                          "METRICS_PORT",
                                          "POD_NAME",
                                          "POD_NAMESPACE",
                                          "PORT",
                                          "RATE_LIMIT_READ_MAX",
                                          "RATE_LIMIT_WEBHOOK_MAX",
                                          "RATE_LIMIT_WINDOW_MS",
                                          "RATE_LIMIT_WRITE_MAX",
                                          "REDIS_CLUSTER_NODES",
                                          "REDIS_MASTER",
                                          "REDIS_MODE",
                                          "REDIS_SENTINEL",
                                          "REDIS_URL",
                                          "RELEASE_HASH",
                                          "SESSION_SECRET",
                                          "STACK",
                                          "TRUSTED_PROXIES",
                                          NULL};

bool stack_env_is_reserved(const char *name) {
  for (const char *const *reserved = stack_reserved_env; *reserved; reserved++) {
    if (!strcmp(name, *reserved)) return true;
  }
  return false;
}

enum { LIST_BYTES = 64 * 1024 };

static bool set_text(cJSON *env, const char *name, const char *value) { return !value || cJSON_AddStringToObject(env, name, value); }

static bool set_number(cJSON *env, const char *name, int64_t value) {
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRId64, value);
  return set_text(env, name, text);
}

/* The strings with commas between them; nothing where there are none. */
static bool set_list(cJSON *env, const char *name, const cJSON *values) {
  _cleanup_buffer_ struct buffer joined;
  buffer_init(&joined, LIST_BYTES);
  const cJSON *value;
  cJSON_ArrayForEach(value, values) {
    if (joined.len) buffer_puts(&joined, ",");
    buffer_puts(&joined, value->valuestring);
  }
  return !joined.failed && (!joined.len || set_text(env, name, buffer_text(&joined)));
}

static bool set_typed(cJSON *env, const struct stack_spec *spec) {
  const struct stack_config *config = &spec->config;
  return set_text(env, "APP_URL", config->app_url) && set_text(env, "AUTH_AUDIENCE", config->auth.audience) &&
         set_text(env, "AUTH_ISSUER", config->auth.issuer) && set_list(env, "CORS_ALLOWED_ORIGINS", config->cors_allowed_origins) &&
         set_text(env, "LOG_LEVEL", config->log_level) && set_number(env, "RATE_LIMIT_READ_MAX", config->rate_limits.read_max) &&
         set_number(env, "RATE_LIMIT_WEBHOOK_MAX", config->rate_limits.webhook_max) &&
         set_number(env, "RATE_LIMIT_WINDOW_MS", config->rate_limits.window_ms) &&
         set_number(env, "RATE_LIMIT_WRITE_MAX", config->rate_limits.write_max) && set_text(env, "REDIS_MODE", spec->redis.mode) &&
         set_list(env, "TRUSTED_PROXIES", config->trusted_proxies);
}

/* Typed fields last: a name of config.env never wins over them, even where the CRD did not refuse it. */
static bool set_all(cJSON *env, const struct stack_spec *spec) {
  const cJSON *extra;
  cJSON_ArrayForEach(extra, spec->config.env) {
    if (!stack_env_is_reserved(extra->string) && !set_text(env, extra->string, extra->valuestring)) return false;
  }
  return set_typed(env, spec);
}

static int by_name(const void *a, const void *b) { return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string); }

static int sort(cJSON *object) {
  size_t n = (size_t)cJSON_GetArraySize(object);
  _cleanup_free_ cJSON **members = calloc(n + 1, sizeof *members);
  if (!members) return -1;
  for (size_t i = 0; i < n; i++) members[i] = cJSON_DetachItemViaPointer(object, object->child);
  qsort(members, n, sizeof *members, by_name);
  for (size_t i = 0; i < n; i++) (void)cJSON_AddItemToArray(object, members[i]); /* can't fail: both are there */
  return 0;
}

cJSON *stack_env(const struct stack *stack) {
  _cleanup_(json_freep) cJSON *env = cJSON_CreateObject();
  if (!env || !set_all(env, &stack->spec) || sort(env) < 0) return NULL;
  return TAKE(env);
}
