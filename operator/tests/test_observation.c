#include "stack/observation.h"

#include <criterion/criterion.h>

static struct stack stack = {.uid = "mine"};
static struct child ours = {.name = "a", .owner_uid = "mine"}, others = {.name = "b", .owner_uid = "other"}, nobodys = {.name = "c"},
                    offered = {.name = "d", .owner_uid = "other", .adopt = true}, shadow = {.name = "a"};

Test(observation, a_child_is_found_wherever_it_was_met) {
  const struct child *labelled[] = {&ours}, *met[] = {&shadow, &others};
  const struct observation o = {
      .stack = &stack, .children = {[RESOURCE_SERVICE] = {labelled, 1}}, .fetched = {[RESOURCE_SERVICE] = {met, 2}}};
  cr_assert_eq(observation_find(&o, RESOURCE_SERVICE, "a"), &ours, "what the cache shows is newer");
  cr_assert_eq(observation_find(&o, RESOURCE_SERVICE, "b"), &others);
  cr_assert_null(observation_find(&o, RESOURCE_SERVICE, "z"));
  cr_assert_null(observation_find(&o, RESOURCE_DEPLOYMENT, "a"));
}

Test(observation, it_is_ours_by_its_controller_or_by_being_offered) {
  const struct observation o = {.stack = &stack};
  cr_assert(observation_owns(&o, &ours));
  cr_assert(!observation_owns(&o, &others));
  cr_assert(!observation_owns(&o, &nobodys));
  cr_assert(observation_owns(&o, &offered));
}
