#include "stack_of.h"

#include <stdio.h>

Test(stack, an_empty_spec_has_every_default) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{}");
  const struct stack_spec *spec = &stack->spec;
  cr_assert_str_eq(spec->environment, "production");
  cr_assert_not(spec->suspend);
  cr_assert_null(spec->image.repository);
  cr_assert_str_eq(spec->image.pull_policy, "IfNotPresent");
  cr_assert_eq(spec->replicas, 3);
  cr_assert_str_eq(spec->config.log_level, "info");
  cr_assert_null(spec->config.app_url);
  cr_assert_str_eq(spec->config.auth.issuer, "https://collab.supernova.auth");
  cr_assert_str_eq(spec->config.auth.audience, "supernova-api");
  cr_assert_not(spec->config.auth.dev_auth_open);
  cr_assert_eq(spec->config.rate_limits.window_ms, 60000);
  cr_assert_eq(spec->config.rate_limits.read_max, 120);
  cr_assert_eq(spec->config.rate_limits.write_max, 30);
  cr_assert_eq(spec->config.rate_limits.webhook_max, 1200);
  cr_assert_null(spec->design_tokens.config_map_ref);
  cr_assert_str_eq(spec->database.secret_key, "DATABASE_URL");
  cr_assert_str_eq(spec->redis.mode, "single");
  cr_assert_str_eq(spec->secrets.provider, "Secret");
  cr_assert_str_eq(spec->secrets.name, "supernova-secrets");
  cr_assert_eq(spec->jwks.key_bits, 2048);
  cr_assert_str_eq(spec->service.type, "ClusterIP");
  cr_assert_eq(spec->service.port, 80);
  cr_assert_not(spec->ingress.enabled);
  cr_assert_null(spec->resources);
  cr_assert_str_eq(spec->scheduling.topology_spread, "zone");
  cr_assert_null(spec->service_account.name);
}

Test(stack, an_empty_spec_migrates_and_retries_and_has_no_optional_child) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{}");
  const struct stack_spec *spec = &stack->spec;
  cr_assert(spec->migrations.enabled);
  cr_assert_null(spec->migrations.command);
  cr_assert_eq(spec->migrations.backoff_limit, 0);
  cr_assert_eq(spec->migrations.active_deadline_s, 300);
  cr_assert(spec->migrations.retry.enabled);
  cr_assert_eq(spec->migrations.retry.initial_s, 2);
  cr_assert_eq(spec->migrations.retry.max_s, 60);
  cr_assert_eq(spec->migrations.retry.max_attempts, 6);
  cr_assert_not(spec->autoscaling.enabled);
  cr_assert_eq(spec->autoscaling.min_replicas, 3);
  cr_assert_eq(spec->autoscaling.max_replicas, 10);
  cr_assert_eq(spec->autoscaling.target_cpu_percent, 65);
  cr_assert_eq(spec->autoscaling.target_memory_percent, 70);
  cr_assert_not(spec->pod_disruption_budget.enabled);
  cr_assert_not(spec->network_policy.enabled);
}

Test(stack, metadata_is_read_and_managed_fields_are_dropped) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{}");
  cr_assert_str_eq(stack->namespace, "supernova");
  cr_assert_str_eq(stack->name, "shop");
  cr_assert_str_eq(stack->uid, "u-1");
  cr_assert_str_eq(stack->resource_version, "7");
  cr_assert_eq(stack->generation, 3);
  cr_assert_not(stack->deleting);
  cr_assert_null(json_get(stack->object, "metadata.managedFields"));
}

Test(stack, of_managed_fields_it_keeps_when_annotations_of_ours_were_written) {
  static const char fields[] =
      "[{\"manager\":\"kubectl\",\"time\":\"2026-01-02T03:04:05Z\",\"fieldsV1\":{\"f:spec\":{\"f:image\":{}},\"f:metadata\":{"
      "\"f:annotations\":{\".\":{},\"f:example.com/a\":{},\"f:platform.supernova.com/restart\":{}}}}},"
      "{\"manager\":\"argocd\",\"time\":\"2026-01-02T03:04:09Z\",\"fieldsV1\":{\"f:metadata\":{\"f:annotations\":{"
      "\"f:platform.supernova.com/"
      "restart\":{}}}}},{\"manager\":\"other\",\"time\":\"2026-01-03T00:00:00Z\",\"fieldsV1\":{\"f:spec\":{}}},7]";
  cJSON *object = object_of("{}"), *metadata = cJSON_GetObjectItem(object, "metadata");
  cJSON_ReplaceItemInObjectCaseSensitive(metadata, "managedFields", cJSON_Parse(fields));
  cJSON_AddStringToObject(cJSON_AddObjectToObject(metadata, "annotations"), "platform.supernova.com/restart", "now");
  for (int again = 0; again < 2; again++) {
    _cleanup_(stack_freep) struct stack *stack = stack_decode(object, NULL);
    cr_assert_str_eq(stack_annotated_at(stack, "platform.supernova.com/restart"), "2026-01-02T03:04:09Z");
    cr_assert_null(stack_annotated_at(stack, "example.com/a"));
    cr_assert_str_eq(stack_annotation(stack, "platform.supernova.com/restart"), "now");
    cr_assert_null(stack_annotation(stack, "platform.supernova.com/approve"));
    cr_assert_eq(cJSON_GetArraySize(json_get(stack->object, "metadata.managedFields")), 2);
    object = cJSON_Duplicate(stack->object, true);
  }
  cJSON_Delete(object);
}

