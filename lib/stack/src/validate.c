#include "stack/stack.h"

#include "base/number.h"
#include "shape.h"
#include "stack/change.h"
#include "stack/duration.h"
#include "stack/notification.h"
#include "stack/rollout.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AT(member)  offsetof(struct stack_spec, member)
#define JOB(member) offsetof(struct stack_job, member)

enum { NAME_MAX_LENGTH = 40, HOOK_NAME_MAX_LENGTH = 14, CIDR_BYTES = 64 };

static const struct choice {
  const char *path;
  size_t offset;
  const char *values[7];
} choices[] = {
    {"environment", AT(environment), {"development", "staging", "production"}},
    {"image.pullPolicy", AT(image.pull_policy), {"Always", "IfNotPresent", "Never"}},
    {"config.logLevel", AT(config.log_level), {"trace", "debug", "info", "warn", "error", "fatal"}},
    {"redis.mode", AT(redis.mode), {"none", "single", "sentinel", "cluster"}},
    {"secrets.provider", AT(secrets.provider), {"Secret"}},
    {"rollout.onFailure", AT(rollout.on_failure), {"Rollback", "Hold"}},
    {"change.enforcement", AT(change.enforcement), {"Enforce", "Warn", "Off"}},
    {"service.type", AT(service.type), {"ClusterIP", "NodePort", "LoadBalancer"}},
    {"scheduling.topologySpread", AT(scheduling.topology_spread), {"zone", "node", "none"}},
    {"monitoring.serviceMonitor", AT(monitoring.service_monitor), {"auto", "enabled", "disabled"}},
    {"monitoring.prometheusRule", AT(monitoring.prometheus_rule), {"auto", "enabled", "disabled"}},
    {"monitoring.dashboard", AT(monitoring.dashboard), {"auto", "enabled", "disabled"}},
};

static const struct range {
  const char *path;
  size_t offset;
  int64_t min, max;
} ranges[] = {
    {"replicas", AT(replicas), 0, 1000},
    {"revisionHistoryLimit", AT(revision_history_limit), 2, 100},
    {"config.rateLimits.windowMs", AT(config.rate_limits.window_ms), 100, 86400000},
    {"config.rateLimits.readMax", AT(config.rate_limits.read_max), 1, 1000000000},
    {"config.rateLimits.writeMax", AT(config.rate_limits.write_max), 1, 1000000000},
    {"config.rateLimits.webhookMax", AT(config.rate_limits.webhook_max), 1, 1000000000},
    {"rollout.progressDeadlineSeconds", AT(rollout.progress_deadline_s), 1, 86400},
    {"rollout.verification.windowSeconds", AT(rollout.verification.window_s), 0, 3600},
    {"rollout.verification.maxP95Ms", AT(rollout.verification.max_p95_ms), 1, 600000},
    {"rollout.verification.minRequests", AT(rollout.verification.min_requests), 1, 1000000},
    {"service.port", AT(service.port), 1, 65535},
    {"autoscaling.minReplicas", AT(autoscaling.min_replicas), 1, 1000},
    {"autoscaling.maxReplicas", AT(autoscaling.max_replicas), 1, 1000},
    {"autoscaling.targetCPUUtilizationPercentage", AT(autoscaling.target_cpu_percent), 0, 1000},
    {"autoscaling.targetMemoryUtilizationPercentage", AT(autoscaling.target_memory_percent), 0, 1000},
};

static const void *member(const struct stack *stack, size_t offset) { return (const char *)&stack->spec + offset; }

static bool holds(const cJSON *strings, const char *text) {
  const cJSON *string;
  cJSON_ArrayForEach(string, strings) {
    if (!strcmp(string->valuestring, text)) return true;
  }
  return false;
}

static bool name_is_bad(const struct stack *stack) {
  const char *name = stack->name;
  size_t n = strlen(name);
  return n > NAME_MAX_LENGTH || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n || name[0] < 'a' || name[n - 1] == '-';
}

static bool image_has_no_name(const struct stack *stack) {
  const struct stack_image *image = &stack->spec.image;
  return !image->repository && (image->tag || image->digest);
}

