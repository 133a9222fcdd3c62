#include "release/history.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MAX = 40 };

static struct stack stack = {.name = "shop", .namespace = "demo", .uid = "mine", .spec = {.revision_history_limit = 10}};
static struct child revisions[MAX], maps[MAX], jobs[MAX], pods[MAX];
static const struct child *pointers[4][MAX];
static struct observation o;
static struct content target = {.hash = "target", .env_hash = "tenv"};
static struct plan plan;

static void begin(void) {
  o = (struct observation){.stack = &stack};
  struct child *const sets[] = {revisions, maps, jobs, pods};
  static const enum resource kinds[] = {RESOURCE_REVISION, RESOURCE_CONFIG_MAP, RESOURCE_JOB, RESOURCE_POD};
  for (size_t k = 0; k < 4; k++) {
    for (size_t i = 0; i < MAX; i++) pointers[k][i] = &sets[k][i];
    o.children[kinds[k]].items = pointers[k];
  }
  plan = (struct plan){.arena = arena_new(1 << 16)};
}

static void end(void) {
  plan_done(&plan);
  arena_free(plan.arena);
}

TestSuite(history, .init = begin, .fini = end);

static struct child *add(enum resource resource, const char *name) {
  struct child *child = (struct child *)(uintptr_t)o.children[resource].items[o.children[resource].count++];
  *child = (struct child){
      .name = arena_strdup(plan.arena, name), .uid = arena_strdup(plan.arena, name), .owner_uid = (char *)(uintptr_t) "mine"};
  return child;
}

/* DEPLOYED_MS 0: it never was. */
static struct child *revision(const char *hash, int64_t number, int64_t deployed_ms) {
  char name[64];
  (void)snprintf(name, sizeof name, "shop-%s", hash);
  struct child *child = add(RESOURCE_REVISION, name);
  child->revision = (struct revision_facts){.number = number, .deployed_ms = deployed_ms, .env_name_hash = arena_strdup(plan.arena, hash)};
  return child;
}

static bool deletes(const char *name) {
  for (size_t i = 0; i < plan.action_count; i++)
    if (plan.actions[i].type == ACTION_DELETE && !strcmp(plan.actions[i].name, name)) return !strcmp(plan.actions[i].uid, name);
  return false;
}

Test(history, nothing_yet) {
  struct history h = history_read(&o, &target);
  cr_assert(!h.target && !h.current && !h.previous && !h.migrated);
  cr_assert_eq(h.next_number, 1);
  history_prune(&o, &h, &target, &plan);
  cr_assert_eq(plan.action_count, 0);
}

Test(history, current_is_what_was_deployed_last_and_numbers_go_on) {
  const struct child *first = revision("a", 1, 3000), *second = revision("target", 2, 2000);
  revision("c", 7, 0);
  struct history h = history_read(&o, &target);
  cr_assert_eq(h.current, first, "its number does not matter");
  cr_assert_eq(h.previous, second);
  cr_assert_eq(h.target, second);
  cr_assert_eq(h.next_number, 8);
}

Test(history, order_of_the_list_does_not_matter) {
  static const int64_t orders[][3] = {{1000, 2000, 3000}, {3000, 2000, 1000}, {2000, 3000, 1000}, {2000, 1000, 3000}};
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    o.children[RESOURCE_REVISION].count = 0;
    for (int k = 0; k < 3; k++) revision((char[]){(char)('a' + k), 0}, k + 1, orders[i][k]);
    struct history h = history_read(&o, &target);
    cr_assert_eq(h.current->revision.deployed_ms, 3000);
    cr_assert_eq(h.previous->revision.deployed_ms, 2000);
  }
}

Test(history, what_is_not_ours_or_is_going_does_not_count) {
  revision("target", 1, 1000)->owner_uid = (char *)(uintptr_t) "before";
  revision("b", 2, 2000)->deleting = true;
  struct history h = history_read(&o, &target);
  cr_assert(!h.target && !h.current);
  cr_assert_eq(h.next_number, 1);
}

