/* Pods of the server and of its Jobs. Both meet Pod Security "restricted", see the same settings and secrets, and write nowhere but in /tmp. */
#include "render/parts.h"

#include <string.h>

static cJSON *pod_security(void) {
  return render_json(
      "{'runAsNonRoot': true, 'runAsUser': 10001, 'runAsGroup': 10001, 'fsGroup': 10001,"
      " 'seccompProfile': {'type': 'RuntimeDefault'}}");
}

static cJSON *container_security(void) {
  return render_json("{'allowPrivilegeEscalation': false, 'readOnlyRootFilesystem': true, 'capabilities': {'drop': ['ALL']}}");
}

/* What stands here wins over envFrom: the URL under its own name, and the switch that nobody may leave open by a ConfigMap. */
static cJSON *environment(const struct render_input *in) {
  const struct stack_spec *spec = &in->stack->spec;
  return render_json(
      "[{'name': 'DATABASE_URL', 'valueFrom': {'secretKeyRef': {'name': %s, 'key': %s}}},"
      " {'name': 'DEV_AUTH_OPEN', 'value': %s},"
      " {'name': 'POD_NAME', 'valueFrom': {'fieldRef': {'apiVersion': 'v1', 'fieldPath': 'metadata.name'}}},"
      " {'name': 'POD_NAMESPACE', 'valueFrom': {'fieldRef': {'apiVersion': 'v1', 'fieldPath': 'metadata.namespace'}}},"
      " {'name': 'STACK', 'value': %s},"
      " {'name': 'RELEASE_HASH', 'value': %s},"
      " {'name': 'ENVIRONMENT', 'value': %s}]",
      spec->secrets.name, spec->database.secret_key, in->release->config.auth.dev_auth_open ? "true" : "false", in->stack->name,
      in->content_hash, in->release->environment);
}

/* Later ones win: a Secret's key beats a plain setting of the same name. */
static cJSON *environment_sources(const struct render_input *in) {
  char name[NAME_SIZE];
  env_name(in, name);
  return render_json("[{'configMapRef': {'name': %s}}, {'secretRef': {'name': %s}}]", name, in->stack->spec.secrets.name);
}

static cJSON *probe(const char *path, int64_t delay_s, int64_t period_s, int64_t failures) {
  return render_json(
      "{'httpGet': {'path': %s, 'port': 'http', 'scheme': 'HTTP'}, 'initialDelaySeconds': %t, 'periodSeconds': %d,"
      " 'timeoutSeconds': 2, 'successThreshold': 1, 'failureThreshold': %d}",
      path, delay_s ? cJSON_CreateNumber((double)delay_s) : render_nothing(), period_s, failures);
}

static cJSON *resources(const struct render_input *in) {
  return in->release->resources ? cJSON_Duplicate(in->release->resources, true) : cJSON_Parse(stack_default_resources);
}

static bool has_design_tokens(const struct stack *stack) {
  return stack->spec.design_tokens.config_map_ref || stack->spec.design_tokens.inline_tokens;
}

static cJSON *server_mounts(const struct stack *stack) {
  return render_json("[{'name': 'tmp', 'mountPath': '/tmp'}, {'name': 'keys', 'mountPath': '/etc/supernova/keys', 'readOnly': true}, %t]",
                     has_design_tokens(stack)
                         ? render_json("{'name': 'design-tokens', 'mountPath': '/etc/supernova/design-tokens', 'readOnly': true}")
                         : render_nothing());
}

static cJSON *server_volumes(const struct stack *stack) {
  char keys[NAME_SIZE], tokens[NAME_SIZE];
  design_tokens_name(stack, tokens);
  return render_json(
      "[{'name': 'tmp', 'emptyDir': {}},"
      " {'name': 'keys', 'secret': {'secretName': %s, 'defaultMode': %d}}, %t]",
      stack_jwks_secret_name(stack, keys), (int64_t)0440,
      has_design_tokens(stack)
          ? render_json("{'name': 'design-tokens', 'configMap': {'name': %s, 'defaultMode': %d, 'optional': true}}", tokens, (int64_t)0444)
          : render_nothing());
}

static cJSON *server_container(const struct render_input *in) {
  return render_json(
      "{'name': '" COMPONENT_SERVER
      "', 'image': %s, 'imagePullPolicy': %s, 'args': ['serve'], 'env': %t, 'envFrom': %t,"
      " 'ports': [{'name': 'http', 'containerPort': %d, 'protocol': 'TCP'}, {'name': 'metrics', 'containerPort': %d, 'protocol': 'TCP'}],"
      " 'startupProbe': %t, 'livenessProbe': %t, 'readinessProbe': %t, 'resources': %t, 'securityContext': %t,"
      " 'terminationMessagePolicy': 'FallbackToLogsOnError', 'volumeMounts': %t}",
      in->image, in->stack->spec.image.pull_policy, environment(in), environment_sources(in), (int64_t)PORT_HTTP, (int64_t)PORT_METRICS,
      probe("/livez", 0, 2, 60), probe("/livez", 10, 10, 3), probe("/readyz", 5, 5, 3), resources(in), container_security(),
      server_mounts(in->stack));
}

