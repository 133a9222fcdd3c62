#include "release/rollout.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena *arena;
static void begin(void) { arena = arena_new(1 << 16); }
static void end(void) { arena_free(arena); }

TestSuite(rollout, .init = begin, .fini = end);

static char wanted[] = "wanted", other[] = "other";

static struct rollout judge(const struct deployment_facts *facts, const struct child **pods, size_t pod_count) {
  const struct child deployment = {.deployment = *facts};
  const struct observation o = {.children = {[RESOURCE_POD] = {pods, pod_count}}};
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

Test(rollout, the_first_evidence_is_told) {
  char server[] = "server", migrate[] = "migrate", name[] = "web-1", words[] = "db refused postgres://u:hunter2@db/shop";
  const struct {
    struct pod_facts pod;
    const char *says;
  } rows[] = {
      {{.component = server, .waiting = (char[]){"ImagePullBackOff"}, .waiting_message = (char[]){"no such tag"}},
       "pod web-1 waits: ImagePullBackOff: no such tag"},
      {{.component = server, .waiting = (char[]){"CreateContainerConfigError"}}, "pod web-1 waits: CreateContainerConfigError: "},
      {{.component = server, .waiting = (char[]){"CrashLoopBackOff"}, .exit_code = 1, .restarts = 3, .termination_message = words},
       "crashes (exit status 1, 3 restarts): db refused postgres://u:*******@db/shop"},
      {{.component = server, .waiting = (char[]){"CrashLoopBackOff"}}, "see kubectl logs --previous"},
      {{.component = server, .unschedulable = (char[]){"0/3 nodes"}}, "cannot be scheduled: 0/3 nodes"},
      {{.component = server, .terminated = true, .exit_code = 137}, "out of memory"},
      {{.component = server, .restarts = 2}, "has restarted 2 times and is not ready"},
      {{.component = server, .restarts = 2, .ready = true}, "0 of 2 pods are updated, 0 available"},
      {{.component = migrate, .waiting = (char[]){"ImagePullBackOff"}}, "0 of 2 pods are updated, 0 available"},
  };
  const struct deployment_facts facts = {.content_hash = wanted, .replicas = 2};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct child pod = {.name = name, .pod = rows[i].pod};
    const struct child *pods[] = {&pod};
    const char *message = judge(&facts, pods, 1).message;
    cr_assert(strstr(message, rows[i].says), "%s\nlacks\n%s", message, rows[i].says);
    pod.deleting = true;
    cr_assert_str_eq(judge(&facts, pods, 1).message, "0 of 2 pods are updated, 0 available", "one that goes has nothing to say");
  }
}

Test(rollout, a_quota_speaks_first) {
  const struct deployment_facts facts = {.content_hash = wanted, .replicas = 2, .replica_failure = (char[]){"exceeded quota"}};
  cr_assert(strstr(judge(&facts, NULL, 0).message, "; exceeded quota"));
}