Test(history, ten_deployed_ones_are_kept_and_what_is_needed) {
  char hash[16];
  struct child *oldest = revision("oldest", 1, 500);
  _cleanup_(json_freep) cJSON *remembered = cJSON_Parse("{\"migrate\": {\"done\": \"identity\", \"doneAt\": \"2026-01-01T00:00:00Z\"}}");
  oldest->revision.jobs = remembered;
  for (int i = 2; i <= 14; i++) {
    (void)snprintf(hash, sizeof hash, "r%d", i);
    revision(hash, i, i * 1000);
  }
  revision("target", 15, 15000);
  struct history h = history_read(&o, &target);
  history_prune(&o, &h, &target, &plan);
  cr_assert(deletes("shop-r2") && deletes("shop-r5"));
  cr_assert(!deletes("shop-r6") && !deletes("shop-target"));
  cr_assert(!deletes("shop-oldest"), "it remembers the last migration");
}

Test(history, the_limit_is_the_specs_and_counts_what_was_never_deployed_apart) {
  static const struct {
    const char *hash;
    int64_t deployed_ms;
    bool goes;
  } rows[] = {{"a", 1000, true}, {"b", 0, true},     {"c", 2000, true}, {"d", 3000, true}, {"e", 0, true},
              {"f", 0, false},   {"g", 4000, false}, {"h", 0, false},   {"i", 0, false},   {"target", 5000, false}};
  stack.spec.revision_history_limit = 2;
  for (size_t i = 0; i < ELEMENTS(rows); i++) revision(rows[i].hash, (int64_t)i + 1, rows[i].deployed_ms);
  struct history h = history_read(&o, &target);
  h.asked = revisions + 5; /* f: what the spec says, and failed */
  history_prune(&o, &h, &target, &plan);
  stack.spec.revision_history_limit = 10;
  for (size_t i = 0; i < ELEMENTS(rows); i++) cr_assert_eq(deletes(revisions[i].name), rows[i].goes, "%s", rows[i].hash);
}

Test(history, settings_live_as_long_as_a_revision_or_a_pod_needs_them) {
  char hash[16];
  for (int i = 1; i <= 12; i++) {
    (void)snprintf(hash, sizeof hash, "r%d", i);
    revision(hash, i, i * 1000);
  }
  static const char *const names[] = {"shop-env-r1", "shop-env-r2", "shop-env-r12", "shop-env-gone", "shop-env-tenv", "shop-design-tokens"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) add(RESOURCE_CONFIG_MAP, names[i]);
  add(RESOURCE_CONFIG_MAP, "shop-env-theirs")->owner_uid = NULL;
  add(RESOURCE_POD, "shop-1")->pod.content_hash = (char *)(uintptr_t) "r2";
  struct history h = history_read(&o, &target);
  history_prune(&o, &h, &target, &plan);
  cr_assert(deletes("shop-env-r1") && deletes("shop-env-gone"));
  cr_assert(!deletes("shop-env-r2"), "a pod runs with it");
  cr_assert(!deletes("shop-env-r12") && !deletes("shop-env-tenv") && !deletes("shop-design-tokens") && !deletes("shop-env-theirs"));
}

Test(history, finished_jobs_of_old_revisions_go) {
  revision("target", 12, 12000);
  revision("b", 11, 11000);
  static const struct {
    const char *name;
    enum job_state state;
    bool goes;
  } rows[] = {{"shop-migrate-12", JOB_COMPLETE, false}, {"shop-migrate-11-2", JOB_FAILED, false},   {"shop-migrate-1", JOB_COMPLETE, true},
              {"shop-migrate-10", JOB_FAILED, true},    {"shop-warm-up-12-3", JOB_COMPLETE, false}, {"shop-warm-up-10", JOB_COMPLETE, true},
              {"shop-warm-up", JOB_COMPLETE, true},     {"shop-migrate-9", JOB_RUNNING, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) add(RESOURCE_JOB, rows[i].name)->job.state = rows[i].state;
  struct history h = history_read(&o, &target);
  history_prune(&o, &h, &target, &plan);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_eq(deletes(rows[i].name), rows[i].goes, "%s", rows[i].name);
}
