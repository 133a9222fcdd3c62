#include "stack/monitored.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 512 };

struct asked {
  const char *field, *choice;
  enum resource needs;
};

static bool is_asked_for(const struct asked *asked) { return !strcmp(asked->choice, "enabled"); }

void monitored_set_condition(const struct observation *o, struct conditions *c) {
  const struct asked all[] = {{"serviceMonitor", o->stack->spec.monitoring.service_monitor, RESOURCE_SERVICE_MONITOR},
                              {"prometheusRule", o->stack->spec.monitoring.prometheus_rule, RESOURCE_PROMETHEUS_RULE}};
  char message[MESSAGE_SIZE];
  size_t asked = 0;
  for (size_t i = 0; i < ELEMENTS(all); i++) {
    if (!is_asked_for(&all[i])) continue;
    asked++;
    if (o->apis[all[i].needs] != API_ABSENT) continue;
    (void)snprintf(message, sizeof message,
                   "spec.monitoring.%s is enabled, but this cluster serves no %s." MONITORING_GROUP
                   ": install the prometheus-operator's CRDs (it is made as soon as they are there), or set the field to auto",
                   all[i].field, resources[all[i].needs].api.plural);
    return condition_set(c, "Monitored", "False", "MonitoringApiMissing", message);
  }
  if (asked) condition_set(c, "Monitored", "True", "MonitoringApiServed", "the cluster serves what spec.monitoring asks for");
}
