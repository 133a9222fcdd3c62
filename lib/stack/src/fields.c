/* The rows of .spec: names, types, defaults and one sentence each. A test compares them with the CRD, so that a field, a default or a
 * description is never changed in one place alone. Offsets are into struct stack_spec, but
 * for what runs as Jobs, which has struct stack_job. */
#include "stack/stack.h"

#include "stack/notification.h"

#define AT(member) offsetof(struct stack_spec, member)

static const struct decode_field image_fields[] = {
    {"repository", DECODE_STRING, AT(image.repository), .flags = DECODE_RELEASE, .doc = "Image name without tag and digest."},
    {"tag", DECODE_STRING, AT(image.tag), .flags = DECODE_RELEASE, .doc = "Tag of the image."},
    {"digest", DECODE_STRING, AT(image.digest), .flags = DECODE_RELEASE, .doc = "Digest of the image; wins over the tag."},
    {"pullPolicy", DECODE_STRING, AT(image.pull_policy), .fallback = "IfNotPresent", .doc = "When nodes pull the image."},
    {"pullSecrets", DECODE_JSON, AT(image.pull_secrets), .doc = "Names of Secrets of this namespace that hold registry credentials."},
    {0}};

static const struct decode_field config_auth_fields[] = {
    {"issuer", DECODE_STRING, AT(config.auth.issuer), .fallback = "https://collab.supernova.auth",
     .doc = "Issuer that tokens must name (AUTH_ISSUER)."},
    {"audience", DECODE_STRING, AT(config.auth.audience), .fallback = "supernova-api",
     .doc = "Audience that tokens must name (AUTH_AUDIENCE)."},
    {"devAuthOpen", DECODE_BOOL, AT(config.auth.dev_auth_open), .fallback = "false",
     .doc = "Lets requests in without a token (DEV_AUTH_OPEN); refused in production."},
    {0}};

static const struct decode_field config_rate_limits_fields[] = {
    {"windowMs", DECODE_INT, AT(config.rate_limits.window_ms), .fallback = "60000",
     .doc = "Length of the window in milliseconds (RATE_LIMIT_WINDOW_MS)."},
    {"readMax", DECODE_INT, AT(config.rate_limits.read_max), .fallback = "120", .doc = "Reads in a window (RATE_LIMIT_READ_MAX)."},
    {"writeMax", DECODE_INT, AT(config.rate_limits.write_max), .fallback = "30", .doc = "Writes in a window (RATE_LIMIT_WRITE_MAX)."},
    {"webhookMax", DECODE_INT, AT(config.rate_limits.webhook_max), .fallback = "1200",
     .doc = "Webhook calls in a window (RATE_LIMIT_WEBHOOK_MAX)."},
    {0}};

static const struct decode_field config_fields[] = {
    {"appUrl", DECODE_STRING, AT(config.app_url), .doc = "Address of the web application (APP_URL)."},
    {"logLevel", DECODE_STRING, AT(config.log_level), .fallback = "info", .doc = "Least level that is logged (LOG_LEVEL)."},
    {"corsAllowedOrigins", DECODE_JSON, AT(config.cors_allowed_origins),
     .doc = "Origins of web applications that may call the API (CORS_ALLOWED_ORIGINS); none where omitted."},
    {"trustedProxies", DECODE_JSON, AT(config.trusted_proxies), .doc = "Networks whose X-Forwarded-For is believed (TRUSTED_PROXIES)."},
    {"auth", DECODE_OBJECT, 0, .fields = config_auth_fields, .doc = "Whose tokens are accepted."},
    {"rateLimits", DECODE_OBJECT, 0, .fields = config_rate_limits_fields, .doc = "Requests that one caller may make in a window."},
    {"env", DECODE_JSON, AT(config.env),
     .doc = "Further environment variables of the server; a name that a typed field, the pod or the Secret sets is refused."},
    {0}};

static const struct decode_field design_tokens_config_map_ref_fields[] = {
    {"name", DECODE_STRING, AT(design_tokens.config_map_ref), .flags = DECODE_REQUIRED,
     .doc = "Name of the ConfigMap; its key tokens.json holds the tokens."},
    {0}};

