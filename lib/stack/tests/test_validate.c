#include "stack_of.h"

#define HOOKS(name, more) "{\"hooks\":[{\"name\":\"" name "\",\"command\":[\"x\"]" more "}]}"
#define BAD_NAME(name)    "hooks[0].name is " name ", expected at most 14 lower-case letters, digits and '-', and no part of digits alone"

Test(validate, what_is_right_passes) {
  static const char *specs[] = {
      "{}",
      "{\"environment\":\"development\",\"config\":{\"corsAllowedOrigins\":[\"*\"],\"auth\":{\"devAuthOpen\":true}}}",
      "{\"environment\":\"development\",\"redis\":{\"mode\":\"none\"}}",
      "{\"redis\":{\"mode\":\"sentinel\"}}",
      "{\"redis\":{\"mode\":\"cluster\"}}",
      "{\"podDisruptionBudget\":{\"minAvailable\":\"100%\"}}",
      "{\"podDisruptionBudget\":{\"minAvailable\":0}}",
      "{\"config\":{\"trustedProxies\":[\"10.0.0.0/8\",\"192.0.2.1\",\"fd00::/8\",\"::1\"],\"env\":{\"_A1\":\"x\"}}}",
      "{\"designTokens\":{\"inline\":{\"color\":\"red\"}}}",
      "{\"migrations\":{\"when\":[\"pre-install\",\"post-upgrade\"]}}",
      "{\"seeds\":{\"enabled\":true,\"weight\":-1000,\"when\":[\"post-install\",\"post-upgrade\"]}}",
      HOOKS("a1-2b", ",\"weight\":5"),
      HOOKS("a2345678901234", ""),
  };
  for (size_t i = 0; i < ELEMENTS(specs); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(specs[i]);
    struct error error = {0};
    cr_assert(stack_validate(stack, &error) == 0, "%s: %s", specs[i], error.message);
  }
}

