/* SupernovaStack (platform.supernova.com/v1alpha1) as C types: what the CRD's schema lets through, decoded once, with every default filled in.
 *
 *     struct stack *stack = stack_decode(object, &error);    // takes the tree; ERROR_INVALID names the field
 *     if (stack->spec.suspend) ...
 *     stack_free(stack);
 *
 * Owner: a struct stack owns its tree; every string and subtree in it borrows from that tree or from the tables' defaults. Subtrees that only
 * pass through to children (annotations, tolerations, resources …) stay JSON; NULL where absent. Knows no network and no clock.
 *
 * The rows in stack_fields carry defaults and documentation; crds/ and the reference are checked against them.
 */
#pragma once

#include "codec/decode.h"

#define STACK_GROUP       "platform.supernova.com"
#define STACK_VERSION     "v1alpha1"
#define STACK_API_VERSION STACK_GROUP "/" STACK_VERSION
#define STACK_KIND        "SupernovaStack"
#define STACK_PLURAL      "supernovastacks"

struct stack_image {
  const char *repository; /* NULL: the companion image of the operator's own release */
  const char *tag;        /* NULL where the digest alone names it */
  const char *digest;     /* "sha256:…" or NULL */
  const char *pull_policy;
  const cJSON *pull_secrets; /* names, or NULL */
};

struct stack_config {
  const char *app_url; /* NULL: not set */
  const char *log_level;
  const cJSON *cors_allowed_origins; /* strings */
  const cJSON *trusted_proxies;      /* CIDRs */
  struct {
    const char *issuer, *audience;
    bool dev_auth_open;
  } auth;
  struct {
    int64_t window_ms, read_max, write_max, webhook_max;
  } rate_limits;
  const cJSON *env; /* string to string */
};

/* What runs as a series of Jobs: the migration, the seeds, and each of hooks[]. */
struct stack_job {
  const char *name; /* of a hook; else NULL */
  bool enabled;
  int64_t weight;         /* of those of one stage, lower ones run first */
  const cJSON *when;      /* stages; NULL: post-install, and but for seeds post-upgrade */
  const cJSON *command;   /* NULL: the image's own; a hook always has one */
  const cJSON *resources; /* NULL: stack_default_job_resources */
  int64_t backoff_limit, active_deadline_s;
  struct {
    bool enabled;
    int64_t initial_s, max_s, max_attempts;
  } retry;
};

struct stack_change {
  const char *enforcement;        /* Enforce, Warn, Off; NULL: by the environment; see stack/change.h */
  const cJSON *windows, *freezes; /* objects, or NULL */
  bool require_approval, require_ticket;
  const char *on_call; /* NULL: nobody is named */
};

/* How new pods take the place of old ones, and what they are asked before a release is done. */
struct stack_rollout {
  const cJSON *max_surge, *max_unavailable; /* a number or a percentage; NULL: 25%, and 0 */
  int64_t progress_deadline_s;
  const cJSON *canary_replicas; /* a number; NULL: by the environment; see stack/rollout.h */
  struct {
    bool smoke;
    int64_t window_s, max_p95_ms, min_requests;
    const char *max_error_rate; /* a share as text: "0.05"; see stack/rollout.h */
  } verification;
  const char *on_failure; /* Rollback, Hold; NULL: by the environment; see stack_rolls_back */
};

/* More are refused. */
enum { STACK_MAX_HOOKS = 16 };

struct stack_spec {
  const char *environment; /* development, staging, production */
  bool suspend;
  struct stack_image image;
  int64_t replicas, revision_history_limit;
  struct stack_config config;
  struct {
    const char *config_map_ref; /* name of a ConfigMap with the key tokens.json, or NULL */
    const cJSON *inline_tokens; /* an object, or NULL */
  } design_tokens;
  struct {
    const char *secret_key;
  } database;
  struct {
    const char *mode; /* none, single, sentinel, cluster */
  } redis;
  struct {
    const char *provider; /* Secret */
    const char *name;
  } secrets;
  struct {
    const char *secret_name; /* NULL: <stack>-jwks */
    int64_t key_bits;
    const char *rotation_interval, *overlap, *publish_ahead; /* durations: see stack_key_times */
    const cJSON *retain;                                     /* NULL: true in production, else false; see stack_retains_keys */
  } jwks;
  struct stack_job migrations, seeds;
  const cJSON *hooks; /* objects: see stack_hook */
  struct stack_rollout rollout;
  struct stack_change change;
  const cJSON *notifications; /* objects: see stack/notification.h; NULL: none */
  struct {
    const char *type;
    int64_t port;
    const cJSON *annotations;
  } service;
  struct {
    bool enabled;
    const char *class_name; /* NULL: the cluster's default class */
    const cJSON *annotations, *hosts, *tls;
  } ingress;
  const cJSON *resources; /* NULL: the runbook's (stack_default_resources) */
  struct {
    bool enabled;
    int64_t min_replicas, max_replicas, target_cpu_percent, target_memory_percent; /* targets: 0 means not used */
  } autoscaling;
  struct {
    bool enabled;
    const cJSON *min_available; /* a number or a percentage; NULL: 1 */
  } pod_disruption_budget;
  struct {
    bool enabled;
    const cJSON *ingress_from, *egress_to, *operator_from, *metrics_from; /* NetworkPolicy peers and rules */
  } network_policy;
  struct {
    const cJSON *node_selector, *tolerations, *affinity;
    const char *topology_spread; /* zone, node, none */
    const char *priority_class_name;
  } scheduling;
  struct {
    const char *name; /* NULL: one is made with the stack's name */
    const cJSON *annotations;
  } service_account;
  struct {
    const char *service_monitor, *prometheus_rule, *dashboard; /* auto, enabled, disabled */
    const cJSON *labels;                                       /* NULL: none */
  } monitoring;
};