static const struct decode_field design_tokens_fields[] = {
    {"configMapRef", DECODE_OBJECT, 0, .fields = design_tokens_config_map_ref_fields, .doc = "A ConfigMap of this namespace."},
    {"inline", DECODE_JSON, AT(design_tokens.inline_tokens), .doc = "The tokens themselves."},
    {0}};

static const struct decode_field database_fields[] = {{"secretKey", DECODE_STRING, AT(database.secret_key), .fallback = "DATABASE_URL",
                                                       .doc = "Key of the Secret that holds the database's URL."},
                                                      {0}};

static const struct decode_field redis_fields[] = {
    {"mode", DECODE_STRING, AT(redis.mode), .fallback = "single",
     .doc = "single: the Secret's REDIS_URL; sentinel: its REDIS_SENTINEL and REDIS_MASTER; cluster: its REDIS_CLUSTER_NODES; none: each "
            "pod counts for itself, refused in production."},
    {0}};

static const struct decode_field secrets_fields[] = {
    {"provider", DECODE_STRING, AT(secrets.provider), .fallback = "Secret",
     .doc = "Secret: people or tools keep a Secret of this namespace."},
    {"name", DECODE_STRING, AT(secrets.name), .fallback = "supernova-secrets", .doc = "Name of the Secret."},
    {0}};

static const struct decode_field jwks_fields[] = {
    {"secretName", DECODE_STRING, AT(jwks.secret_name),
     .doc = "Secret that holds the keys; <stack>-jwks where omitted. Keys that are there already are adopted."},
    {"keyBits", DECODE_INT, AT(jwks.key_bits), .fallback = "2048", .doc = "Length of a new RSA key."},
    {"rotationInterval", DECODE_STRING, AT(jwks.rotation_interval), .fallback = "2160h",
     .doc = "Age at which the signing key is replaced by a new one; 0h: only when the command rotate asks for it."},
    {"publishAhead", DECODE_STRING, AT(jwks.publish_ahead), .fallback = "10m",
     .doc = "How long every pod has shown a new key before it signs; not less than others may cache the key set (JWKS_MAX_AGE_SECONDS)."},
    {"overlap", DECODE_STRING, AT(jwks.overlap), .fallback = "168h",
     .doc = "How long a key verifies after the last pod ceased to sign with it; not less than the longest token lives."},
    {"retain", DECODE_JSON, AT(jwks.retain), .flags = DECODE_FROM_ENVIRONMENT,
     .doc = "Keeps the keys' Secret when the stack is deleted; true in production, else false, where omitted."},
    {0}};

#define JOB(member) offsetof(struct stack_job, member)

static const struct decode_field retry_exponential_fields[] = {
    {"enabled", DECODE_BOOL, JOB(retry.enabled), .fallback = "true", .doc = "Tries again; when false the first failure is final."},
    {"initialSeconds", DECODE_INT, JOB(retry.initial_s), .fallback = "2",
     .doc = "Wait after the first failure; it doubles with each further one."},
    {"maxSeconds", DECODE_INT, JOB(retry.max_s), .fallback = "60", .doc = "Longest wait."},
    {"maxAttempts", DECODE_INT, JOB(retry.max_attempts), .fallback = "6", .doc = "Attempts in all."},
    {0}};

static const struct decode_field retry_fields[] = {
    {"exponential", DECODE_OBJECT, 0, .fields = retry_exponential_fields, .doc = "Further Jobs after 2, 4, 8 … seconds."}, {0}};

/* What every sort of Job has. */
#define JOB_FIELDS                                                                                                                      \
  {"backoffLimit", DECODE_INT, JOB(backoff_limit), .fallback = "0", .doc = "Retries of the Job itself, within one attempt."},           \
      {"activeDeadlineSeconds", DECODE_INT, JOB(active_deadline_s), .fallback = "300", .doc = "Time that one attempt may take."},       \
      {"retry", DECODE_OBJECT, 0, .fields = retry_fields, .doc = "What follows a failed attempt."}, {                                   \
    "resources", DECODE_JSON, JOB(resources), .doc = "Requests and limits of the Job's pod; 50m and 64Mi, at most 512Mi where omitted." \
  }

#define WHEN_DOC "pre- before the Deployment is touched, post- when it has been applied; "