Test(validate, what_is_wrong_is_one_sentence) {
  static const struct {
    const char *spec, *sentence;
  } cases[] = {
      {"{\"environment\":\"qa\"}", "spec.environment is qa, expected development, staging or production"},
      {"{\"image\":{\"pullPolicy\":\"Sometimes\"}}", "spec.image.pullPolicy is Sometimes, expected Always, IfNotPresent or Never"},
      {"{\"redis\":{\"mode\":\"memcached\"}}", "spec.redis.mode is memcached, expected none, single, sentinel or cluster"},
      {"{\"secrets\":{\"provider\":\"Vault\"}}", "spec.secrets.provider is Vault, expected Secret"},
      {"{\"replicas\":-1}", "spec.replicas is -1, expected 0 to 1000"},
      {"{\"service\":{\"port\":65536}}", "spec.service.port is 65536, expected 1 to 65535"},
      {"{\"jwks\":{\"keyBits\":2500}}", "jwks.keyBits is 2048, 3072 or 4096"},
      {"{\"jwks\":{\"overlap\":\"7d\"}}", "jwks.rotationInterval, overlap and publishAhead are durations such as 2160h, 10m or 1h30m"},
      {"{\"jwks\":{\"overlap\":\"23h59m59s\"}}",
       "jwks.overlap is shorter than the longest token lives (config.env JWT_MAX_TTL_SECONDS, 24h where it is not set): tokens would be "
       "refused before they expire; raise overlap or lower JWT_MAX_TTL_SECONDS"},
      {"{\"config\":{\"env\":{\"JWT_MAX_TTL_SECONDS\":\"604801\"}}}",
       "jwks.overlap is shorter than the longest token lives (config.env JWT_MAX_TTL_SECONDS, 24h where it is not set): tokens would be "
       "refused before they expire; raise overlap or lower JWT_MAX_TTL_SECONDS"},
      {"{\"jwks\":{\"rotationInterval\":\"167h\"}}",
       "jwks.rotationInterval is shorter than overlap: raise it, or set it to 0h to rotate by command alone"},
      {"{\"image\":{\"tag\":\"v1\"}}", "image.repository is missing: a tag or a digest alone names no image"},
      {"{\"image\":{\"repository\":\"a\"}}", "image.tag and image.digest are missing: say which image of the repository is meant"},
      {"{\"designTokens\":{}}", "designTokens has either configMapRef or inline, one of the two"},
      {"{\"designTokens\":{\"configMapRef\":{\"name\":\"a\"},\"inline\":{}}}",
       "designTokens has either configMapRef or inline, one of the two"},
      {"{\"migrations\":{\"when\":[]}}", "migrations.when is empty: name a stage, or turn it off with enabled: false"},
      {"{\"migrations\":{\"when\":[\"never\"]}}",
       "spec.migrations.when is never, expected pre-install, post-install, pre-upgrade or post-upgrade"},
      {"{\"migrations\":{\"when\":[\"pre-install\",\"post-install\"]}}",
       "migrations.when has both pre-install and post-install: keep one of them"},
      {"{\"migrations\":{\"when\":[\"pre-upgrade\",\"post-upgrade\"]}}",
       "migrations.when has both pre-upgrade and post-upgrade: keep one of them"},
      {"{\"migrations\":{\"command\":[]}}", "migrations.command is empty: name what is run, or leave it out for the image's own"},
      {"{\"migrations\":{\"retry\":{\"exponential\":{\"initialSeconds\":61}}}}",
       "migrations.retry.exponential.initialSeconds is more than maxSeconds: lower it or raise maxSeconds"},
      {"{\"seeds\":{\"when\":[\"post-install\",\"pre-install\"]}}", "seeds.when has both pre-install and post-install: keep one of them"},
      {"{\"seeds\":{\"command\":[]}}", "seeds.command is empty: name what is run, or leave it out for the image's own"},
      {HOOKS("a", ",\"weight\":1001"), "spec.hooks[0].weight is 1001, expected -1000 to 1000"},
      {HOOKS("a", ",\"when\":[\"nightly\"]"),
       "spec.hooks[0].when is nightly, expected pre-install, post-install, pre-upgrade or post-upgrade"},
      {HOOKS("a", ",\"when\":[\"post-upgrade\",\"pre-upgrade\"]"), "hooks[0].when has both pre-upgrade and post-upgrade: keep one of them"},
      {HOOKS("a-1", ""), BAD_NAME("a-1")},
      {HOOKS("2", ""), BAD_NAME("2")},
      {HOOKS("-a", ""), BAD_NAME("-a")},
      {HOOKS("A", ""), BAD_NAME("A")},
      {HOOKS("a23456789012345", ""), BAD_NAME("a23456789012345")},
      {HOOKS("backup", ""), "hooks[0].name is backup, which Jobs of the operator's own have: choose another"},
      {"{\"hooks\":[{\"name\":\"a\",\"command\":[\"x\"]},{\"name\":\"a\",\"command\":[\"y\"]}]}",
       "hooks[1].name is a, as another hook's: choose another"},
      {"{\"ingress\":{\"enabled\":true}}", "ingress.hosts is missing: an Ingress needs at least one host"},
      {"{\"autoscaling\":{\"minReplicas\":11}}", "autoscaling.minReplicas is more than maxReplicas: lower it or raise maxReplicas"},
      {"{\"autoscaling\":{\"enabled\":true,\"targetCPUUtilizationPercentage\":0,\"targetMemoryUtilizationPercentage\":0}}",
       "autoscaling has no target: set targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage above 0"},
      {"{\"podDisruptionBudget\":{\"minAvailable\":\"101%\"}}",
       "podDisruptionBudget.minAvailable is a whole number from 0, or a percentage from 0% to 100%"},
      {"{\"podDisruptionBudget\":{\"minAvailable\":-1}}",
       "podDisruptionBudget.minAvailable is a whole number from 0, or a percentage from 0% to 100%"},
      {"{\"podDisruptionBudget\":{\"minAvailable\":\"\"}}",
       "podDisruptionBudget.minAvailable is a whole number from 0, or a percentage from 0% to 100%"},
      {"{\"serviceAccount\":{\"name\":\"a\",\"annotations\":{\"b\":\"c\"}}}",
       "serviceAccount.annotations are for the account that the operator makes: leave out name, or annotate that account yourself"},
      {"{\"config\":{\"auth\":{\"devAuthOpen\":true}}}",
       "config.auth.devAuthOpen is refused in production: it lets everybody in without a token; turn it off or choose another environment"},
      {"{\"config\":{\"corsAllowedOrigins\":[\"https://a\",\"*\"]}}",
       "config.corsAllowedOrigins may not hold '*' in production: name the origins of your web applications"},
      {"{\"redis\":{\"mode\":\"none\"}}",
       "redis.mode none is refused in production: each pod would count rate limits for itself; use single, sentinel or cluster and put "
       "its address into the Secret"},
      {"{\"config\":{\"trustedProxies\":[\"10.0.0.0/33\"]}}",
       "config.trustedProxies holds 10.0.0.0/33, expected an address or a network such as 10.0.0.0/8"},
      {"{\"config\":{\"trustedProxies\":[\"10.0.0\"]}}",
       "config.trustedProxies holds 10.0.0, expected an address or a network such as 10.0.0.0/8"},
      {"{\"config\":{\"env\":{\"1A\":\"x\"}}}",
       "config.env holds 1A, which is not the name of an environment variable: use letters, digits and '_', and begin with no digit"},
      {"{\"config\":{\"env\":{\"DATABASE_URL\":\"x\"}}}",
       "config.env holds DATABASE_URL, which is set elsewhere: use the typed field under spec.config, or the Secret for what is secret"},
      {"{\"monitoring\":{\"labels\":{\"-a\":\"x\"}}}",
       "monitoring.labels holds what is no label, -a: a key is like release or example.com/team, a value has "
       "letters, digits, '-', '_' and '.'"},
      {"{\"monitoring\":{\"labels\":{\"Example.com/a\":\"x\"}}}",
       "monitoring.labels holds what is no label, Example.com/a: a key is like release or example.com/team, a value has "
       "letters, digits, '-', '_' and '.'"},
      {"{\"monitoring\":{\"labels\":{\"/a\":\"x\"}}}",
       "monitoring.labels holds what is no label, /a: a key is like release or example.com/team, a value has "
       "letters, digits, '-', '_' and '.'"},
      {"{\"monitoring\":{\"labels\":{\"release\":\"a b\"}}}",
       "monitoring.labels holds what is no label, release: a key is like release or example.com/team, a value has "
       "letters, digits, '-', '_' and '.'"},
      {"{\"monitoring\":{\"labels\":{\"app\":\"x\"}}}",
       "monitoring.labels may not hold app: app, grafana_dashboard and keys of app.kubernetes.io or "
       "platform.supernova.com are set by the operator"},
      {"{\"monitoring\":{\"labels\":{\"platform.supernova.com/stack\":\"x\"}}}",
       "monitoring.labels may not hold platform.supernova.com/stack: app, grafana_dashboard and keys of app.kubernetes.io or "
       "platform.supernova.com are set by the operator"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(cases[i].spec);
    struct error error = {0};
    cr_assert(stack_validate(stack, &error) < 0, "%s passed", cases[i].spec);
    cr_assert_str_eq(error.message, cases[i].sentence);
    cr_assert_eq(error.kind, ERROR_INVALID);
  }
}

Test(validate, a_name_is_a_label_of_at_most_40_characters) {
  static const struct {
    const char *name;
    bool right;
  } cases[] = {
      {"a", true},
      {"supernova-server", true},
      {"a2345678901234567890123456789012345678-0", true},
      {"a2345678901234567890123456789012345678901", false},
      {"-a", false},
      {"a-", false},
      {"1a", false},
      {"a.b", false},
      {"A", false},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    cJSON *object = object_of("{}");
    cJSON_ReplaceItemInObject(cJSON_GetObjectItem(object, "metadata"), "name", cJSON_CreateString(cases[i].name));
    _cleanup_(stack_freep) struct stack *stack = stack_decode(object, NULL);
    cr_assert(stack);
    struct error error = {0};
    cr_assert_eq(stack_validate(stack, &error) == 0, cases[i].right, "%s: %s", cases[i].name, error.message);
  }
}

Test(validate, hooks_are_at_most_16) {
  _cleanup_buffer_ struct buffer spec;
  buffer_init(&spec, 4096);
  buffer_puts(&spec, "{\"hooks\":[");
  for (int name = 'a'; name <= 'q'; name++) buffer_printf(&spec, "%s{\"name\":\"%c\",\"command\":[\"x\"]}", name == 'a' ? "" : ",", name);
  buffer_puts(&spec, "]}");
  _cleanup_(stack_freep) struct stack *stack = stack_of(buffer_text(&spec));
  struct error error = {0};
  cr_assert(stack_validate(stack, &error) < 0);
  cr_assert_str_eq(error.message, "spec.hooks has 17, expected at most 16");
}
