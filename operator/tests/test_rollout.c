#include "release/rollout.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW = 1767225600 }; /* 2026-01-01T00:00:00Z */

static struct arena *arena;
static void begin(void) { arena = arena_new(1 << 16); }
static void end(void) { arena_free(arena); }

TestSuite(rollout, .init = begin, .fini = end);

static char wanted[] = "wanted", other[] = "other", server[] = "server", then[] = "2026-01-01T00:00:00Z";

static const struct stack stack = {
    .namespace = "demo", .name = "shop", .spec.rollout = {.progress_deadline_s = 600, .verification.window_s = 60}};

static struct rollout judge_at(struct rollout_question q, const struct deployment_facts *facts, const struct child **pods, size_t pod_count,
                               int64_t passed_s) {
  const struct child deployment = {.deployment = *facts};
  const struct observation o = {.now_ms = (NOW + passed_s) * 1000, .stack = &stack, .children = {[RESOURCE_POD] = {pods, pod_count}}};
  q.o = &o;
  q.deployment = &deployment;
  q.content_hash = "wanted";
  return rollout_judge(&q, arena);
}

static struct rollout judge(const struct deployment_facts *facts, const struct child **pods, size_t pod_count) {
  return judge_at((struct rollout_question){.is_release = true}, facts, pods, pod_count, 0);
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
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_eq(judge(&rows[i].facts, NULL, 0).state, rows[i].state, "row %zu", i);
  cr_assert_eq(rollout_judge(&(struct rollout_question){.content_hash = "wanted"}, arena).state, ROLLOUT_NONE);
}

Test(rollout, the_deadline_is_the_operators_own) {
  const struct deployment_facts rolls = {
      .content_hash = wanted, .rolling_since = then, .replicas = 2, .current = 3, .updated = 1, .available = 2};
  struct deployment_facts unseen = rolls, degraded = rolls, holds = rolls, unknown = rolls;
  unseen.generation = 1;
  degraded.current = degraded.updated = 2;
  degraded.available = 1;
  holds.min_ready_s = 86400;
  unknown.rolling_since = NULL;
  struct child late = {.name = wanted,
                       .pod = {.component = server, .content_hash = wanted, .ready = true, .ready_since_ms = (NOW + 300) * 1000LL}};
  struct child waits = {.name = wanted, .pod = {.component = server, .content_hash = wanted}};
  const struct {
    const char *what;
    struct rollout_question q;
    const struct deployment_facts *facts;
    const struct child *pod;
    int64_t passed_s;
    enum rollout_state state;
    int64_t look_again_s;
  } rows[] = {
      {"before it", {.is_release = true}, &rolls, NULL, 599, ROLLOUT_PROGRESSING, 1},
      {"at it", {.is_release = true}, &rolls, NULL, 600, ROLLOUT_STUCK, 0},
      {"a roll that is no release", {0}, &rolls, NULL, 600, ROLLOUT_STUCK, 0},
      {"pods that were Deployed and went", {0}, &degraded, NULL, 6000, ROLLOUT_PROGRESSING, 0},
      {"pods that never were", {.is_release = true}, &degraded, NULL, 600, ROLLOUT_STUCK, 0},
      {"the Deployment's controller is away", {.is_release = true}, &unseen, NULL, 600, ROLLOUT_PROGRESSING, 1},
      {"nobody noted the beginning", {.is_release = true}, &unknown, NULL, 6000, ROLLOUT_PROGRESSING, 0},
      {"a further pod", {.is_release = true}, &rolls, &late, 899, ROLLOUT_PROGRESSING, 1},
      {"and none after it", {.is_release = true}, &rolls, &late, 900, ROLLOUT_STUCK, 0},
      {"a Job works", {.is_release = true, .job_works = true}, &rolls, NULL, 6000, ROLLOUT_PROGRESSING, 0},
      {"a Job ended", {.is_release = true, .job_ended_ms = (NOW + 100) * 1000LL}, &rolls, NULL, 699, ROLLOUT_PROGRESSING, 1},
      {"and its pods came not", {.is_release = true, .job_ended_ms = (NOW + 100) * 1000LL}, &rolls, NULL, 700, ROLLOUT_STUCK, 0},
      {"a canary that is not ready", {.is_release = true, .canary = 1}, &holds, &waits, 599, ROLLOUT_PROGRESSING, 1},
      {"for too long", {.is_release = true, .canary = 1}, &holds, &waits, 600, ROLLOUT_STUCK, 0},
      {"a canary that is ready", {.is_release = true, .canary = 1}, &holds, &late, 719, ROLLOUT_CANARY, 1},
      {"and never judged", {.is_release = true, .canary = 1}, &holds, &late, 720, ROLLOUT_STUCK, 0},
      {"a canary of which one is missing", {.is_release = true, .canary = 2}, &holds, &late, 0, ROLLOUT_PROGRESSING, 600},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct child *pods[] = {rows[i].pod};
    struct rollout r = judge_at(rows[i].q, rows[i].facts, pods, rows[i].pod ? 1 : 0, rows[i].passed_s);
    cr_expect_eq(r.state, rows[i].state, "%s: %d %s", rows[i].what, r.state, r.message);
    cr_expect_eq(r.look_again_ms, rows[i].look_again_s * 1000, "%s: %lld", rows[i].what, (long long)r.look_again_ms);
  }
}

Test(rollout, new_pods_are_told_by_their_template) {
  char secret[] = "s1";
  const struct deployment_facts holds = {.content_hash = wanted,
                                         .secret_hash = secret,
                                         .restarted_at = then,
                                         .replicas = 3,
                                         .current = 4,
                                         .updated = 1,
                                         .available = 3,
                                         .min_ready_s = 1};
  const struct {
    struct child pod;
    bool is_new;
  } rows[] = {
      {{.pod = {.component = server, .content_hash = wanted, .secret_hash = secret, .restarted_at = then}}, true},
      {{.pod = {.component = server, .content_hash = other, .secret_hash = secret, .restarted_at = then}}, false},
      {{.pod = {.component = server, .content_hash = wanted, .secret_hash = other, .restarted_at = then}}, false},
      {{.pod = {.component = server, .content_hash = wanted, .secret_hash = secret}}, false},
      {{.pod = {.component = other, .content_hash = wanted, .secret_hash = secret, .restarted_at = then}}, false},
      {{.deleting = true, .pod = {.component = server, .content_hash = wanted, .secret_hash = secret, .restarted_at = then}}, false},
      {{.pod = {.failed = true, .component = server, .content_hash = wanted, .secret_hash = secret, .restarted_at = then}}, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct child pod = rows[i].pod;
    const struct child *pods[] = {&pod};
    pod.name = wanted;
    pod.pod.ready = true;
    struct rollout r = judge_at((struct rollout_question){.canary = 1}, &holds, pods, 1, 0);
    cr_expect_eq(r.state, rows[i].is_new ? ROLLOUT_CANARY : ROLLOUT_PROGRESSING, "row %zu", i);
    cr_expect_eq(strncmp(r.message, rows[i].is_new ? "the canary: 1 of 1" : "the canary: 0 of 1", 18), 0, "row %zu: %s", i, r.message);
  }
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