static bool image_has_no_tag(const struct stack *stack) {
  const struct stack_image *image = &stack->spec.image;
  return image->repository && !image->tag && !image->digest;
}

static bool tokens_are_ambiguous(const struct stack *stack) {
  const cJSON *tokens = json_get(stack->object, "spec.designTokens");
  return tokens && !stack->spec.design_tokens.config_map_ref == !stack->spec.design_tokens.inline_tokens;
}

static bool ingress_has_no_host(const struct stack *stack) {
  const struct stack_spec *spec = &stack->spec;
  return spec->ingress.enabled && (!spec->ingress.hosts || !spec->ingress.hosts->child);
}

static bool key_bits_are_odd(const struct stack *stack) {
  int64_t bits = stack->spec.jwks.key_bits;
  return bits != 2048 && bits != 3072 && bits != 4096;
}

static bool key_times_are_none(const struct stack *stack) {
  const char *const durations[] = {stack->spec.jwks.rotation_interval, stack->spec.jwks.overlap, stack->spec.jwks.publish_ahead};
  int64_t ms;
  for (size_t i = 0; i < ELEMENTS(durations); i++)
    if (!duration_parse(durations[i], &ms)) return true;
  return false;
}

static bool overlap_is_short(const struct stack *stack) {
  const struct stack_key_times times = stack_key_times(stack);
  return times.overlap_ms < times.longest_token_ms;
}

static bool interval_is_short(const struct stack *stack) {
  const struct stack_key_times times = stack_key_times(stack);
  return times.interval_ms && times.interval_ms < times.overlap_ms;
}

static bool replicas_are_reversed(const struct stack *stack) {
  return stack->spec.autoscaling.min_replicas > stack->spec.autoscaling.max_replicas;
}

static bool has_no_target(const struct stack *stack) {
  const struct stack_spec *spec = &stack->spec;
  return spec->autoscaling.enabled && !spec->autoscaling.target_cpu_percent && !spec->autoscaling.target_memory_percent;
}

static bool account_is_foreign(const struct stack *stack) {
  return stack->spec.service_account.name && stack->spec.service_account.annotations;
}

static bool open_in_production(const struct stack *stack) { return stack_is_production(stack) && stack->spec.config.auth.dev_auth_open; }

static bool any_origin_in_production(const struct stack *stack) {
  return stack_is_production(stack) && holds(stack->spec.config.cors_allowed_origins, "*");
}

static bool no_redis_in_production(const struct stack *stack) {
  return stack_is_production(stack) && !strcmp(stack->spec.redis.mode, "none");
}

static bool min_available_is_bad(const struct stack *stack) {
  const cJSON *value = stack->spec.pod_disruption_budget.min_available;
  return value && !shape_is_count(value, 1000);
}

static const struct rule {
  bool (*broken)(const struct stack *stack);
  const char *sentence;
} rules[] = {
    {name_is_bad,
     "metadata.name must be a DNS-1035 label of at most 40 characters: lower-case letters, digits and '-', beginning with a letter and "
     "ending "
     "with a letter or a digit"},
    {image_has_no_name, "image.repository is missing: a tag or a digest alone names no image"},
    {image_has_no_tag, "image.tag and image.digest are missing: say which image of the repository is meant"},
    {tokens_are_ambiguous, "designTokens has either configMapRef or inline, one of the two"},
    {key_bits_are_odd, "jwks.keyBits is 2048, 3072 or 4096"},
    {key_times_are_none, "jwks.rotationInterval, overlap and publishAhead are durations such as 2160h, 10m or 1h30m"},
    {overlap_is_short,
     "jwks.overlap is shorter than the longest token lives (config.env JWT_MAX_TTL_SECONDS, 24h where it is not set): tokens would be "
     "refused before they expire; raise overlap or lower JWT_MAX_TTL_SECONDS"},
    {interval_is_short, "jwks.rotationInterval is shorter than overlap: raise it, or set it to 0h to rotate by command alone"},
    {ingress_has_no_host, "ingress.hosts is missing: an Ingress needs at least one host"},
    {replicas_are_reversed, "autoscaling.minReplicas is more than maxReplicas: lower it or raise maxReplicas"},
    {has_no_target, "autoscaling has no target: set targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage above 0"},
    {min_available_is_bad, "podDisruptionBudget.minAvailable is a whole number from 0, or a percentage from 0% to 100%"},
    {account_is_foreign,
     "serviceAccount.annotations are for the account that the operator makes: leave out name, or annotate that account yourself"},
    {open_in_production,
     "config.auth.devAuthOpen is refused in production: it lets everybody in without a token; turn it off or choose another environment"},
    {any_origin_in_production, "config.corsAllowedOrigins may not hold '*' in production: name the origins of your web applications"},
    {no_redis_in_production,
     "redis.mode none is refused in production: each pod would count rate limits for itself; use single, sentinel or cluster and put its "
     "address into the Secret"},
};

