#include "stack/plan.h"

#include <criterion/criterion.h>

static struct plan plan;
static void begin(void) { plan = (struct plan){.arena = arena_new(1 << 20)}; }
static void end(void) {
  struct arena *arena = plan.arena;
  plan_done(&plan);
  arena_free(arena);
}

TestSuite(plan, .init = begin, .fini = end);

static uint64_t add(const char *name, uint64_t needs) {
  return plan_add(&plan, (struct action){.type = ACTION_CREATE, .name = name, .body = cJSON_CreateObject(), .needs = needs});
}

Test(plan, an_action_is_known_by_its_bit) {
  cr_assert_eq(add("a", 0), 1);
  cr_assert_eq(add("b", 1), 2);
  cr_assert_eq(plan.action_count, 2);
  cr_assert_eq(plan.actions[1].needs, 1);
  cr_assert_eq(plan.look_again_ms, 0);
}

Test(plan, what_was_observed_may_go) {
  char name[] = "web", uid[] = "u-1", note[] = "told", render[] = "abc";
  struct action action = {
      .type = ACTION_DELETE, .name = name, .uid = uid, .event = {"Normal", "Reason", note}, .mend = {.render = render, .what = "kept"}};
  cr_assert_eq(plan_add(&plan, action), 1);
  *name = *uid = *note = *render = 'X';
  const struct action *kept = plan.actions;
  cr_assert_str_eq(kept->name, "web");
  cr_assert_str_eq(kept->uid, "u-1");
  cr_assert_str_eq(kept->event.note, "told");
  cr_assert_str_eq(kept->mend.render, "abc");
}

Test(plan, what_does_not_fit_follows_in_the_next_round) {
  for (int i = 0; i < PLAN_MAX_ACTIONS; i++) cr_assert_neq(add("a", 0), 0);
  cr_assert_eq(add("one too many", 0), 0);
  cr_assert_eq(plan.action_count, PLAN_MAX_ACTIONS);
  cr_assert_eq(plan.look_again_ms, 1);
}

/* As memory that is short leaves it. */
Test(plan, what_lacks_its_body_or_name_is_tried_again) {
  static const struct {
    enum action_type type;
    const char *name;
    bool body;
    uint64_t bit;
  } rows[] = {{ACTION_CREATE, "a", false, 0},
              {ACTION_APPLY, NULL, true, 0},
              {ACTION_DELETE, NULL, false, 0},
              {ACTION_DELETE, "a", false, 1},
              {ACTION_MAKE_KEYS, "a", false, 1}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct action action = {.type = rows[i].type, .name = rows[i].name, .body = rows[i].body ? cJSON_CreateObject() : NULL};
    cr_expect_eq(plan_add(&plan, action), rows[i].bit, "row %zu", i);
    cr_expect_eq(plan.look_again_ms, rows[i].bit ? 0 : 1, "row %zu", i);
    plan_done(&plan);
  }
}

Test(plan, the_earliest_moment_counts) {
  static const struct { int64_t asked_ms, look_again_ms; } rows[] = {{5000, 5000}, {9000, 5000}, {20, 20}, {0, 1}, {-7, 1}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    plan_look_again(&plan, rows[i].asked_ms);
    cr_expect_eq(plan.look_again_ms, rows[i].look_again_ms, "row %zu", i);
  }
}
