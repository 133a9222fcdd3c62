/* The kinds of objects that the operator deals with: one row each, from which watches, paths and rights are made. */
#pragma once

#include "kube/path.h"
#include "stack/child.h"

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
  RESOURCE_SECRET,                /* watched as metadata alone, read when it changes */
  RESOURCE_REFERENCED_CONFIG_MAP, /* the ConfigMaps of users, as metadata alone */
  RESOURCES,
};

struct resource_row {
  struct kube_resource api;
  enum child_view view;
  bool ours; /* watched by our label; else whatever a stack may refer to */
  bool metadata_only;
};

extern const struct resource_row resources[RESOURCES];
