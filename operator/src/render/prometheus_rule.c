/* Alerts and burn rates of one stack. alerts.yaml is the text of the rules, with the stack's names and numbers where @NAMESPACE@, @STACK@,
 * @MAX_REPLICAS@ and @MEMORY_LIMIT@ stand; a rule that has `when` is there only for the stacks of which that is true. Metrics are the server's own, and
 * the operator's where it alone knows (restarts, migrations): nothing rests on another exporter. */
#include "codec/yaml.h"
#include "render/fill.h"
#include "render/parts.h"
#include "stack/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

extern const char alerts_yaml[], alerts_yaml_end[];

enum { RULES_MAX_BYTES = 256 * 1024, NUMBER_SIZE = 32 };

/* 0: there is none. */
static double memory_limit(const struct render_input *in) {
  _cleanup_(json_freep) cJSON *fallback = in->release->resources ? NULL : cJSON_Parse(stack_default_resources);
  const cJSON *limit = json_get(in->release->resources ? in->release->resources : fallback, "limits.memory");
  double bytes = 0;
  if (cJSON_IsNumber(limit)) return limit->valuedouble;
  return cJSON_IsString(limit) && quantity_parse(limit->valuestring, &bytes) ? bytes : 0;
}

static bool is_scaled(const struct render_input *in) { return in->stack->spec.autoscaling.enabled; }
static bool serves(const struct render_input *in) { return is_scaled(in) || in->stack->spec.replicas > 0; }
static bool is_limited(const struct render_input *in) { return memory_limit(in) > 0; }
static bool is_guarded(const struct render_input *in) { return !in->release->config.auth.dev_auth_open; }

static const struct {
  const char *name;
  bool (*is_true)(const struct render_input *in);
} whens[] = {{"autoscaling", is_scaled}, {"serving", serves}, {"memory limit", is_limited}, {"guarded", is_guarded}};

static bool applies(const struct render_input *in, const char *when) {
  for (size_t i = 0; i < ELEMENTS(whens); i++)
    if (!strcmp(whens[i].name, when)) return whens[i].is_true(in);
  return false;
}

static void choose_rules(const struct render_input *in, cJSON *rules) {
  for (cJSON *rule = rules->child, *next; rule; rule = next) {
    next = rule->next;
    const char *when = json_string(rule, "when", NULL);
    if (!when) continue;
    if (applies(in, when))
      cJSON_DeleteItemFromObjectCaseSensitive(rule, "when");
    else
      cJSON_Delete(cJSON_DetachItemViaPointer(rules, rule));
  }
}

/* The list of groups; NULL without memory. */
static cJSON *groups(const struct render_input *in) {
  char replicas[NUMBER_SIZE], bytes[NUMBER_SIZE];
  snprintf(replicas, sizeof replicas, "%" PRId64, in->stack->spec.autoscaling.max_replicas);
  snprintf(bytes, sizeof bytes, "%.0f", memory_limit(in));
  const struct fill fills[] = {
      {"NAMESPACE", in->stack->namespace}, {"STACK", in->stack->name}, {"MAX_REPLICAS", replicas}, {"MEMORY_LIMIT", bytes}, {0}};
  _cleanup_buffer_ struct buffer text;
  _cleanup_(json_freep) cJSON *tree = NULL;
  buffer_init(&text, RULES_MAX_BYTES);
  fill_text(alerts_yaml, fills, &text);
  if (text.failed || yaml_parse(buffer_text(&text), text.len, &tree, NULL) < 0) return NULL;
  cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(tree, "groups"), *group;
  cJSON_ArrayForEach(group, list) choose_rules(in, cJSON_GetObjectItemCaseSensitive(group, "rules"));
  return list;
}

cJSON *render_prometheus_rule(const struct render_input *in) {
  const struct stack *stack = in->stack;
  cJSON *rule = render_object(stack, "monitoring.coreos.com/v1", "PrometheusRule", stack->name, COMPONENT_SERVER);
  rule = render_label(rule, stack->spec.monitoring.labels);
  return render_with(rule, "spec", render_json("{'groups': %t}", groups(in)));
}