static const struct decode_field migrations_fields[] = {
    {"enabled", DECODE_BOOL, JOB(enabled), .fallback = "true", .doc = "Runs migrations at all."},
    {"when", DECODE_JSON, JOB(when), .doc = "Stages that run them: " WHEN_DOC "post-install and post-upgrade where omitted."},
    {"weight", DECODE_INT, JOB(weight), .fallback = "10", .doc = "Place among the Jobs of a stage; lower ones run first."},
    {"command", DECODE_JSON, JOB(command), .flags = DECODE_RELEASE, .doc = "Command of the Job; supernova-server migrate where omitted."},
    JOB_FIELDS,
    {0}};

static const struct decode_field seeds_fields[] = {
    {"enabled", DECODE_BOOL, JOB(enabled), .fallback = "false", .doc = "Runs seeds at all."},
    {"when", DECODE_JSON, JOB(when),
     .doc = "Stages that run them: " WHEN_DOC "post-install where omitted. At install they run once for a database."},
    {"weight", DECODE_INT, JOB(weight), .fallback = "20", .doc = "Place among the Jobs of a stage; lower ones run first."},
    {"command", DECODE_JSON, JOB(command), .flags = DECODE_RELEASE, .doc = "Command of the Job; supernova-server seed where omitted."},
    JOB_FIELDS,
    {0}};

const struct decode_field stack_hook_fields[] = {
    {"name", DECODE_STRING, JOB(name), .flags = DECODE_REQUIRED | DECODE_RELEASE,
     .doc = "Part of the Job's name: at most 14 characters, no part of digits alone, and not migrate, seed, preflight or backup."},
    {"enabled", DECODE_BOOL, JOB(enabled), .fallback = "true", .doc = "Runs it at all."},
    {"when", DECODE_JSON, JOB(when), .doc = "Stages that run it: " WHEN_DOC "post-install and post-upgrade where omitted."},
    {"weight", DECODE_INT, JOB(weight), .fallback = "30",
     .doc = "Place among the Jobs of a stage; lower ones run first, and of equal ones migration, seeds, then hooks by name."},
    {"command", DECODE_JSON, JOB(command), .flags = DECODE_REQUIRED | DECODE_RELEASE, .doc = "Command of the Job, in the server's image."},
    JOB_FIELDS,
    {0}};

static const struct decode_field rollout_canary_fields[] = {
    {"replicas", DECODE_JSON, AT(rollout.canary_replicas), .flags = DECODE_FROM_ENVIRONMENT,
     .doc = "Pods of the canary, of all pods at most all but one; 0: no canary; 1 in production, else 0, where omitted."},
    {0}};

static const struct decode_field rollout_verification_fields[] = {
    {"smoke", DECODE_BOOL, AT(rollout.verification.smoke), .fallback = "true",
     .doc = "Asks each new pod whether it is ready and which keys it serves; an answer that is wrong fails the release."},
    {"windowSeconds", DECODE_INT, AT(rollout.verification.window_s), .fallback = "60",
     .doc = "How long new pods are watched once they all are ready; as long again where requests are too few to judge by."},
    {"maxErrorRate", DECODE_STRING, AT(rollout.verification.max_error_rate), .fallback = "0.05",
     .doc = "Share of requests that may fail with 5xx, from 0 to 1."},
    {"maxP95Ms", DECODE_INT, AT(rollout.verification.max_p95_ms), .fallback = "2000",
     .doc = "Milliseconds within which 95 of 100 requests have to be answered."},
    {"minRequests", DECODE_INT, AT(rollout.verification.min_requests), .fallback = "20",
     .doc = "Fewer requests judge nothing: how pods stand and the smoke questions then decide."},
    {0}};

