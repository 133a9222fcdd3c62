#include "stack_of.h"

static void expect_env(const char *spec, const char *expected) {
  _cleanup_(stack_freep) struct stack *stack = stack_of(spec);
  _cleanup_free_ char *text = text_of(stack_env(stack));
  cr_assert_str_eq(text, expected);
}

Test(env, an_empty_spec_gives_the_defaults) {
  expect_env("{}",
             "{\"AUTH_AUDIENCE\":\"supernova-api\",\"AUTH_ISSUER\":\"https://collab.supernova.auth\",\"LOG_LEVEL\":\"info\","
             "\"RATE_LIMIT_READ_MAX\":\"120\",\"RATE_LIMIT_WEBHOOK_MAX\":\"1200\",\"RATE_LIMIT_WINDOW_MS\":\"60000\","
             "\"RATE_LIMIT_WRITE_MAX\":\"30\",\"REDIS_MODE\":\"single\"}");
}

Test(env, every_typed_field_has_its_variable) {
  expect_env(
      "{\"redis\":{\"mode\":\"none\"},\"config\":{\"appUrl\":\"https://app\",\"logLevel\":\"debug\",\"corsAllowedOrigins\":[\"https://a\","
      "\"https://b\"],\"trustedProxies\":[\"10.0.0.0/8\",\"::1\"],\"auth\":{\"issuer\":\"i\",\"audience\":\"a\",\"devAuthOpen\":true},"
      "\"rateLimits\":{\"windowMs\":1000,\"readMax\":2,\"writeMax\":3,\"webhookMax\":4},\"env\":{\"WORKERS\":\"2\",\"A\":\"\"}}}",
      "{\"A\":\"\",\"APP_URL\":\"https://app\",\"AUTH_AUDIENCE\":\"a\",\"AUTH_ISSUER\":\"i\",\"CORS_ALLOWED_ORIGINS\":\"https://a,https://"
      "b\","
      "\"LOG_LEVEL\":\"debug\",\"RATE_LIMIT_READ_MAX\":\"2\",\"RATE_LIMIT_WEBHOOK_MAX\":\"4\",\"RATE_LIMIT_WINDOW_MS\":\"1000\","
      "\"RATE_LIMIT_WRITE_MAX\":\"3\",\"REDIS_MODE\":\"none\",\"TRUSTED_PROXIES\":\"10.0.0.0/8,::1\",\"WORKERS\":\"2\"}");
}

Test(env, a_reserved_name_of_config_env_never_wins) {
  _cleanup_(stack_freep) struct stack *stack =
      stack_of("{\"config\":{\"env\":{\"LOG_LEVEL\":\"trace\",\"DEV_AUTH_OPEN\":\"true\",\"DATABASE_URL\":\"x\"}}}");
  _cleanup_(json_freep) cJSON *env = stack_env(stack);
  cr_assert_str_eq(json_string(env, "LOG_LEVEL", ""), "info");
  cr_assert_null(json_member(env, "DEV_AUTH_OPEN"));
  cr_assert_null(json_member(env, "DATABASE_URL"));
}

Test(env, the_map_is_sorted_as_it_stands) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{\"config\":{\"env\":{\"ZZ\":\"1\",\"AA\":\"2\",\"b\":\"3\",\"MM\":\"4\"}}}");
  _cleanup_(json_freep) cJSON *env = stack_env(stack);
  const cJSON *variable;
  const char *before = "";
  cJSON_ArrayForEach(variable, env) {
    cr_assert(strcmp(before, variable->string) < 0, "%s after %s", variable->string, before);
    before = variable->string;
  }
}
