#include "render_fixture.h"

#include <string.h>

static void assert_json(const cJSON *json, const char *expected) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 16);
  json_canonical(json, &text);
  cr_assert_str_eq(buffer_text(&text), expected);
}

Test(object, children_bear_the_contracts_labels_and_their_owner) {
  static const char *const expected[][2] = {{"app", "everything"},
                                            {"app.kubernetes.io/instance", "everything"},
                                            {"app.kubernetes.io/managed-by", "supernova-operator"},
                                            {"app.kubernetes.io/name", "supernova-server"},
                                            {"platform.supernova.com/stack", "everything"}};
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  for (size_t i = 0; i < CHILD_KINDS; i++) {
    _cleanup_json_ cJSON *manifest = fixture_render(&f, (enum child_kind)i);
    const cJSON *labels = json_get(manifest, "metadata.labels");
    for (size_t k = 0; k < ELEMENTS(expected); k++)
      cr_assert_str_eq(json_string(json_member(labels, expected[k][0]), "", ""), expected[k][1], "row %zu: %s", i, expected[k][0]);
    cr_assert_str_eq(json_string(json_member(labels, "app.kubernetes.io/component"), "", ""),
                     i == CHILD_METRICS_SERVICE ? "metrics" : "server");
    assert_json(json_get(manifest, "metadata.ownerReferences"),
                "[{\"apiVersion\":\"platform.supernova.com/v1alpha1\",\"blockOwnerDeletion\":true,\"controller\":true,"
                "\"kind\":\"SupernovaStack\",\"name\":\"everything\",\"uid\":\"22222222-2222-4222-8222-222222222222\"}]");
  }
}

/* A Service that found a migration's pod would send requests to it. */
Test(object, jobs_and_their_pods_are_no_servers) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *job = fixture_render_migration(&f, 4, 1);
  static const char labels[] =
      "{\"app.kubernetes.io/component\":\"migrate\",\"app.kubernetes.io/instance\":\"everything\","
      "\"app.kubernetes.io/managed-by\":\"supernova-operator\",\"app.kubernetes.io/name\":\"supernova-server\","
      "\"platform.supernova.com/stack\":\"everything\"}";
  assert_json(json_get(job, "metadata.labels"), labels);
  assert_json(json_get(job, "spec.template.metadata.labels"), labels);
}

static const char *applied_hash(const cJSON *manifest) {
  return cJSON_GetStringValue(json_member(json_get(manifest, "metadata.annotations"), ANNOTATION_APPLIED_HASH));
}

Test(object, seal_is_of_everything_but_itself) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *a = fixture_render(&f, CHILD_SERVICE), *b = fixture_render(&f, CHILD_SERVICE);
  render_seal(a);
  render_seal(b);
  render_seal(b);
  cr_assert_eq(strlen(applied_hash(a)), 10);
  cr_assert_str_eq(applied_hash(a), applied_hash(b), "sealing twice is sealing once");

  cJSON_AddStringToObject(cJSON_GetObjectItemCaseSensitive(b, "spec"), "externalName", "x");
  render_seal(b);
  cr_assert_str_neq(applied_hash(a), applied_hash(b), "a change of the manifest changes its hash");
}

Test(object, first_replicas_are_the_minimum_under_autoscaling) {
  static const struct {
    const char *stack;
    int64_t replicas;
    const char *annotation;
  } cases[] = {{"minimal", 3, "3"}, {"full", 2, NULL}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_fixture_ struct render_fixture f = fixture_open(cases[i].stack);
    _cleanup_json_ cJSON *deployment = fixture_render(&f, CHILD_DEPLOYMENT);
    cr_assert_null(json_get(deployment, "spec.replicas"), "the main manager never applies replicas");
    render_seal(deployment);
    render_initial_replicas(deployment, f.stack);
    cr_assert_eq(json_int(deployment, "spec.replicas", -1), cases[i].replicas);
    const cJSON *annotations = json_get(deployment, "metadata.annotations");
    const char *noted = cJSON_GetStringValue(json_member(annotations, ANNOTATION_APPLIED_REPLICAS));
    cr_assert(cases[i].annotation ? noted && !strcmp(noted, cases[i].annotation) : !noted, "the autoscaler's number is none that we set");
  }
}