static const struct decode_field rollout_fields[] = {
    {"maxSurge", DECODE_JSON, AT(rollout.max_surge), .doc = "Pods beyond the wanted ones, as a number or a percentage; 25% where omitted."},
    {"maxUnavailable", DECODE_JSON, AT(rollout.max_unavailable),
     .doc = "Wanted pods that may be missing meanwhile, as a number or a percentage; 0 where omitted."},
    {"progressDeadlineSeconds", DECODE_INT, AT(rollout.progress_deadline_s), .fallback = "600",
     .doc = "After so long without a further pod that is ready, a release has failed."},
    {"onFailure", DECODE_STRING, AT(rollout.on_failure), .flags = DECODE_FROM_ENVIRONMENT,
     .doc = "Rollback: a release that fails is put back, where what was deployed last can still serve; Hold: it is left as it is. Hold "
            "in development, else Rollback, where omitted."},
    {"canary", DECODE_OBJECT, 0, .fields = rollout_canary_fields,
     .doc = "New pods that come first and are judged before the others follow."},
    {"verification", DECODE_OBJECT, 0, .fields = rollout_verification_fields,
     .doc =
         "What new pods have to show: the canary, and at the end all. An image that is not the companion's shows that it stays ready, and "
         "does not restart."},
    {0}};

static const struct decode_field change_fields[] = {
    {"enforcement", DECODE_STRING, AT(change.enforcement), .flags = DECODE_FROM_ENVIRONMENT,
     .doc = "Enforce: what would replace pods waits; Warn: it is told and goes on; Off, which YAML wants in quotes: nothing is "
            "asked. Enforce in production, else Off, where omitted."},
    {"windows", DECODE_JSON, AT(change.windows),
     .doc =
         "When changes may begin, in UTC; none in the list: always. Tuesday to Thursday, 10:00 to 14:00 in production, else always, where "
         "omitted."},
    {"freezes", DECODE_JSON, AT(change.freezes), .doc = "When no change may begin, whatever the windows say."},
    {"requireApproval", DECODE_BOOL, AT(change.require_approval), .fallback = "false",
     .doc = "A release waits for the annotation platform.supernova.com/approve with its hash; each approval lets one release through."},
    {"requireTicket", DECODE_BOOL, AT(change.require_ticket), .fallback = "false",
     .doc = "A release waits for the annotation platform.supernova.com/change-ticket."},
    {"onCall", DECODE_STRING, AT(change.on_call), .doc = "Who is on call, as messages about changes name them."},
    {0}};

#define RECEIVER(member) offsetof(struct stack_notification, member)

static const struct decode_field notification_secret_ref_fields[] = {
    {"name", DECODE_STRING, RECEIVER(secret_name), .flags = DECODE_REQUIRED, .doc = "Name of the Secret."},
    {"key", DECODE_STRING, RECEIVER(secret_key), .flags = DECODE_REQUIRED,
     .doc = "Key in it: of Slack and a webhook the URL, of PagerDuty the routing key. A webhook's signing secret, whsec_ and base64, "
            "stands beside it under the same key with .signing behind it."},
    {0}};

const struct decode_field stack_notification_fields[] = {
    {"name", DECODE_STRING, RECEIVER(name), .flags = DECODE_REQUIRED, .doc = "What the receiver is called in events and in the status."},
    {"type", DECODE_STRING, RECEIVER(type), .flags = DECODE_REQUIRED,
     .doc = "slack: an incoming webhook; pagerduty: Events API v2, where failures page and all else is a change event; webhook: "
            "CloudEvents signed as Standard Webhooks."},
    {"secretRef", DECODE_OBJECT, 0, .fields = notification_secret_ref_fields, .doc = "A Secret of this namespace."},
    {"events", DECODE_JSON, RECEIVER(events), .doc = "What is told; everything where omitted."},
    {0}};

static const struct decode_field service_fields[] = {
    {"type", DECODE_STRING, AT(service.type), .fallback = "ClusterIP", .doc = "How the Service is reached."},
    {"port", DECODE_INT, AT(service.port), .fallback = "80", .doc = "Port of the Service; pods listen on 3001."},
    {"annotations", DECODE_JSON, AT(service.annotations), .doc = "Annotations of the Service."},
    {0}};

static const struct decode_field ingress_fields[] = {
    {"enabled", DECODE_BOOL, AT(ingress.enabled), .fallback = "false", .doc = "Makes an Ingress."},
    {"className", DECODE_STRING, AT(ingress.class_name), .doc = "Ingress class; the cluster's default where omitted."},
    {"annotations", DECODE_JSON, AT(ingress.annotations), .doc = "Annotations of the Ingress."},
    {"hosts", DECODE_JSON, AT(ingress.hosts), .doc = "Host names and their paths."},
    {"tls", DECODE_JSON, AT(ingress.tls), .doc = "Certificates."},
    {0}};

