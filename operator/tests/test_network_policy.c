#include "render_fixture.h"

static const cJSON *ingress(const cJSON *policy, int i) { return cJSON_GetArrayItem(json_get(policy, "spec.ingress"), i); }
static const cJSON *egress(const cJSON *policy, int i) { return cJSON_GetArrayItem(json_get(policy, "spec.egress"), i); }

Test(network_policy, without_peers_everybody_reaches_the_product_and_the_operator_the_metrics) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("production");
  _cleanup_json_ cJSON *policy = fixture_render(&f, CHILD_NETWORK_POLICY);
  cr_assert_null(json_get(ingress(policy, 0), "from"));
  cr_assert_eq(cJSON_GetArraySize(json_get(ingress(policy, 0), "ports")), 1);
  cr_assert_eq(json_int(json_get(ingress(policy, 0), "ports")->child, "port", 0), 3001);
  const cJSON *namespace = json_get(json_get(ingress(policy, 1), "from")->child, "namespaceSelector.matchLabels");
  cr_assert_str_eq(cJSON_GetStringValue(json_member(namespace, "kubernetes.io/metadata.name")), "supernova-system");
  cr_assert_eq(cJSON_GetArraySize(json_get(ingress(policy, 1), "ports")), 2);
}

/* policyTypes with Egress and no rule would cut the pods off from their database. */
Test(network_policy, without_rules_egress_is_not_spoken_of) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("production");
  _cleanup_json_ cJSON *policy = fixture_render(&f, CHILD_NETWORK_POLICY);
  cr_assert_null(json_get(policy, "spec.egress"));
  cr_assert_eq(cJSON_GetArraySize(json_get(policy, "spec.policyTypes")), 1);
}

Test(network_policy, names_are_resolved_whatever_the_rules_say) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *policy = fixture_render(&f, CHILD_NETWORK_POLICY);
  cr_assert_eq(cJSON_GetArraySize(json_get(policy, "spec.policyTypes")), 2);
  cr_assert_eq(cJSON_GetArraySize(json_get(policy, "spec.egress")), 3);
  cr_assert_null(json_get(egress(policy, 0), "to"));
  cr_assert_eq(json_int(json_get(egress(policy, 0), "ports")->child, "port", 0), 53);
}

Test(network_policy, ports_of_rules_get_the_protocol_that_kubernetes_would_fill_in) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *policy = fixture_render(&f, CHILD_NETWORK_POLICY);
  const cJSON *port;
  cJSON_ArrayForEach(port, json_get(egress(policy, 1), "ports")) cr_assert_str_eq(json_string(port, "protocol", ""), "TCP");
  const cJSON *given = cJSON_GetArrayItem(json_get(f.stack->spec.network_policy.egress_to->child, "ports"), 0);
  cr_assert_null(json_get(given, "protocol"), "the stack's own tree is untouched");
}
