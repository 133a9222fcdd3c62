#include "stack/notification.h"

#include "stack_of.h"

#define REF             "\"secretRef\":{\"name\":\"n\",\"key\":\"k\"}"
#define ONE(type, more) "{\"notifications\":[{\"name\":\"team\",\"type\":\"" type "\"," REF more "}]}"

Test(notification, receivers_are_found_and_told_what_they_want) {
  _cleanup_(stack_freep) struct stack *stack = stack_of("{\"notifications\":[{\"name\":\"a\",\"type\":\"slack\"," REF
                                                        ",\"events\":[\"ReleaseFailed\"]},{\"name\":\"b\",\"type\":\"webhook\"," REF "}]}");
  struct stack_notification to;
  struct error error = {0};
  cr_assert_eq(stack_validate(stack, &error), 0, "%s", error.message);
  cr_assert(stack_notification_at(&stack->spec, 0, &to));
  cr_assert_str_eq(to.name, "a");
  cr_assert_str_eq(to.secret_name, "n");
  cr_assert_str_eq(to.secret_key, "k");
  cr_assert(stack_notification_wants(&to, "ReleaseFailed") && !stack_notification_wants(&to, "ReleaseStarted"));
  cr_assert(stack_notification_find(&stack->spec, "b", &to));
  cr_assert_str_eq(to.type, "webhook");
  for (const char *const *event = stack_notification_events; *event; event++) cr_assert(stack_notification_wants(&to, *event));
  cr_assert(!stack_notification_at(&stack->spec, 2, &to) && !stack_notification_find(&stack->spec, "c", &to));
}

Test(notification, what_the_crd_would_refuse_is_refused_here_too) {
  static const struct {
    const char *spec, *words; /* NULL: accepted */
  } rows[] = {
      {ONE("slack", ""), NULL},
      {ONE("pagerduty", ",\"events\":[\"ReleaseFailed\",\"ChangeOverridden\"]"), NULL},
      {ONE("email", ""), "the type of team is email, expected slack, pagerduty or webhook"},
      {ONE("slack", ",\"events\":[]"), "events is empty"},
      {ONE("slack", ",\"events\":[\"Everything\"]"), "Everything is no event"},
      {"{\"notifications\":[{\"name\":\"The Team\",\"type\":\"slack\"," REF "}]}", "the name The Team is not"},
      {"{\"notifications\":[{\"name\":\"team-\",\"type\":\"slack\"," REF "}]}", "the name team- is not"},
      {"{\"notifications\":[{\"name\":\"a\",\"type\":\"slack\",\"secretRef\":{\"name\":\"A\",\"key\":\"k\"}}]}", "secretRef.name of a"},
      {"{\"notifications\":[{\"name\":\"a\",\"type\":\"slack\",\"secretRef\":{\"name\":\"n\",\"key\":\"a b\"}}]}", "secretRef.key of a"},
      {"{\"notifications\":[{\"name\":\"a\",\"type\":\"slack\"," REF "},{\"name\":\"a\",\"type\":\"slack\"," REF "}]}", "two are named a"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    _cleanup_(stack_freep) struct stack *stack = stack_of(rows[i].spec);
    struct error error = {0};
    cr_assert_eq(stack_validate(stack, &error) < 0, rows[i].words != NULL, "%s: %s", rows[i].spec, error.message);
    if (rows[i].words) cr_assert(strstr(error.message, rows[i].words), "%s: %s", rows[i].spec, error.message);
  }
}

Test(notification, what_is_no_receiver_at_all_is_refused_by_its_place) {
  static const struct {
    const char *spec, *words;
  } rows[] = {
      {"{\"notifications\":{}}", "spec.notifications is an object, expected a list"},
      {"{\"notifications\":[7]}", "spec.notifications[0] is 7, expected an object"},
      {"{\"notifications\":[{\"name\":\"a\",\"type\":\"slack\"}]}", "spec.notifications[0].secretRef is missing"},
      {ONE("slack", ",\"events\":[7]"), "spec.notifications[0].events[0] is 7, expected a string"},
      {ONE("slack", ",\"events\":{}"), "spec.notifications[0].events is an object, expected a list"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct error error = {0};
    cr_assert_null(stack_decode(object_of(rows[i].spec), &error), "%s", rows[i].spec);
    cr_assert(strstr(error.message, rows[i].words), "%s: %s", rows[i].spec, error.message);
  }
}
