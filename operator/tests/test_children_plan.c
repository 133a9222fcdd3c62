#include "stack/children_plan.h"

#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SPEC "image: {repository: r, tag: v1}\nmigrations: {enabled: false}\nreplicas: 2\n"

static struct world w;
static void end(void) { world_done(&w); }

TestSuite(children_plan, .fini = end);

static void install(const char *spec) {
  world_init(&w, spec);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
}

static const struct action *action_of(enum action_type type, enum resource resource) {
  for (size_t i = 0; i < w.plan.action_count; i++)
    if (w.plan.actions[i].type == type && w.plan.actions[i].resource == resource) return &w.plan.actions[i];
  cr_assert_fail("there is no such action in: %s", world_says(&w));
  return NULL;
}

Test(children_plan, what_pods_refer_to_comes_before_them) {
  world_init(&w, SPEC "designTokens: {inline: {a: b}}\n");
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_plan(&w);
  uint64_t needs = action_of(ACTION_CREATE, RESOURCE_DEPLOYMENT)->needs;
  for (size_t i = 0; i < w.plan.action_count; i++) {
    enum resource resource = w.plan.actions[i].resource;
    bool needed = resource == RESOURCE_SERVICE_ACCOUNT || resource == RESOURCE_CONFIG_MAP || resource == RESOURCE_REVISION ||
                  resource == RESOURCE_SECRET;
    cr_assert_eq((needs >> i & 1) != 0, needed, "%s", w.plan.actions[i].name);
  }
}

Test(children_plan, the_first_change_makes_our_update_entry_an_apply_entry) {
  install(SPEC);
  world_spec(&w, SPEC "service: {port: 81}\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "own Service shop; apply Service shop");
  const struct action *own = &w.plan.actions[0], *apply = &w.plan.actions[1];
  cr_assert_eq(apply->needs, 1, "no apply without it");
  cr_assert_str_eq(json_string(cJSON_GetArrayItem(own->body, 0), "path", ""), "/metadata/resourceVersion", "a stale one is a conflict");
  cr_assert_str_eq(json_string(apply->body, "metadata.uid", ""), "uid-Service-shop", "an apply makes no object anew");
  world_settle(&w);
  world_spec(&w, SPEC "service: {port: 82}\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "apply Service shop", "and it was the last of its kind");
}

Test(children_plan, what_is_going_is_let_go_and_made_again) {
  install(SPEC);
  cJSON *service = world_object(&w, RESOURCE_SERVICE, "shop");
  cJSON_AddStringToObject(cJSON_GetObjectItemCaseSensitive(service, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
  world_spec(&w, SPEC "service: {port: 81}\n");
  world_settle(&w);
  cr_assert_eq(json_int(cJSON_GetArrayItem(json_get(service, "spec.ports"), 0), "port", 0), 80);
  world_remove(&w, RESOURCE_SERVICE, "shop");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "create Service shop");
}

Test(children_plan, what_is_turned_off_is_deleted_where_it_is_ours) {
  static const char on[] = SPEC "podDisruptionBudget: {enabled: true}\n", off[] = SPEC "podDisruptionBudget: {enabled: false}\n";
  install(on);
  world_spec(&w, off);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "delete PodDisruptionBudget shop");
  cr_assert_str_eq(w.plan.actions[0].uid, "uid-PodDisruptionBudget-shop");
  world_settle(&w);
  world_put(&w, RESOURCE_PDB, "metadata: {name: shop, annotations: {platform.supernova.com/adopt: 'true'}}\n");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "what was only offered is not deleted");
}

Test(children_plan, replicas_are_nobodys_in_the_manifest_and_the_floor_under_autoscaling) {
  world_init(&w, SPEC "autoscaling: {enabled: true, minReplicas: 4, maxReplicas: 9, targetCPUUtilizationPercentage: 65}\n");
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_plan(&w);
  cr_assert_eq(json_int(action_of(ACTION_CREATE, RESOURCE_DEPLOYMENT)->body, "spec.replicas", 0), 4);
  world_settle(&w);
  world_spec(&w,
             "image: {repository: r, tag: v2}\nmigrations: {enabled: false}\n"
             "autoscaling: {enabled: true, minReplicas: 4, maxReplicas: 9, targetCPUUtilizationPercentage: 65}\n");
  world_plan(&w);
  cr_assert_null(json_get(action_of(ACTION_APPLY, RESOURCE_DEPLOYMENT)->body, "spec.replicas"));
}

#define AUTOSCALED SPEC "autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 9, targetCPUUtilizationPercentage: 65}\n"

static void set_replicas(int64_t replicas) {
  cJSON *spec = cJSON_GetObjectItemCaseSensitive(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec");
  cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(spec, "replicas"), (double)replicas);
  world_pods_ready(&w);
  world_settle(&w);
}
static int64_t replicas(void) { return json_int(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.replicas", -1); }

/* Wherever it began: with autoscaling from the start, or turned on for a number that the spec's manager had set. */
Test(children_plan, autoscaling_turned_off_gives_the_specs_replicas_back) {
  static const char *const begins[] = {AUTOSCALED, SPEC};
  for (size_t i = 0; i < ELEMENTS(begins); i++) {
    if (i) world_done(&w);
    install(begins[i]);
    world_spec(&w, AUTOSCALED);
    world_settle(&w);
    set_replicas(7);
    cr_assert_eq(replicas(), 7, "the number is the autoscaler's");
    world_spec(&w, SPEC);
    world_plan(&w);
    cr_assert_str_eq(world_says(&w), "delete HorizontalPodAutoscaler shop", "while it is there it would scale again");
    world_settle(&w);
    cr_assert_eq(replicas(), 2);
    set_replicas(5);
    cr_assert_eq(replicas(), 5, "by hand it goes on to be obeyed");
  }
}

Test(children_plan, what_is_in_the_way_is_named_with_the_command_that_hands_it_over) {
  world_init(&w, SPEC);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_put(&w, RESOURCE_DEPLOYMENT, "metadata: {name: shop, ownerReferences: [{uid: other, controller: true}]}\nspec: {replicas: 9}\n");
  world_plan(&w);
  const char *message = json_string(condition_find(json_get(w.plan.status, "conditions"), "Stalled"), "message", "");
  cr_assert(strstr(message, "kubectl -n demo annotate deployments shop platform.supernova.com/adopt=true"), "%s", message);
  world_settle(&w);
  cr_assert_eq(json_int(world_object(&w, RESOURCE_DEPLOYMENT, "shop"), "spec.replicas", 0), 9);
}

/* Somebody makes the Service headless, whatever it is set back to; seen as the API server would show it. */
static void fight(const char *writer) {
  cJSON *service = world_object(&w, RESOURCE_SERVICE, "shop");
  cJSON *managers = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(service, "metadata"), "managedFields");
  cJSON_SetValuestring(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(service, "spec"), "type"), "NodePort");
  if (writer && cJSON_GetArraySize(managers) == 1) {
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "manager", writer);
    cJSON_AddItemToArray(managers, entry);
  }
  world_plan(&w);
}

