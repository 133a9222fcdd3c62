/* A Grafana dashboard of one stack, as a ConfigMap: the sidecar that kube-prometheus-stack gives to Grafana loads every ConfigMap with the label
 * grafana_dashboard. It writes each key to a file of that name in one folder, so the key names the stack. dashboard.json is the dashboard itself, with
 * the stack's names where @NAMESPACE@, @STACK@ and @UID@ stand. */
#include "crypto/digest.h"
#include "render/fill.h"
#include "render/parts.h"

#include <stdio.h>

extern const char dashboard_json[], dashboard_json_end[];

enum { DASHBOARD_MAX_BYTES = 512 * 1024, UID_SIZE = 24 };

/* Grafana knows dashboards by this, at most 40 characters: the same for the same stack wherever it is rendered. */
static int make_uid(const struct stack *stack, char to[UID_SIZE]) {
  char hash[CONTENT_HASH_SIZE];
  _cleanup_(json_freep) cJSON *names = render_json("[%s, %s]", stack->namespace, stack->name);
  if (!names || content_hash(names, hash) < 0) return -1;
  snprintf(to, UID_SIZE, "supernova-%s", hash);
  return 0;
}

static cJSON *dashboard_text(const struct stack *stack) {
  char uid[UID_SIZE];
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, DASHBOARD_MAX_BYTES);
  if (make_uid(stack, uid) < 0) return NULL;
  const struct fill fills[] = {{"NAMESPACE", stack->namespace}, {"STACK", stack->name}, {"UID", uid}, {0}};
  fill_text(dashboard_json, fills, &text);
  return text.failed ? NULL : cJSON_CreateString(buffer_text(&text));
}

cJSON *render_dashboard(const struct render_input *in) {
  const struct stack *stack = in->stack;
  char name[NAME_SIZE], file[384];
  snprintf(name, sizeof name, "%s-dashboard", stack->name);
  snprintf(file, sizeof file, "%s-%s.json", stack->namespace, stack->name);
  cJSON *map = render_object(stack, "v1", "ConfigMap", name, COMPONENT_SERVER);
  cJSON *found_by = render_json("{'grafana_dashboard': '1'}");
  map = render_label(render_label(map, found_by), stack->spec.monitoring.labels);
  cJSON_Delete(found_by);
  return render_with(map, "data", render_with(cJSON_CreateObject(), file, dashboard_text(stack)));
}
