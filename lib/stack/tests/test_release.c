#include "stack_of.h"

static char *release_of(const char *spec) {
  _cleanup_(stack_freep) struct stack *stack = stack_of(spec);
  return text_of(stack_release_part(stack, "companion:1"));
}

static void expect_release(const char *spec, const char *expected) {
  _cleanup_free_ char *text = release_of(spec);
  cr_assert_str_eq(text, expected, "%s: %s instead of %s", spec, text, expected);
}

Test(release, defaults_written_or_not_are_the_same_release) {
  static const char *specs[] = {
      "{}",
      "{\"environment\":\"production\",\"replicas\":3,\"suspend\":false}",
      "{\"config\":{}}",
      "{\"config\":{\"logLevel\":\"info\",\"corsAllowedOrigins\":[],\"env\":{},\"auth\":{\"devAuthOpen\":false},\"rateLimits\":{"
      "\"readMax\":120}}}",
      "{\"migrations\":{\"command\":[\"supernova-server\",\"migrate\"]}}",
      "{\"seeds\":{\"command\":[\"supernova-server\",\"seed\"]},\"hooks\":[]}",
      "{\"resources\":{\"requests\":{\"memory\":\"512Mi\",\"cpu\":\"500m\"},\"limits\":{\"cpu\":\"2000m\",\"memory\":\"2Gi\"}}}",
      "{\"scheduling\":{\"topologySpread\":\"zone\",\"tolerations\":[],\"nodeSelector\":{}},\"serviceAccount\":{}}",
  };
  for (size_t i = 0; i < ELEMENTS(specs); i++) expect_release(specs[i], "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"}}");
}

Test(release, what_is_no_part_of_a_release_changes_nothing) {
  static const char *specs[] = {
      "{\"replicas\":7}",
      "{\"suspend\":true}",
      "{\"autoscaling\":{\"enabled\":true,\"maxReplicas\":20}}",
      "{\"service\":{\"type\":\"NodePort\",\"port\":8080,\"annotations\":{\"a\":\"b\"}}}",
      "{\"ingress\":{\"enabled\":true,\"hosts\":[{\"host\":\"a.b\"}]}}",
      "{\"networkPolicy\":{\"enabled\":true}}",
      "{\"podDisruptionBudget\":{\"enabled\":true,\"minAvailable\":2}}",
      "{\"migrations\":{\"enabled\":false,\"activeDeadlineSeconds\":9,\"backoffLimit\":1,\"when\":[\"pre-install\"],"
      "\"retry\":{\"exponential\":{\"maxAttempts\":2}}}}",
      "{\"image\":{\"pullPolicy\":\"Always\",\"pullSecrets\":[\"a\"]}}",
      "{\"jwks\":{\"keyBits\":4096}}",
      "{\"rollout\":{\"maxSurge\":1,\"progressDeadlineSeconds\":60,\"canary\":{\"replicas\":2},\"verification\":{\"smoke\":false}}}",
      "{\"seeds\":{\"enabled\":true,\"weight\":3,\"resources\":{\"limits\":{\"cpu\":1}}}}",
  };
  for (size_t i = 0; i < ELEMENTS(specs); i++) expect_release(specs[i], "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"}}");
}