/* What reconcile does with each plan whose writes are made. */
static void note_and_carry_out(struct mends *mends) {
  for (size_t i = 0; i < w.plan.action_count; i++) {
    const struct action *a = &w.plan.actions[i];
    if (a->mend.render) mends_note(mends, a->resource, a->name, a->mend.render, a->mend.what, w.o.now_ms);
  }
  world_carry_out(&w);
}

Test(children_plan, who_changes_a_child_again_and_again_is_named_and_answered_less_often) {
  static const struct {
    const char *writer, *told;
  } rows[] = {{"helm", "Service shop is changed again each time that it is set back (spec.type, last written by helm)"},
              {NULL, "(spec.type, nobody else has written it: an admission webhook does it)"}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct mends mends = {0};
    if (i) world_done(&w);
    install(SPEC);
    w.o.mends = &mends;
    for (int n = 0; n < MENDS_AT_ONCE; n++) {
      fight(rows[i].writer);
      cr_assert(action_of(ACTION_APPLY, RESOURCE_SERVICE)->mend.render, "a drift is set back at once");
      note_and_carry_out(&mends);
    }
    fight(rows[i].writer);
    cr_assert_str_eq(world_says(&w), "status RollingOut");
    cr_assert_str_eq(world_condition(&w, "Ready"), "False DriftReturns");
    cr_assert(strstr(w.plan.event.note, rows[i].told), "%s", w.plan.event.note);
    cr_assert_eq(w.plan.look_again_ms, 10000);
    world_carry_out(&w);
    w.o.now_ms += 10000;
    fight(rows[i].writer);
    cr_assert_str_eq(world_says(&w), "apply Service shop", "it is no less contested while it is set back once more: %s", world_says(&w));
    note_and_carry_out(&mends);
    world_plan(&w);
    cr_assert_str_eq(world_says(&w), "");
    cr_assert_eq(w.plan.look_again_ms, 20000);
    w.o.now_ms += 20000;
    world_plan(&w);
    cr_assert_str_eq(world_says(&w), "status Ready", "nobody has changed it again: %s", world_says(&w));
    mends_done(&mends);
  }
}

Test(children_plan, what_an_earlier_stack_left_is_waited_for) {
  static const struct {
    const char *owner, *stands;
  } rows[] = {{"kind: SupernovaStack, name: shop, uid: earlier, controller: true", "False EarlierStackLeaves"},
              {"kind: SupernovaStack, name: other, uid: earlier, controller: true", "False NameConflict"},
              {"kind: HelmRelease, name: shop, uid: earlier, controller: true", "False NameConflict"},
              {"kind: SupernovaStack, name: shop, uid: earlier", "False NameConflict"}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char yaml[256];
    if (i) world_done(&w);
    world_init(&w, SPEC);
    world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
    (void)snprintf(yaml, sizeof yaml, "metadata: {name: shop, ownerReferences: [{%s}]}\n", rows[i].owner);
    world_put(&w, RESOURCE_SERVICE, yaml);
    world_settle(&w);
    cr_assert_str_eq(world_condition(&w, "Ready"), rows[i].stands);
    bool waits = strstr(rows[i].stands, "Leaves");
    cr_assert_eq(w.plan.look_again_ms == 2000, waits);
    cr_assert_str_eq(world_phase(&w), waits ? "Pending" : "Failed");
    world_remove(&w, RESOURCE_SERVICE, "shop");
    world_plan(&w);
    cr_assert_str_eq(world_says(&w), "create Service shop; status RollingOut");
  }
}