static bool is_choice(const struct choice *choice, const char *value) {
  for (const char *const *allowed = choice->values; *allowed; allowed++) {
    if (!strcmp(value, *allowed)) return true;
  }
  return false;
}

static int refuse_choice(const struct choice *choice, const char *value, struct error *error) {
  _cleanup_buffer_ struct buffer list;
  buffer_init(&list, 256);
  for (const char *const *allowed = choice->values; *allowed; allowed++)
    buffer_printf(&list, "%s%s", allowed == choice->values ? "" : allowed[1] ? ", " : " or ", *allowed);
  return error_set(error, ERROR_INVALID, "spec.%s is %.40s, expected %s", choice->path, value, buffer_text(&list));
}

static int check_choices(const struct stack *stack, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(choices); i++) {
    const char *value = *(const char *const *)member(stack, choices[i].offset);
    if (value && !is_choice(&choices[i], value)) return refuse_choice(&choices[i], value, error);
  }
  return 0;
}

static int check_range(const char *path, int64_t value, const struct range *range, struct error *error) {
  if (value >= range->min && value <= range->max) return 0;
  return error_set(error, ERROR_INVALID, "spec.%s is %" PRId64 ", expected %" PRId64 " to %" PRId64, path, value, range->min, range->max);
}

static int check_ranges(const struct stack *stack, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(ranges); i++)
    if (check_range(ranges[i].path, *(const int64_t *)member(stack, ranges[i].offset), &ranges[i], error) < 0) return -1;
  return 0;
}

/* "address" or "address/bits"; the CRD only sees that the characters are right. */
static bool is_network(const char *text) {
  char address[CIDR_BYTES];
  size_t n = strcspn(text, "/");
  if (n >= sizeof address) return false;
  memcpy(address, text, n);
  address[n] = 0;
  unsigned char parsed[16];
  bool v4 = inet_pton(AF_INET, address, parsed) == 1, v6 = inet_pton(AF_INET6, address, parsed) == 1;
  int64_t bits = 0;
  return (v4 || v6) && (!text[n] || parse_int64(text + n + 1, 0, v4 ? 32 : 128, &bits) == 0);
}

static int check_proxies(const struct stack *stack, struct error *error) {
  const cJSON *proxy;
  cJSON_ArrayForEach(proxy, stack->spec.config.trusted_proxies) {
    if (!is_network(proxy->valuestring))
      return error_set(error, ERROR_INVALID, "config.trustedProxies holds %.60s, expected an address or a network such as 10.0.0.0/8",
                       proxy->valuestring);
  }
  return 0;
}

static bool is_variable(const char *name) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  return *name && (*name < '0' || *name > '9') && !name[strspn(name, letters)];
}

static int check_env(const struct stack *stack, struct error *error) {
  const cJSON *variable;
  cJSON_ArrayForEach(variable, stack->spec.config.env) {
    if (!is_variable(variable->string))
      return error_set(
          error, ERROR_INVALID,
          "config.env holds %.60s, which is not the name of an environment variable: use letters, digits and '_', and begin with no digit",
          variable->string);
    if (stack_env_is_reserved(variable->string))
      return error_set(
          error, ERROR_INVALID,
          "config.env holds %.60s, which is set elsewhere: use the typed field under spec.config, or the Secret for what is secret",
          variable->string);
  }
  return 0;
}

