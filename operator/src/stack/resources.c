#include "stack/resources.h"

#include "stack/stack.h"

const struct resource_row resources[RESOURCES] = {
    [RESOURCE_STACK] = {.api = {STACK_GROUP, STACK_VERSION, STACK_PLURAL, STACK_KIND, true}},
    [RESOURCE_SERVICE_ACCOUNT] = {.api = {"", "v1", "serviceaccounts", "ServiceAccount", true}, .ours = true},
    [RESOURCE_CONFIG_MAP] = {.api = {"", "v1", "configmaps", "ConfigMap", true}, .ours = true},
    [RESOURCE_NETWORK_POLICY] = {.api = {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true}, .ours = true},
    [RESOURCE_SERVICE] = {.api = {"", "v1", "services", "Service", true}, .ours = true},
    [RESOURCE_DEPLOYMENT] = {.api = {"apps", "v1", "deployments", "Deployment", true}, .view = CHILD_VIEW_DEPLOYMENT, .ours = true},
    [RESOURCE_PDB] = {.api = {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true}, .ours = true},
    [RESOURCE_HPA] = {.api = {"autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true},
                      .view = CHILD_VIEW_HPA,
                      .ours = true},
    [RESOURCE_INGRESS] = {.api = {"networking.k8s.io", "v1", "ingresses", "Ingress", true}, .ours = true},
    [RESOURCE_JOB] = {.api = {"batch", "v1", "jobs", "Job", true}, .view = CHILD_VIEW_JOB, .ours = true},
    [RESOURCE_REVISION] = {.api = {"apps", "v1", "controllerrevisions", "ControllerRevision", true},
                           .view = CHILD_VIEW_REVISION,
                           .ours = true},
    [RESOURCE_POD] = {.api = {"", "v1", "pods", "Pod", true}, .view = CHILD_VIEW_POD, .ours = true},
    [RESOURCE_SERVICE_MONITOR] = {.api = {MONITORING_GROUP, MONITORING_VERSION, "servicemonitors", "ServiceMonitor", true},
                                  .ours = true,
                                  .optional = true},
    [RESOURCE_PROMETHEUS_RULE] = {.api = {MONITORING_GROUP, MONITORING_VERSION, "prometheusrules", "PrometheusRule", true},
                                  .ours = true,
                                  .optional = true},
    [RESOURCE_SECRET] = {.api = {"", "v1", "secrets", "Secret", true}, .view = CHILD_VIEW_METADATA, .metadata_only = true},
    [RESOURCE_REFERENCED_CONFIG_MAP] = {.api = {"", "v1", "configmaps", "ConfigMap", true},
                                        .view = CHILD_VIEW_METADATA,
                                        .metadata_only = true},
};
