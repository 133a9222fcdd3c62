#include "release/rollout.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena *arena;
static void begin(void) { arena = arena_new(1 << 16); }
static void end(void) { arena_free(arena); }

TestSuite(rollout, .init = begin, .fini = end);

static char wanted[] = "wanted", other[] = "other";

static const struct stack stack = {.namespace = "demo", .name = "shop"};

static struct rollout judge(const struct deployment_facts *facts, const struct child **pods, size_t pod_count) {
  const struct child deployment = {.deployment = *facts};
  const struct observation o = {.stack = &stack, .children = {[RESOURCE_POD] = {pods, pod_count}}};
  return rollout_judge(&o, &deployment, "wanted", arena);
}

Test(rollout, states) {
  const struct {
    struct deployment_facts facts;
    enum rollout_state state;
  } rows[] = {
      {{.content_hash = NULL}, ROLLOUT_NONE},
      {{.content_hash = other, .replicas = 1, .current = 1, .updated = 1, .available = 1}, ROLLOUT_NONE},
      {{.content_hash = wanted, .generation = 2, .observed_generation = 1, .replicas = 1, .current = 1, .updated = 1, .available = 1},
       ROLLOUT_PROGRESSING},
      {{.content_hash = wanted, .replicas = 2, .current = 2, .updated = 2, .available = 2}, ROLLOUT_COMPLETE},
      {{.content_hash = wanted, .replicas = 0}, ROLLOUT_COMPLETE},
      {{.content_hash = wanted, .replicas = 2, .current = 3, .updated = 2, .available = 2}, ROLLOUT_PROGRESSING}, /* an old pod is left */
      {{.content_hash = wanted, .replicas = 2, .current = 2, .updated = 2, .available = 1}, ROLLOUT_PROGRESSING},
      {{.content_hash = wanted, .replicas = 2, .deadline_exceeded = true}, ROLLOUT_STUCK},
      {{.content_hash = wanted, .generation = 2, .observed_generation = 1, .replicas = 2, .deadline_exceeded = true}, ROLLOUT_PROGRESSING},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_eq(judge(&rows[i].facts, NULL, 0).state, rows[i].state, "row %zu", i);
  const struct observation nothing = {0};
  cr_assert_eq(rollout_judge(&nothing, NULL, "wanted", arena).state, ROLLOUT_NONE);
}

/* What causes there are, and their words: test_diagnosis.c. */
Test(rollout, what_is_wrong_with_its_pods_is_told) {
  const struct deployment_facts facts = {.content_hash = wanted, .replicas = 2};
  struct child pod = {
      .name = (char[]){"web-1"},
      .pod = {.component = (char[]){"server"}, .waiting = (char[]){"ImagePullBackOff"}, .waiting_message = (char[]){"no such tag"}}};
  const struct child *pods[] = {&pod};
  const char *message = judge(&facts, pods, 1).message;
  cr_assert(strstr(message, "0 of 2 pods are updated, 0 available; pod web-1 cannot pull its image"), "%s", message);
  pod.deleting = true;
  cr_assert_str_eq(judge(&facts, pods, 1).message, "0 of 2 pods are updated, 0 available", "one that goes has nothing to say");
}

Test(rollout, a_quota_speaks_first) {
  const struct deployment_facts facts = {.content_hash = wanted, .replicas = 2, .replica_failure = (char[]){"exceeded quota"}};
  cr_assert(strstr(judge(&facts, NULL, 0).message, ": exceeded quota; "));
}
