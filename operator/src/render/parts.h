/* What the builders share with each other: labels, names, pods; and the builders themselves, which only the table in children.c calls. */
#pragma once

#include "render/render.h"
#include "render/template.h"

enum { NAME_SIZE = 64 };

#define COMPONENT_SERVER  "server"
#define COMPONENT_METRICS "metrics" /* of the Service that Prometheus finds pods by */

/* The labels of a child and of its pods. Only the server's bear `app`: the Service must not send requests to a Job's pod. */
cJSON *render_labels(const struct stack *stack, const char *component);

/* {app, component}: which pods the server's are. A Deployment's selector can never change, so neither can this. */
cJSON *render_selector(const struct stack *stack);

/* Copies ANNOTATIONS (an object or NULL) into the manifest's. Takes the manifest; returns it, or NULL without memory. */
cJSON *render_annotate(cJSON *manifest, const cJSON *annotations);

/* The same for labels. */
cJSON *render_label(cJSON *manifest, const cJSON *labels);

/* Adds `template-hash`. Takes DEPLOYMENT, which may be NULL; NULL without memory. */
cJSON *render_hash_template(cJSON *deployment);

void service_account_name(const struct render_input *in, char to[NAME_SIZE]);
void env_name(const struct render_input *in, char to[NAME_SIZE]);
void design_tokens_name(const struct stack *stack, char to[NAME_SIZE]);

/* Pod templates. */
cJSON *render_server_pod(const struct render_input *in);
cJSON *render_job_pod(const struct render_input *in, const struct render_job *job);

cJSON *render_service_account(const struct render_input *in);
cJSON *render_env(const struct render_input *in);
cJSON *render_design_tokens(const struct render_input *in);
cJSON *render_network_policy(const struct render_input *in);
cJSON *render_service(const struct render_input *in);
cJSON *render_deployment(const struct render_input *in);
cJSON *render_pdb(const struct render_input *in);
cJSON *render_hpa(const struct render_input *in);
cJSON *render_ingress(const struct render_input *in);
cJSON *render_metrics_service(const struct render_input *in);
cJSON *render_service_monitor(const struct render_input *in);
cJSON *render_prometheus_rule(const struct render_input *in);
cJSON *render_dashboard(const struct render_input *in);