static const struct decode_field autoscaling_fields[] = {
    {"enabled", DECODE_BOOL, AT(autoscaling.enabled), .fallback = "false", .doc = "Makes an autoscaler."},
    {"minReplicas", DECODE_INT, AT(autoscaling.min_replicas), .fallback = "3", .doc = "Fewest pods."},
    {"maxReplicas", DECODE_INT, AT(autoscaling.max_replicas), .fallback = "10", .doc = "Most pods."},
    {"targetCPUUtilizationPercentage", DECODE_INT, AT(autoscaling.target_cpu_percent), .fallback = "65",
     .doc = "Mean CPU use that is aimed at, in percent of the request; 0: CPU does not count."},
    {"targetMemoryUtilizationPercentage", DECODE_INT, AT(autoscaling.target_memory_percent), .fallback = "70",
     .doc = "Mean memory use that is aimed at, in percent of the request; 0: memory does not count."},
    {0}};

static const struct decode_field pod_disruption_budget_fields[] = {
    {"enabled", DECODE_BOOL, AT(pod_disruption_budget.enabled), .fallback = "false", .doc = "Makes a PodDisruptionBudget."},
    {"minAvailable", DECODE_JSON, AT(pod_disruption_budget.min_available),
     .doc = "Pods that stay, as a number or a percentage; 1 where omitted."},
    {0}};

static const struct decode_field network_policy_fields[] = {
    {"enabled", DECODE_BOOL, AT(network_policy.enabled), .fallback = "false", .doc = "Makes a NetworkPolicy."},
    {"ingressFrom", DECODE_JSON, AT(network_policy.ingress_from), .doc = "Peers that may reach port 3001; everybody where omitted."},
    {"egressTo", DECODE_JSON, AT(network_policy.egress_to),
     .doc = "Rules for where pods may connect to beside DNS; anywhere where omitted."},
    {"operatorFrom", DECODE_JSON, AT(network_policy.operator_from),
     .doc = "Peers that may reach ports 3001 and 9090 as the operator does; the namespace supernova-system where omitted."},
    {"metricsFrom", DECODE_JSON, AT(network_policy.metrics_from),
     .doc = "Peers that may reach port 9090 alone, such as Prometheus; where omitted the namespace monitoring, while there is a "
            "ServiceMonitor."},
    {0}};

static const struct decode_field scheduling_fields[] = {
    {"nodeSelector", DECODE_JSON, AT(scheduling.node_selector), .doc = "Labels that a node must bear."},
    {"tolerations", DECODE_JSON, AT(scheduling.tolerations), .doc = "Taints that pods tolerate."},
    {"affinity", DECODE_JSON, AT(scheduling.affinity),
     .doc = "Affinity as in a pod; the API server checks it when the Deployment is applied."},
    {"topologySpread", DECODE_STRING, AT(scheduling.topology_spread), .fallback = "zone", .doc = "What pods are spread over."},
    {"priorityClassName", DECODE_STRING, AT(scheduling.priority_class_name), .doc = "Priority class of the pods."},
    {0}};

static const struct decode_field service_account_fields[] = {
    {"name", DECODE_STRING, AT(service_account.name),
     .doc = "An account that is there already; one of the stack's name is made where omitted."},
    {"annotations", DECODE_JSON, AT(service_account.annotations), .doc = "Annotations of the account that is made."},
    {0}};

static const struct decode_field monitoring_fields[] = {
    {"serviceMonitor", DECODE_STRING, AT(monitoring.service_monitor), .fallback = "auto",
     .doc = "A ServiceMonitor, and a headless Service of port 9090 for it; auto: where the cluster serves that API."},
    {"prometheusRule", DECODE_STRING, AT(monitoring.prometheus_rule), .fallback = "auto",
     .doc = "A PrometheusRule with alerts and burn rates; auto: where the cluster serves that API."},
    {"dashboard", DECODE_STRING, AT(monitoring.dashboard), .fallback = "auto",
     .doc = "A ConfigMap with a Grafana dashboard, which Grafana's sidecar finds; auto: where the cluster serves ServiceMonitors."},
    {"labels", DECODE_JSON, AT(monitoring.labels),
     .doc = "Labels that these objects bear beside the operator's own, such as the release that a Prometheus selects by."},
    {0}};