struct stack {
  cJSON *object;
  const char *namespace, *name, *uid, *resource_version;
  int64_t generation;
  bool deleting;
  const cJSON *annotations, *finalizers, *status; /* NULL where absent */
  struct stack_spec spec;
};

/* Rows of .spec, for decoding, defaults, the release hash and the reference documentation. */
extern const struct decode_field stack_fields[];
extern const struct decode_field stack_hook_fields[];         /* of each of .spec.hooks */
extern const struct decode_field stack_notification_fields[]; /* of each of .spec.notifications */

/* Takes OBJECT in every case. Of managedFields, which are most of its size, no more is kept than stack_annotated_at needs. */
struct stack *stack_decode(cJSON *object, struct error *error) _must_check_;
void stack_free(struct stack *stack); /* accepts NULL */

/* What CEL can't say, and what stands again here for a CRD that is older than the operator: 0, or ERROR_INVALID with one sentence that names
 * the field. */
int stack_validate(const struct stack *stack, struct error *error) _must_check_;

/* An annotation's value, and when a field manager that owns it wrote last (as managedFields say it, RFC 3339; known for annotations of STACK_GROUP
 * alone). NULL where there is none. */
const char *stack_annotation(const struct stack *stack, const char *name);
const char *stack_annotated_at(const struct stack *stack, const char *name);

bool stack_is_production(const struct stack *stack);
bool stack_rolls_back(const struct stack *stack); /* a release that fails is put back */
bool stack_retains_keys(const struct stack *stack);
const char *stack_jwks_secret_name(const struct stack *stack, char to[64]);

/* How signing keys follow each other. Others may cache the key set for as long as the server tells them, and tokens live as long as it lets them: both by
 * config.env, or its default. */
struct stack_key_times {
  int64_t interval_ms; /* 0: never by itself */
  int64_t overlap_ms, ahead_ms, longest_token_ms;
};
struct stack_key_times stack_key_times(const struct stack *stack);

/* One of SPEC's hooks, decoded: by its place (from 0) or its name. False where there is none. */
bool stack_hook_at(const struct stack_spec *spec, int place, struct stack_job *ret);
bool stack_hook_find(const struct stack_spec *spec, const char *name, struct stack_job *ret);

/* How many bytes of an image's reference are its repository: "registry:5000/team/server" of "registry:5000/team/server:v1@sha256:…". */
size_t stack_repository_length(const char *reference);

/* The reference of the server image: "repository:tag@digest" as given; COMPANION where the spec names none. */
void stack_image_reference(const struct stack *stack, const char *companion, struct buffer *to);

/* The full map of plain settings (environment variables) that the spec decides, name to value, sorted by name: typed fields of config and
 * config.env. DEV_AUTH_OPEN is not among them (it is an explicit entry of the pod). NULL without memory; the caller owns it. */
cJSON *stack_env(const struct stack *stack);

/* Names of the environment variables that typed fields, the pod or the Secret set: config.env may not hold them. Ends with NULL. */
extern const char *const stack_reserved_env[];
bool stack_env_is_reserved(const char *name);

/* The Secret's keys without which the server can't run with this spec, e.g. DATABASE_URL, REDIS_URL, ISSUER_ADMIN_SECRET; ends with NULL.
 * TO has room for 8. Borrowed from the stack. */
void stack_required_secret_keys(const struct stack *stack, const char *to[8]);

/* The release part of the spec: non-default values of the fields that are in the release hash (lifecycle: revisions and their hash), with the
 * image as it resolves: COMPANION in its parts where the spec names none. decode() with stack_fields reads it back. NULL without memory; the
 * caller owns it. */
cJSON *stack_release_part(const struct stack *stack, const char *companion);

/* The runbook's requests and limits: {"limits":{"cpu":"2000m",…},…}. */
extern const char stack_default_resources[];

/* ["supernova-server","migrate"], and "seed" */
extern const char stack_default_migration_command[];
extern const char stack_default_seed_command[];

/* Of Jobs, bounded on their own: what the release asks for serves requests, and a Job that waits for half a CPU holds the release up. */
extern const char stack_default_job_resources[];

static inline void stack_freep(struct stack **stack) {
  stack_free(*stack);
  *stack = NULL;
}
