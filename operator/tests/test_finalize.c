#include "stack/finalize.h"

#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct world w;
static void end(void) { world_done(&w); }

TestSuite(finalize, .fini = end);

/* A stack whose finalizers these are (JSON), and a plan for it. */
static void begin(const char *spec, const char *finalizers) {
  world_init(&w, spec);
  cJSON *object = cJSON_Duplicate(w.stack->object, true);
  cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(object, "metadata"), "finalizers", cJSON_Parse(finalizers));
  stack_free(w.stack);
  w.stack = stack_decode(object, NULL);
  w.o.stack = w.stack;
  w.o.keys = &w.keys;
  w.arena = arena_new(1 << 16);
  w.plan = (struct plan){.arena = w.arena};
}

static const char *finalizers_of(const struct action *action) {
  static char text[256];
  char *printed = cJSON_PrintUnformatted(json_get(action->body, "metadata.finalizers"));
  (void)snprintf(text, sizeof text, "%s", printed);
  cJSON_free(printed);
  return text;
}

Test(finalize, the_guard_is_put_on_and_taken_off_and_others_stay) {
  static const struct {
    const char *spec, *before, *after; /* NULL: nothing to do */
  } rows[] = {
      {"jwks: {retain: false}", "[]", "[\"platform.supernova.com/keys\"]"},
      {"jwks: {retain: false}", "[\"a/b\"]", "[\"a/b\",\"platform.supernova.com/keys\"]"},
      {"jwks: {retain: false}", "[\"platform.supernova.com/keys\"]", NULL},
      {"jwks: {retain: true}", "[\"platform.supernova.com/keys\",\"a/b\"]", "[\"a/b\"]"},
      {"jwks: {retain: true}", "[\"a/b\"]", NULL},
      {"environment: production", "[]", NULL}, /* which retains them unless it says otherwise */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    begin(rows[i].spec, rows[i].before);
    finalize_plan_guard(&w.o, &w.plan);
    cr_assert_eq(w.plan.action_count, rows[i].after ? 1 : 0, "row %zu", i);
    if (rows[i].after) {
      cr_assert_str_eq(finalizers_of(&w.plan.actions[0]), rows[i].after);
      cr_assert_str_eq(json_string(w.plan.actions[0].body, "metadata.resourceVersion", ""), w.stack->resource_version);
    }
    if (i + 1 < sizeof rows / sizeof *rows) world_done(&w);
  }
}

Test(finalize, the_finalizer_goes_only_after_the_keys) {
  begin("jwks: {retain: false}", "[\"platform.supernova.com/keys\"]");
  world_keys(&w, "1");
  finalize_plan(&w.o, &w.plan);
  cr_assert_eq(w.plan.action_count, 2);
  cr_assert_eq(w.plan.actions[0].type, ACTION_DELETE);
  cr_assert_str_eq(w.plan.actions[0].name, "shop-jwks");
  cr_assert_str_eq(w.plan.actions[0].uid, "keys-uid", "these and no others");
  cr_assert_eq(w.plan.actions[1].needs, 1);
  cr_assert_str_eq(finalizers_of(&w.plan.actions[1]), "[]");
}

Test(finalize, keys_that_are_gone_hold_nothing_up) {
  begin("jwks: {retain: false}", "[\"platform.supernova.com/keys\"]");
  finalize_plan(&w.o, &w.plan);
  cr_assert_eq(w.plan.action_count, 1);
  cr_assert_eq(w.plan.actions[0].type, ACTION_MERGE);
}

Test(finalize, a_stack_that_has_come_to_retain_them_keeps_them) {
  begin("jwks: {retain: true}", "[\"platform.supernova.com/keys\"]");
  world_keys(&w, "1");
  finalize_plan(&w.o, &w.plan);
  cr_assert_eq(w.plan.action_count, 1);
  cr_assert_eq(w.plan.actions[0].type, ACTION_MERGE);
}