Test(stack, a_deletion_timestamp_is_seen) {
  cJSON *object = object_of("{}");
  cJSON_AddStringToObject(cJSON_GetObjectItem(object, "metadata"), "deletionTimestamp", "2026-01-02T03:04:05Z");
  _cleanup_(stack_freep) struct stack *stack = stack_decode(object, NULL);
  cr_assert(stack && stack->deleting);
}

Test(stack, an_object_without_a_name_is_refused) {
  const char *texts[] = {"{}", "[]", "{\"metadata\":{\"name\":\"a\"}}", "{\"metadata\":{\"name\":\"\",\"namespace\":\"b\"}}",
                         "{\"metadata\":7}"};
  for (size_t i = 0; i < ELEMENTS(texts); i++) {
    struct error error = {0};
    cr_assert_null(stack_decode(cJSON_Parse(texts[i]), &error), "%s", texts[i]);
    cr_assert_eq(error.kind, ERROR_INVALID);
    cr_assert(strstr(error.message, "metadata"), "%s: %s", texts[i], error.message);
  }
  cr_assert_null(stack_decode(NULL, NULL));
}

/* Every row of every table is given a value of the wrong type; each is a sentence that names the field. */
static const char *wrong_value(const struct decode_field *field) { return field->type == DECODE_STRING ? "[1]" : "\"wrong\""; }

static void refuse_every_row(const char *above, const char *open, const char *close, const struct decode_field *fields) {
  for (const struct decode_field *field = fields; field->path; field++) {
    char spec[512], path[256], inner_open[256], inner_close[64];
    snprintf(path, sizeof path, "%s.%s", above, field->path);
    if (field->type != DECODE_JSON) {
      snprintf(spec, sizeof spec, "%s\"%s\":%s%s", open, field->path, wrong_value(field), close);
      struct error error = {0};
      cr_assert_null(stack_decode(object_of(spec), &error), "%s", spec);
      cr_assert(!strncmp(error.message, path, strlen(path)), "%s: %s", spec, error.message);
      cr_assert(strstr(error.message, "expected"), "%s", error.message);
    }
    if (field->type != DECODE_OBJECT) continue;
    snprintf(inner_open, sizeof inner_open, "%s\"%s\":{", open, field->path);
    snprintf(inner_close, sizeof inner_close, "}%s", close);
    refuse_every_row(path, inner_open, inner_close, field->fields);
  }
}

Test(stack, every_field_of_the_wrong_type_is_a_sentence) { refuse_every_row("spec", "{", "}", stack_fields); }