const struct decode_field stack_fields[] = {
    {"environment", DECODE_STRING, AT(environment), .flags = DECODE_RELEASE, .fallback = "production",
     .doc = "What this stack is for: it decides defaults and guard rails, production having the strictest."},
    {"suspend", DECODE_BOOL, AT(suspend), .fallback = "false", .doc = "Changes nothing while true; the status goes on being told."},
    {"image", DECODE_OBJECT, 0, .fields = image_fields,
     .doc = "The server image; the companion image of the operator's own release where it is omitted."},
    {"replicas", DECODE_INT, AT(replicas), .fallback = "3", .doc = "Pods of the server; not applied while autoscaling is on."},
    {"revisionHistoryLimit", DECODE_INT, AT(revision_history_limit), .fallback = "10",
     .doc = "Revisions that were deployed and are kept to go back to, and as many that never were."},
    {"config", DECODE_OBJECT, 0, .flags = DECODE_RELEASE, .fields = config_fields,
     .doc = "Plain settings of the server; they become an immutable ConfigMap named by its hash."},
    {"designTokens", DECODE_OBJECT, 0, .fields = design_tokens_fields,
     .doc = "Design tokens that the server hands out at /api/design/tokens: from a ConfigMap or as they stand here."},
    {"database", DECODE_OBJECT, 0, .fields = database_fields, .doc = "The PostgreSQL database; made and backed up by its owner."},
    {"redis", DECODE_OBJECT, 0, .fields = redis_fields, .doc = "Where rate limits are counted."},
    {"secrets", DECODE_OBJECT, 0, .fields = secrets_fields, .doc = "Where the server's secrets come from."},
    {"jwks", DECODE_OBJECT, 0, .fields = jwks_fields, .doc = "The keys that sign the server's tokens."},
    {"migrations", DECODE_OBJECT, AT(migrations), .fields = migrations_fields,
     .doc = "Jobs that bring the database's schema up to the image."},
    {"seeds", DECODE_OBJECT, AT(seeds), .fields = seeds_fields, .doc = "Jobs that fill a new database."},
    {"hooks", DECODE_JSON, AT(hooks),
     .doc = "Further Jobs of a release, one after the other; none runs when an earlier revision comes back."},
    {"rollout", DECODE_OBJECT, 0, .fields = rollout_fields, .doc = "How new pods take the place of old ones."},
    {"change", DECODE_OBJECT, 0, .fields = change_fields,
     .doc = "When releases, restarts and changed Secrets may replace pods. The first install, going back and scaling never wait."},
    {"notifications", DECODE_JSON, AT(notifications),
     .doc = "Who is told of changes before and after, of failures and of overrides. What can't be delivered yet stands in status.outbox."},
    {"service", DECODE_OBJECT, 0, .fields = service_fields, .doc = "The Service before the pods."},
    {"ingress", DECODE_OBJECT, 0, .fields = ingress_fields, .doc = "The way in from outside the cluster."},
    {"resources", DECODE_JSON, AT(resources), .flags = DECODE_RELEASE,
     .doc = "Requests and limits of a server pod; 500m and 512Mi, 2000m and 2Gi where omitted."},
    {"autoscaling", DECODE_OBJECT, 0, .fields = autoscaling_fields,
     .doc = "A HorizontalPodAutoscaler in place of a fixed number of replicas."},
    {"podDisruptionBudget", DECODE_OBJECT, 0, .fields = pod_disruption_budget_fields, .doc = "How many pods drains must leave alone."},
    {"networkPolicy", DECODE_OBJECT, 0, .fields = network_policy_fields, .doc = "Which connections the pods may take and make."},
    {"scheduling", DECODE_OBJECT, 0, .flags = DECODE_RELEASE, .fields = scheduling_fields, .doc = "Where pods run."},
    {"serviceAccount", DECODE_OBJECT, 0, .flags = DECODE_RELEASE, .fields = service_account_fields, .doc = "The identity of the pods."},
    {"monitoring", DECODE_OBJECT, 0, .fields = monitoring_fields, .doc = "What Prometheus and Grafana are told of the stack."},
    {0}};
