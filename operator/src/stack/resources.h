/* The kinds of objects that the operator deals with: one row each, from which watches, paths and rights are made. */
#pragma once

#include "kube/path.h"
#include "stack/child.h"

/* The prometheus-operator's API. */
#define MONITORING_GROUP   "monitoring.coreos.com"
#define MONITORING_VERSION "v1"

enum resource {
  RESOURCE_STACK,
  RESOURCE_SERVICE_ACCOUNT,
  RESOURCE_CONFIG_MAP,
  RESOURCE_NETWORK_POLICY,
  RESOURCE_SERVICE,
  RESOURCE_DEPLOYMENT,
  RESOURCE_PDB,
  RESOURCE_HPA,
  RESOURCE_INGRESS,
  RESOURCE_JOB,
  RESOURCE_REVISION,
  RESOURCE_POD,
  RESOURCE_SERVICE_MONITOR,
  RESOURCE_PROMETHEUS_RULE,
  RESOURCE_SECRET,                /* watched as metadata alone, read when it changes */
  RESOURCE_REFERENCED_CONFIG_MAP, /* the ConfigMaps of users, as metadata alone */
  RESOURCES,
};

struct resource_row {
  struct kube_resource api;
  enum child_view view;
  bool ours; /* watched by our label; else whatever a stack may refer to */
  bool metadata_only;
  bool optional; /* not every cluster serves it: looked for (kube/discovery.h), watched only while it is there, and nothing waits for it */
};

enum api_state {
  API_ABSENT, /* not served */
  API_UNREAD, /* served, but what there is of it is not known (yet): nothing is made, changed or removed */
  API_SERVED,
};

extern const struct resource_row resources[RESOURCES];