Test(stack, every_subtree_of_the_wrong_shape_is_a_sentence) {
  static const struct {
    const char *spec, *sentence;
  } cases[] = {
      {"{\"image\":{\"pullSecrets\":\"a\"}}", "spec.image.pullSecrets is the text \"a\", expected a list"},
      {"{\"image\":{\"pullSecrets\":[\"a\",{}]}}", "spec.image.pullSecrets[1] is an object, expected a string"},
      {"{\"config\":{\"corsAllowedOrigins\":{}}}", "spec.config.corsAllowedOrigins is an object, expected a list"},
      {"{\"config\":{\"trustedProxies\":[7]}}", "spec.config.trustedProxies[0] is 7, expected a string"},
      {"{\"config\":{\"env\":[]}}", "spec.config.env is a list, expected an object"},
      {"{\"config\":{\"env\":{\"A\":true}}}", "spec.config.env.A is true, expected a string"},
      {"{\"designTokens\":{\"inline\":3}}", "spec.designTokens.inline is 3, expected an object"},
      {"{\"jwks\":{\"retain\":\"yes\"}}", "spec.jwks.retain is the text \"yes\", expected true or false"},
      {"{\"migrations\":{\"when\":[null]}}", "spec.migrations.when[0] is null, expected a string"},
      {"{\"migrations\":{\"command\":[false]}}", "spec.migrations.command[0] is false, expected a string"},
      {"{\"service\":{\"annotations\":{\"a\":1}}}", "spec.service.annotations.a is 1, expected a string"},
      {"{\"ingress\":{\"annotations\":1}}", "spec.ingress.annotations is 1, expected an object"},
      {"{\"ingress\":{\"hosts\":[\"a\"]}}", "spec.ingress.hosts[0] is the text \"a\", expected an object"},
      {"{\"ingress\":{\"tls\":{}}}", "spec.ingress.tls is an object, expected a list"},
      {"{\"resources\":[]}", "spec.resources is a list, expected an object"},
      {"{\"podDisruptionBudget\":{\"minAvailable\":[]}}",
       "spec.podDisruptionBudget.minAvailable is a list, expected a number or a percentage"},
      {"{\"networkPolicy\":{\"ingressFrom\":1}}", "spec.networkPolicy.ingressFrom is 1, expected a list"},
      {"{\"networkPolicy\":{\"egressTo\":[1]}}", "spec.networkPolicy.egressTo[0] is 1, expected an object"},
      {"{\"networkPolicy\":{\"operatorFrom\":{}}}", "spec.networkPolicy.operatorFrom is an object, expected a list"},
      {"{\"networkPolicy\":{\"metricsFrom\":[1]}}", "spec.networkPolicy.metricsFrom[0] is 1, expected an object"},
      {"{\"monitoring\":{\"labels\":{\"a\":1}}}", "spec.monitoring.labels.a is 1, expected a string"},
      {"{\"scheduling\":{\"nodeSelector\":{\"a\":1}}}", "spec.scheduling.nodeSelector.a is 1, expected a string"},
      {"{\"scheduling\":{\"tolerations\":{}}}", "spec.scheduling.tolerations is an object, expected a list"},
      {"{\"scheduling\":{\"affinity\":\"zone\"}}", "spec.scheduling.affinity is the text \"zone\", expected an object"},
      {"{\"serviceAccount\":{\"annotations\":[]}}", "spec.serviceAccount.annotations is a list, expected an object"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct error error = {0};
    cr_assert_null(stack_decode(object_of(cases[i].spec), &error), "%s", cases[i].spec);
    cr_assert_str_eq(error.message, cases[i].sentence);
  }
}

Test(stack, fields_of_a_newer_api_are_ignored) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{\"teleport\":{\"to\":\"mars\"},\"redis\":{\"mode\":\"none\",\"pool\":3}}");
  cr_assert_str_eq(stack->spec.redis.mode, "none");
}

Test(stack, keys_are_retained_in_production_unless_said) {
  static const struct {
    const char *spec;
    bool retains;
  } cases[] = {
      {"{}", true},
      {"{\"environment\":\"staging\"}", false},
      {"{\"jwks\":{\"retain\":false}}", false},
      {"{\"environment\":\"development\",\"jwks\":{\"retain\":true}}", true},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(cases[i].spec);
    cr_assert_eq(stack_retains_keys(stack), cases[i].retains, "%s", cases[i].spec);
  }
}

Test(stack, the_keys_secret_has_the_stacks_name_unless_said) {
  char to[64];
  _cleanup_(stack_freep) struct stack *plain = stack_of("{}");
  cr_assert_str_eq(stack_jwks_secret_name(plain, to), "shop-jwks");
  _cleanup_(stack_freep) struct stack *named = stack_of("{\"jwks\":{\"secretName\":\"old-keys\"}}");
  cr_assert_str_eq(stack_jwks_secret_name(named, to), "old-keys");
}