/* Of LETTERS, and between the first and the last also any of BETWEEN (Kubernetes: labels and selectors, syntax). */
static bool is_label_text(const char *text, size_t n, const char *letters, const char *between) {
  for (size_t i = 0; i < n; i++) {
    bool inside = i > 0 && i + 1 < n && strchr(between, text[i]);
    if (!inside && !strchr(letters, text[i])) return false;
  }
  return true;
}

static bool is_label(const cJSON *label) {
  static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  static const char any[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const char *key = label->string, *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;
  size_t prefix = slash ? (size_t)(slash - key) : 0, name_length = strlen(name), value_length = strlen(label->valuestring);
  bool prefix_is_good = !slash || (prefix && prefix <= 253 && is_label_text(key, prefix, lower, "-."));
  bool name_is_good = name_length && name_length <= 63 && is_label_text(name, name_length, any, "-_.");
  return prefix_is_good && name_is_good && value_length <= 63 && is_label_text(label->valuestring, value_length, any, "-_.");
}

static bool label_is_ours(const char *key) {
  static const char *const prefixes[] = {"app.kubernetes.io/", STACK_GROUP "/"};
  bool ours = !strcmp(key, "app") || !strcmp(key, "grafana_dashboard");
  for (size_t i = 0; i < ELEMENTS(prefixes); i++) ours = ours || !strncmp(key, prefixes[i], strlen(prefixes[i]));
  return ours;
}

static int check_labels(const struct stack *stack, struct error *error) {
  const cJSON *label;
  cJSON_ArrayForEach(label, stack->spec.monitoring.labels) {
    if (!is_label(label))
      return error_set(error, ERROR_INVALID,
                       "monitoring.labels holds what is no label, %.60s: a key is like release or example.com/team, a value has letters, "
                       "digits, '-', '_' and '.'",
                       label->string);
    if (label_is_ours(label->string))
      return error_set(error, ERROR_INVALID,
                       "monitoring.labels may not hold %.60s: app, grafana_dashboard and keys of app.kubernetes.io or " STACK_GROUP
                       " are set by the operator",
                       label->string);
  }
  return 0;
}

/* ---- what runs as Jobs ---- */

static const struct range job_ranges[] = {
    {"weight", JOB(weight), -1000, 1000},
    {"backoffLimit", JOB(backoff_limit), 0, 20},
    {"activeDeadlineSeconds", JOB(active_deadline_s), 1, 86400},
    {"retry.exponential.initialSeconds", JOB(retry.initial_s), 1, 86400},
    {"retry.exponential.maxSeconds", JOB(retry.max_s), 1, 86400},
    {"retry.exponential.maxAttempts", JOB(retry.max_attempts), 1, 100},
};

static bool when_is_empty(const struct stack_job *job) { return job->when && !job->when->child; }

static bool installs_twice(const struct stack_job *job) { return holds(job->when, "pre-install") && holds(job->when, "post-install"); }

static bool upgrades_twice(const struct stack_job *job) { return holds(job->when, "pre-upgrade") && holds(job->when, "post-upgrade"); }

static bool command_is_empty(const struct stack_job *job) { return job->command && !job->command->child; }

static bool retry_is_reversed(const struct stack_job *job) { return job->retry.initial_s > job->retry.max_s; }

static const struct job_rule {
  bool (*broken)(const struct stack_job *job);
  const char *sentence; /* behind the path of the block */
} job_rules[] = {
    {when_is_empty, "when is empty: name a stage, or turn it off with enabled: false"},
    {installs_twice, "when has both pre-install and post-install: keep one of them"},
    {upgrades_twice, "when has both pre-upgrade and post-upgrade: keep one of them"},
    {command_is_empty, "command is empty: name what is run, or leave it out for the image's own"},
    {retry_is_reversed, "retry.exponential.initialSeconds is more than maxSeconds: lower it or raise maxSeconds"},
};

static int check_stages(const char *path, const struct stack_job *job, struct error *error) {
  char place[64];
  (void)snprintf(place, sizeof place, "%s.when", path);
  const struct choice stages = {place, 0, {"pre-install", "post-install", "pre-upgrade", "post-upgrade"}};
  const cJSON *stage;
  cJSON_ArrayForEach(stage, job->when) {
    if (!is_choice(&stages, stage->valuestring)) return refuse_choice(&stages, stage->valuestring, error);
  }
  return 0;
}

static int check_job(const char *path, const struct stack_job *job, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(job_ranges); i++) {
    char place[80];
    (void)snprintf(place, sizeof place, "%s.%s", path, job_ranges[i].path);
    int64_t value = *(const int64_t *)(const void *)((const char *)job + job_ranges[i].offset);
    if (check_range(place, value, &job_ranges[i], error) < 0) return -1;
  }
  for (size_t i = 0; i < ELEMENTS(job_rules); i++)
    if (job_rules[i].broken(job)) return error_set(error, ERROR_INVALID, "%s.%s", path, job_rules[i].sentence);
  return check_stages(path, job, error);
}

