#include "stack/rollout.h"

#include "stack_of.h"

#define ROLLOUT(text) "{\"rollout\":" text "}"

Test(rollout, the_canary_is_by_the_environment_unless_said) {
  static const struct {
    const char *spec;
    int64_t replicas;
  } rows[] = {
      {"{}", 1},
      {"{\"environment\":\"staging\"}", 0},
      {"{\"environment\":\"staging\",\"rollout\":{\"canary\":{\"replicas\":3}}}", 3},
      {ROLLOUT("{\"canary\":{\"replicas\":0}}"), 0},
      {ROLLOUT("{\"canary\":{}}"), 1},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(rows[i].spec);
    cr_assert_eq(stack_canary_replicas(stack), rows[i].replicas, "%s", rows[i].spec);
    cr_assert_eq(stack_max_error_rate(stack), 0.05);
    cr_assert_eq(stack->spec.rollout.verification.window_s, 60);
  }
}

Test(rollout, what_is_wrong_is_one_sentence) {
  static const struct {
    const char *spec, *sentence; /* NULL: right */
  } rows[] = {
      {ROLLOUT("{\"maxSurge\":\"50%\",\"maxUnavailable\":1}"), NULL},
      {ROLLOUT("{\"maxSurge\":0,\"maxUnavailable\":\"25%\"}"), NULL},
      {ROLLOUT("{\"maxUnavailable\":0}"), NULL},
      {ROLLOUT("{\"maxSurge\":\"101%\"}"), "rollout.maxSurge is a whole number from 0, or a percentage from 0% to 100%"},
      {ROLLOUT("{\"maxUnavailable\":-1}"), "rollout.maxUnavailable is a whole number from 0, or a percentage from 0% to 100%"},
      {ROLLOUT("{\"maxSurge\":0}"), "rollout.maxSurge and maxUnavailable are both 0, so no pod could ever be replaced: raise one of them"},
      {ROLLOUT("{\"maxSurge\":\"0%\",\"maxUnavailable\":\"0%\"}"), "rollout.maxSurge and maxUnavailable are both 0"},
      {ROLLOUT("{\"canary\":{\"replicas\":-1}}"), "rollout.canary.replicas is a whole number from 0 to 1000"},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"0\"}}"), NULL},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"1\"}}"), NULL},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"1.1\"}}"),
       "rollout.verification.maxErrorRate is a share from 0 to 1, such as \"0.05\""},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"\"}}"), "rollout.verification.maxErrorRate is a share"},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"1e-1\"}}"), "rollout.verification.maxErrorRate is a share"},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"nan\"}}"), "rollout.verification.maxErrorRate is a share"},
      {ROLLOUT("{\"verification\":{\"maxErrorRate\":\"0.0.5\"}}"), "rollout.verification.maxErrorRate is a share"},
      {ROLLOUT("{\"verification\":{\"windowSeconds\":3601}}"), "spec.rollout.verification.windowSeconds is 3601, expected 0 to 3600"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(rows[i].spec);
    struct error error = {0};
    cr_assert_eq(stack_validate(stack, &error), rows[i].sentence ? -1 : 0, "%s: %s", rows[i].spec, error.message);
    cr_assert(!rows[i].sentence || strstr(error.message, rows[i].sentence), "%s: %s", rows[i].spec, error.message);
  }
}