Test(stack, the_image_reference_is_as_given) {
  static const struct {
    const char *spec, *reference;
  } cases[] = {
      {"{}", "companion:1"},
      {"{\"image\":{\"repository\":\"r.io/a/b\",\"tag\":\"v1\"}}", "r.io/a/b:v1"},
      {"{\"image\":{\"repository\":\"b\",\"digest\":\"sha256:00\"}}", "b@sha256:00"},
      {"{\"image\":{\"repository\":\"b\",\"tag\":\"v1\",\"digest\":\"sha256:00\"}}", "b:v1@sha256:00"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(cases[i].spec);
    _cleanup_buffer_ struct buffer reference;
    buffer_init(&reference, 512);
    stack_image_reference(stack, "companion:1", &reference);
    cr_assert_str_eq(buffer_text(&reference), cases[i].reference);
  }
}

Test(stack, the_secret_needs_the_keys_that_the_spec_leans_on) {
  static const struct {
    const char *spec, *keys;
  } cases[] = {
      {"{}", "DATABASE_URL REDIS_URL ISSUER_ADMIN_SECRET "},
      {"{\"database\":{\"secretKey\":\"PG\"},\"redis\":{\"mode\":\"none\"}}", "PG ISSUER_ADMIN_SECRET "},
      {"{\"redis\":{\"mode\":\"single\"}}", "DATABASE_URL REDIS_URL ISSUER_ADMIN_SECRET "},
      {"{\"redis\":{\"mode\":\"sentinel\"}}", "DATABASE_URL REDIS_SENTINEL REDIS_MASTER ISSUER_ADMIN_SECRET "},
      {"{\"redis\":{\"mode\":\"cluster\"}}", "DATABASE_URL REDIS_CLUSTER_NODES ISSUER_ADMIN_SECRET "},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(cases[i].spec);
    _cleanup_buffer_ struct buffer joined;
    buffer_init(&joined, 256);
    const char *keys[8];
    stack_required_secret_keys(stack, keys);
    for (const char **key = keys; *key; key++) buffer_printf(&joined, "%s ", *key);
    cr_assert_str_eq(buffer_text(&joined), cases[i].keys);
  }
}

Test(stack, hooks_are_found_by_place_and_name) {
  struct stack_job job;
  _cleanup_(stack_freep) struct stack *stack =
      stack_of("{\"hooks\":[{\"name\":\"b\",\"command\":[\"x\"]},{\"name\":\"a\",\"command\":[\"y\"],\"weight\":-3}]}");
  cr_assert(stack_hook_at(&stack->spec, 0, &job));
  cr_assert_str_eq(job.name, "b");
  cr_assert(job.enabled && job.weight == 30 && job.retry.enabled && job.active_deadline_s == 300);
  cr_assert(stack_hook_find(&stack->spec, "a", &job));
  cr_assert_eq(job.weight, -3);
  cr_assert(!stack_hook_at(&stack->spec, 2, &job) && !stack_hook_find(&stack->spec, "c", &job));
}

Test(stack, a_hook_that_is_none_is_refused_by_its_place) {
  static const struct {
    const char *spec, *sentence;
  } cases[] = {
      {"{\"hooks\":{}}", "spec.hooks is an object, expected a list"},
      {"{\"hooks\":[7]}", "spec.hooks[0] is 7, expected an object"},
      {"{\"hooks\":[{\"name\":\"a\",\"command\":[\"x\"]},{\"command\":[\"x\"]}]}", "spec.hooks[1].name is missing"},
      {"{\"hooks\":[{\"name\":\"a\",\"command\":[]}]}", "spec.hooks[0].command is empty"},
      {"{\"hooks\":[{\"name\":\"a\",\"command\":[1]}]}", "spec.hooks[0].command[0] is 1, expected a string"},
      {"{\"seeds\":{\"resources\":[]}}", "spec.seeds.resources is a list, expected an object"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct error error = {0};
    cr_assert_null(stack_decode(object_of(cases[i].spec), &error));
    cr_assert_str_eq(error.message, cases[i].sentence);
  }
}

Test(stack, the_repository_of_a_reference) {
  static const struct {
    const char *reference;
    size_t length;
  } cases[] = {{"server", 6}, {"server:v1", 6}, {"r.io:5000/a/server", 18}, {"r.io:5000/a/server:v1@sha256:00", 18}, {"a/b@sha256:00", 3}};
  for (size_t i = 0; i < ELEMENTS(cases); i++)
    cr_assert_eq(stack_repository_length(cases[i].reference), cases[i].length, "%s", cases[i].reference);
}

Test(stack, key_times_by_the_spec_and_the_server_s_settings) {
  _cleanup_(stack_freep) struct stack *plain = stack_of("{}");
  struct stack_key_times times = stack_key_times(plain);
  cr_assert_eq(times.interval_ms, 2160LL * 3600 * 1000);
  cr_assert_eq(times.overlap_ms, 168LL * 3600 * 1000);
  cr_assert_eq(times.ahead_ms, 600 * 1000);
  cr_assert_eq(times.longest_token_ms, 86400 * 1000);
  _cleanup_(stack_freep) struct stack *other = stack_of(
      "{\"jwks\":{\"rotationInterval\":\"0h\",\"publishAhead\":\"5s\",\"overlap\":\"90s\"},"
      "\"config\":{\"env\":{\"JWT_MAX_TTL_SECONDS\":\"60\",\"JWKS_MAX_AGE_SECONDS\":\"7\"}}}");
  times = stack_key_times(other);
  cr_assert_eq(times.interval_ms, 0);
  cr_assert_eq(times.overlap_ms, 90 * 1000);
  cr_assert_eq(times.ahead_ms, 7 * 1000, "others may cache the set for longer");
  cr_assert_eq(times.longest_token_ms, 60 * 1000);
}