static cJSON *job_container(const struct render_input *in, const struct render_job *job) {
  const cJSON *wanted = job->settings->resources;
  return render_json(
      "{'name': %s, 'image': %s, 'imagePullPolicy': %s, 'command': %j, 'env': %t, 'envFrom': %t,"
      " 'resources': %t, 'securityContext': %t,"
      " 'terminationMessagePolicy': 'FallbackToLogsOnError', 'volumeMounts': %t}",
      job->component, in->image, in->stack->spec.image.pull_policy, job->command, environment(in), environment_sources(in),
      wanted ? cJSON_Duplicate(wanted, true) : cJSON_Parse(stack_default_job_resources), container_security(),
      job->as_server ? server_mounts(in->stack) : render_json("[{'name': 'tmp', 'mountPath': '/tmp'}]"));
}

static cJSON *pull_secrets(const struct stack *stack) {
  if (!cJSON_GetArraySize(stack->spec.image.pull_secrets)) return render_nothing();
  cJSON *secrets = cJSON_CreateArray();
  const cJSON *name;
  cJSON_ArrayForEach(name, stack->spec.image.pull_secrets) secrets = render_append(secrets, render_json("{'name': %j}", name));
  return secrets;
}

/* A wish, not a condition: a cluster of one zone must run it too. */
static cJSON *spread(const struct render_input *in) {
  static const struct {
    const char *value, *topology_key;
  } keys[] = {{"zone", "topology.kubernetes.io/zone"}, {"node", "kubernetes.io/hostname"}};
  for (size_t i = 0; i < ELEMENTS(keys); i++)
    if (!strcmp(in->release->scheduling.topology_spread, keys[i].value))
      return render_json("[{'maxSkew': 1, 'topologyKey': %s, 'whenUnsatisfiable': 'ScheduleAnyway', 'labelSelector': {'matchLabels': %t}}]",
                         keys[i].topology_key, render_selector(in->stack));
  return render_nothing();
}

static cJSON *pod_spec(const struct render_input *in, const char *restart_policy, cJSON *container, cJSON *volumes) {
  char account[NAME_SIZE];
  service_account_name(in, account);
  return render_json(
      "{'containers': [%t], 'volumes': %t, 'restartPolicy': %s, 'terminationGracePeriodSeconds': 30, 'securityContext': %t,"
      " 'serviceAccountName': %s, 'automountServiceAccountToken': false, 'enableServiceLinks': false, 'imagePullSecrets': %t,"
      " 'nodeSelector': %j, 'tolerations': %j, 'affinity': %j, 'priorityClassName': %s}",
      container, volumes, restart_policy, pod_security(), account, pull_secrets(in->stack), in->release->scheduling.node_selector,
      in->release->scheduling.tolerations, in->release->scheduling.affinity, in->release->scheduling.priority_class_name);
}

/* The overlays and the content's hash, never the revision's number: going back to known content must restart nothing that still runs it. */
static cJSON *pod_template(const struct render_input *in, const char *component, const char *secret_hash, const char *restarted_at,
                           cJSON *spec) {
  return render_json("{'metadata': {'labels': %t, 'annotations': {'" ANNOTATION_CONTENT_HASH "': %s, '" ANNOTATION_SECRET_HASH
                     "': %s, '" ANNOTATION_RESTARTED_AT "': %s}}, 'spec': %t}",
                     render_labels(in->stack, component), in->content_hash, secret_hash, restarted_at, spec);
}

cJSON *render_server_pod(const struct render_input *in) {
  cJSON *spec = pod_spec(in, "Always", server_container(in), server_volumes(in->stack));
  return pod_template(in, COMPONENT_SERVER, in->secret_hash, in->restarted_at, render_with(spec, "topologySpreadConstraints", spread(in)));
}

/* The deadline is the pod's: a Job's own deadline deletes the pod, and its last words with it. */
cJSON *render_job_pod(const struct render_input *in, const struct render_job *job) {
  cJSON *volumes = job->as_server ? server_volumes(in->stack) : render_json("[{'name': 'tmp', 'emptyDir': {}}]");
  cJSON *spec = pod_spec(in, "Never", job_container(in, job), volumes);
  spec = render_with(spec, "activeDeadlineSeconds", cJSON_CreateNumber((double)job->settings->active_deadline_s));
  return pod_template(in, job->component, NULL, NULL, spec);
}