Test(release, what_is_part_of_a_release_is_kept_where_it_differs) {
  static const struct {
    const char *spec, *release;
  } cases[] = {
      {"{\"environment\":\"staging\"}", "{\"environment\":\"staging\",\"image\":{\"repository\":\"companion\",\"tag\":\"1\"}}"},
      {"{\"image\":{\"repository\":\"a\",\"tag\":\"v2\"}}", "{\"image\":{\"repository\":\"a\",\"tag\":\"v2\"}}"},
      {"{\"config\":{\"logLevel\":\"debug\",\"env\":{\"A\":\"1\"}}}",
       "{\"config\":{\"env\":{\"A\":\"1\"},\"logLevel\":\"debug\"},\"image\":{\"repository\":\"companion\",\"tag\":\"1\"}}"},
      {"{\"config\":{\"auth\":{\"issuer\":\"i\",\"audience\":\"supernova-api\"}}}",
       "{\"config\":{\"auth\":{\"issuer\":\"i\"}},\"image\":{\"repository\":\"companion\",\"tag\":\"1\"}}"},
      {"{\"resources\":{\"limits\":{\"cpu\":\"1\"}}}",
       "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"},\"resources\":{\"limits\":{\"cpu\":\"1\"}}}"},
      {"{\"scheduling\":{\"affinity\":{\"podAntiAffinity\":{}}}}",
       "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"},\"scheduling\":{\"affinity\":{\"podAntiAffinity\":{}}}}"},
      {"{\"serviceAccount\":{\"name\":\"sa\"}}",
       "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"},\"serviceAccount\":{\"name\":\"sa\"}}"},
      {"{\"seeds\":{\"command\":[\"./s\"]}}", "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"},\"seeds\":{\"command\":[\"./s\"]}}"},
      {"{\"hooks\":[{\"name\":\"b\",\"command\":[\"y\"],\"weight\":1,\"enabled\":false},{\"name\":\"a\",\"command\":[\"x\"]}]}",
       "{\"hooks\":[{\"command\":[\"x\"],\"name\":\"a\"},{\"command\":[\"y\"],\"name\":\"b\"}],"
       "\"image\":{\"repository\":\"companion\",\"tag\":\"1\"}}"},
      {"{\"migrations\":{\"backoffLimit\":3,\"command\":[\"./m\"]}}",
       "{\"image\":{\"repository\":\"companion\",\"tag\":\"1\"},\"migrations\":{\"command\":[\"./m\"]}}"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) expect_release(cases[i].spec, cases[i].release);
}

Test(release, the_order_of_keys_changes_nothing) {
  _cleanup_free_ char *a =
      release_of("{\"config\":{\"logLevel\":\"debug\",\"env\":{\"A\":\"1\",\"B\":\"2\"}},\"environment\":\"staging\"}");
  _cleanup_free_ char *b =
      release_of("{\"environment\":\"staging\",\"config\":{\"env\":{\"B\":\"2\",\"A\":\"1\"},\"logLevel\":\"debug\"}}");
  cr_assert_str_eq(a, b);
}

Test(release, the_spec_itself_is_left_as_it_was) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{\"image\":{\"repository\":\"a\",\"tag\":\"b\"},\"config\":{\"env\":{}}}");
  cJSON_Delete(stack_release_part(stack, "companion:1"));
  cr_assert_str_eq(json_string(stack->object, "spec.image.repository", ""), "a");
  cr_assert(json_get(stack->object, "spec.config.env"));
}

Test(release, the_companion_is_kept_in_its_parts) {
  static const char *companions[] = {
      "server", "server:v1", "r.io:5000/a/server", "r.io:5000/a/server:v1", "r.io/server@sha256:00", "r.io:5000/server:v1@sha256:00"};
  for (size_t i = 0; i < ELEMENTS(companions); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of("{}");
    _cleanup_(json_freep) cJSON *part = stack_release_part(stack, companions[i]);
    struct stack again = {0};
    cr_assert(decode(part, "spec", stack_fields, &again.spec, NULL) == 0);
    _cleanup_buffer_ struct buffer reference;
    buffer_init(&reference, 512);
    stack_image_reference(&again, "none", &reference);
    cr_assert_str_eq(buffer_text(&reference), companions[i]);
  }
}

Test(release, what_is_kept_decodes_to_the_same_release) {
  _cleanup_(stack_freep) struct stack *stack =
      stack_of("{\"environment\":\"staging\",\"image\":{\"repository\":\"a\",\"tag\":\"b\"},\"config\":{\"logLevel\":\"warn\"}}");
  _cleanup_(json_freep) cJSON *part = stack_release_part(stack, "companion:1");
  struct stack_spec spec;
  cr_assert(decode(part, "spec", stack_fields, &spec, NULL) == 0);
  cr_assert_str_eq(spec.environment, "staging");
  cr_assert_str_eq(spec.config.log_level, "warn");
  cr_assert_eq(spec.config.rate_limits.read_max, 120);
}
