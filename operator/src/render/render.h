/* From a stack and one of its revisions to the manifests of its children. Pure: the same input renders the same bytes.
 *
 * What a manifest says is complete: every field in which Kubernetes would otherwise fill a default inside something atomic (a port's protocol,
 * fieldRef's apiVersion) is written out, so that what is rendered can be compared with what is there. Names, labels, ports, variables and
 * files follow the contract with the server (ARCHITECTURE.md).
 *
 *     struct render_input in = {.stack = stack, .release = &stack->spec, .image = "…", .content_hash = "…", .env_hash = "…", .env = env};
 *     for (size_t i = 0; i < CHILD_KINDS; i++)
 *       if (child_kinds[i].render && child_kinds[i].wanted(&in)) cJSON *manifest = child_kinds[i].render(&in);
 *
 * Every manifest carries apiVersion, kind, name, namespace, labels and the owner reference (controller, blockOwnerDeletion); the Deployment's has
 * no replicas (see render_initial_replicas). `applied-hash` is put on by render_seal. Owner: the caller owns what is returned; NULL means no memory.
 */
#pragma once

#include "stack/stack.h"

#define ANNOTATION_APPLIED_HASH     STACK_GROUP "/applied-hash"
#define ANNOTATION_TEMPLATE_HASH    STACK_GROUP "/template-hash" /* of a Deployment: its pods are replaced exactly when this changes */
#define ANNOTATION_APPLIED_REPLICAS STACK_GROUP "/applied-replicas"
#define ANNOTATION_CONTENT_HASH     STACK_GROUP "/content-hash"
#define ANNOTATION_SECRET_HASH      STACK_GROUP "/secret-hash"
#define ANNOTATION_RESTARTED_AT \
  STACK_GROUP "/restarted-at" /* on the stack: the last restart asked for; on a pod template: that it has had */
#define ANNOTATION_ROLLING_BACK  STACK_GROUP "/rolling-back"  /* on the Deployment: while an earlier revision takes its place again */
#define ANNOTATION_ROLLING_SINCE STACK_GROUP "/rolling-since" /* on the Deployment: when these pods, or all of them, were first asked for */
#define ANNOTATION_ADOPT         STACK_GROUP "/adopt"
#define LABEL_STACK              STACK_GROUP "/stack"
#define LABEL_MANAGED_BY         "app.kubernetes.io/managed-by"
#define FIELD_MANAGER            "supernova-operator"

enum { PORT_HTTP = 3001, PORT_METRICS = 9090 }; /* of every server pod */

/* The order is the order of creation: what pods need comes before the pods. */
enum child_kind {
  CHILD_SERVICE_ACCOUNT,
  CHILD_ENV,           /* ConfigMap <stack>-env-<hash>, immutable */
  CHILD_DESIGN_TOKENS, /* ConfigMap <stack>-design-tokens, of designTokens.inline */
  CHILD_NETWORK_POLICY,
  CHILD_SERVICE,
  CHILD_DEPLOYMENT,
  CHILD_PDB,
  CHILD_HPA,
  CHILD_INGRESS,
  CHILD_METRICS_SERVICE, /* Service <stack>-metrics, headless, for the ServiceMonitor alone */
  CHILD_SERVICE_MONITOR,
  CHILD_PROMETHEUS_RULE,
  CHILD_DASHBOARD, /* ConfigMap <stack>-dashboard */
  CHILD_KINDS,
};

struct render_input {
  const struct stack *stack;        /* names, metadata, and all that is not part of a release */
  const struct stack_spec *release; /* image, environment, config, resources, scheduling, serviceAccount, commands */
  const char *image;                /* the full reference */
  const char *content_hash;         /* of the revision: 10 hex digits */
  const char *env_hash;
  const cJSON *env;         /* the revision's full map */
  const char *secret_hash;  /* overlay; NULL: none known yet */
  const char *restarted_at; /* overlay; NULL: never */
  bool rolling_back;        /* of the Deployment: all pods at once, without a canary */
  int64_t canary;           /* of the Deployment: how many new pods it holds at; 0: it goes on to the last */
  bool monitors_served;     /* the cluster serves ServiceMonitors */
  bool rules_served;        /* and PrometheusRules */
};

struct child_descriptor {
  const char *kind; /* "Deployment" */
  bool (*wanted)(const struct render_input *in);
  void (*name)(const struct render_input *in, char to[64]);
  cJSON *(*render)(const struct render_input *in);
};
extern const struct child_descriptor child_kinds[CHILD_KINDS];

/* spec.monitoring says so, and it can be. */
bool render_wants_monitor(const struct render_input *in);

/* The parts that the builders share. */
cJSON *render_object(const struct stack *stack, const char *api_version, const char *kind, const char *name, const char *component);

/* Adds `applied-hash`: the hash of the manifest's canonical text without it. Before render_initial_replicas, which no later render repeats. */
void render_seal(cJSON *manifest);

/* What only the first POST of a Deployment says: replicas (the minimum under autoscaling) and the annotation that remembers them. */
void render_initial_replicas(cJSON *deployment, const struct stack *stack);

/* What one series of Jobs (a migration's, a seed's, a hook's …) runs. */
struct render_job {
  const char *series;    /* its part of the name: migrate, seed, preflight, or a hook's name */
  const char *component; /* migrate, seed, hook: the label, and the container's name */
  const cJSON *command;
  const struct stack_job *settings;
  bool as_server; /* it sees the files that the server sees: keys and design tokens */
};

/* The Job of one attempt: `<stack>-<series>-<revision>` and `-<attempt>` from the second on; and the number of the revision in such a name, -1 where it
 * has none. */
void render_job_name(const struct stack *stack, const char *series, int64_t revision, int64_t attempt, char to[64]);
int64_t render_job_revision(const struct stack *stack, const char *name);
cJSON *render_job(const struct render_input *in, const struct render_job *job, int64_t revision, int64_t attempt);

/* ControllerRevision `<stack>-<content hash>`; CONTENT is borrowed. */
cJSON *render_revision(const struct stack *stack, const cJSON *content, const char *content_hash, int64_t number);

/* The JWKS Secret from file names to contents (strings; the caller cleanses them). No owner reference, no instance label, not to be pruned. */
cJSON *render_jwks_secret(const struct stack *stack, const cJSON *files);

/* Overwrites the Secret's data before freeing it. Accepts NULL. */
void render_secret_free(cJSON *secret);