/* Jobs are told apart by the name before the number of the revision, so no part of a hook's may be a number. */
static bool hook_name_is_bad(const char *name) {
  size_t n = strlen(name);
  if (n > HOOK_NAME_MAX_LENGTH || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n || name[0] == '-' || name[n - 1] == '-')
    return true;
  for (const char *part = name; *part; part += strcspn(part, "-"), part += *part == '-')
    if (strspn(part, "0123456789") && strspn(part, "0123456789") == strcspn(part, "-")) return true;
  return false;
}

static bool hook_name_is_taken(const char *name) {
  static const char *const taken[] = {"migrate", "seed", "preflight", "backup"};
  for (size_t i = 0; i < ELEMENTS(taken); i++)
    if (!strcmp(name, taken[i])) return true;
  return false;
}

static int check_hook(const struct stack *stack, int place, const struct stack_job *hook, struct error *error) {
  char path[24];
  struct stack_job other;
  (void)snprintf(path, sizeof path, "hooks[%d]", place);
  if (hook_name_is_bad(hook->name))
    return error_set(error, ERROR_INVALID,
                     "%s.name is %.40s, expected at most 14 lower-case letters, digits and '-', and no part of digits alone", path,
                     hook->name);
  if (hook_name_is_taken(hook->name))
    return error_set(error, ERROR_INVALID, "%s.name is %.40s, which Jobs of the operator's own have: choose another", path, hook->name);
  for (int i = 0; i < place && stack_hook_at(&stack->spec, i, &other); i++)
    if (!strcmp(other.name, hook->name))
      return error_set(error, ERROR_INVALID, "%s.name is %.40s, as another hook's: choose another", path, hook->name);
  return check_job(path, hook, error);
}

static int check_jobs(const struct stack *stack, struct error *error) {
  struct stack_job hook;
  if (cJSON_GetArraySize(stack->spec.hooks) > STACK_MAX_HOOKS)
    return error_set(error, ERROR_INVALID, "spec.hooks has %d, expected at most %d", cJSON_GetArraySize(stack->spec.hooks),
                     STACK_MAX_HOOKS);
  if (check_job("migrations", &stack->spec.migrations, error) < 0 || check_job("seeds", &stack->spec.seeds, error) < 0) return -1;
  for (int place = 0; stack_hook_at(&stack->spec, place, &hook); place++)
    if (check_hook(stack, place, &hook, error) < 0) return -1;
  return 0;
}

static int check_rules(const struct stack *stack, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(rules); i++) {
    if (rules[i].broken(stack)) return error_set(error, ERROR_INVALID, "%s", rules[i].sentence);
  }
  return 0;
}

int stack_validate(const struct stack *stack, struct error *error) {
  return check_choices(stack, error) < 0 || check_ranges(stack, error) < 0 || check_rules(stack, error) < 0 ||
                 check_proxies(stack, error) < 0 || check_env(stack, error) < 0 || check_jobs(stack, error) < 0 ||
                 check_labels(stack, error) < 0 || stack_change_check(stack, error) < 0 || stack_notifications_check(stack, error) < 0 ||
                 stack_rollout_check(stack, error) < 0
             ? -1
             : 0;
}
