#include "stack/child.h"

#include "live.h"

static cJSON *parse(const char *yaml) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &tree, &error), 0, "%s", error.message);
  return tree;
}

/* A live object as the operator remembers it; the object is gone by then. */
static struct child *live(const char *kind, enum child_view view) {
  struct error error = {0};
  _cleanup_json_ cJSON *all = items_of("live/full.json");
  struct child *child = child_project(view, item_of(all, kind), &error);
  cr_assert(child, "%s", error.message);
  return child;
}

static struct child *project(enum child_view view, const char *rest) {
  char yaml[4096];
  struct error error = {0};
  (void)snprintf(yaml, sizeof yaml, "metadata: {name: web, uid: u, resourceVersion: '7', namespace: demo}\n%s", rest);
  _cleanup_json_ cJSON *object = parse(yaml);
  struct child *child = child_project(view, object, &error);
  cr_assert(child, "%s", error.message);
  return child;
}

Test(child, a_live_deployment) {
  _cleanup_(child_freep) struct child *child = live("Deployment", CHILD_VIEW_DEPLOYMENT);
  cr_assert_str_eq(child->name, "everything");
  cr_assert_not_null(child->uid);
  cr_assert(child->stack && strstr(child->stack, "/everything"));
  cr_assert_not_null(child->owner_uid);
  cr_assert_str_eq(child->deployment.content_hash, "aaaaaaaaaa");
  cr_assert_str_eq(child->deployment.secret_hash, "5555555555");
  cr_assert_eq(child->update_entry, 0, "the POST's entry");
  cr_assert_eq(child->apply_entry, -1);
  cr_assert_eq(child->deployment.observed_generation, -1, "no controller has looked at it");
  cr_assert(child->fingerprint.value_count > 50);
  cr_assert(!child->adopt && !child->deleting);
}

Test(child, entries_of_managed_fields_are_found_by_manager_operation_and_subresource) {
  _cleanup_json_ cJSON *object = parse(
      "metadata:\n  name: web\n  uid: u\n  resourceVersion: '7'\n  managedFields:\n"
      "  - {manager: kubectl, operation: Update, time: '2026-01-01T00:00:02Z'}\n"
      "  - {manager: helm, operation: Update, time: '2026-01-01T00:00:01Z'}\n"
      "  - {manager: controller, operation: Update, subresource: status, time: '2026-01-01T00:00:03Z'}\n"
      "  - {manager: supernova-operator, operation: Update, subresource: status}\n"
      "  - {manager: supernova-operator, operation: Apply}\n"
      "  - {manager: supernova-operator, operation: Update, fieldsV1: {'f:spec': {'f:replicas': {}}}}\n"
      "  - {manager: supernova-operator-replicas, operation: Apply}\n");
  _cleanup_(child_freep) struct child *child = child_project(CHILD_VIEW_PLAIN, object, NULL);
  cr_assert_eq(child->apply_entry, 4);
  cr_assert_eq(child->update_entry, 5);
  cr_assert_str_eq(child->other_writer, "kubectl");
  cr_assert(child->update_owns_replicas);
}

Test(child, what_marks_an_object) {
  _cleanup_json_ cJSON *object = parse(
      "metadata:\n  name: web\n  uid: u\n  resourceVersion: '7'\n  namespace: demo\n  deletionTimestamp: '2026-01-01T00:00:00Z'\n"
      "  labels: {platform.supernova.com/stack: shop}\n"
      "  annotations: {platform.supernova.com/adopt: 'true', platform.supernova.com/applied-hash: abc}\n"
      "  ownerReferences: [{uid: other}, {uid: mine, controller: true}]\n");
  _cleanup_(child_freep) struct child *child = child_project(CHILD_VIEW_PLAIN, object, NULL);
  cr_assert(child->adopt && child->deleting);
  cr_assert_str_eq(child->stack, "demo/shop");
  cr_assert_str_eq(child->owner_uid, "mine", "the controller, not any owner");
  cr_assert_str_eq(child->applied_hash, "abc");
}

Test(child, jobs) {
  static const struct {
    const char *status;
    enum job_state state;
    const char *reason;
    int64_t finished_ms;
    bool pods_left;
  } rows[] = {
      {"status: {}", JOB_RUNNING, NULL, 0, false},
      {"status: {active: 1}", JOB_RUNNING, NULL, 0, true},
      {"status: {terminating: 1, conditions: [{type: FailureTarget, status: 'True', reason: X}]}", JOB_RUNNING, NULL, 0, true},
      {"status: {conditions: [{type: Complete, status: 'True', lastTransitionTime: '1970-01-01T00:00:05Z'}]}", JOB_COMPLETE, NULL, 5000,
       false},
      {"status: {conditions: [{type: Failed, status: 'True', reason: PodFailurePolicy, lastTransitionTime: '1970-01-01T00:00:09Z'}]}",
       JOB_FAILED, "PodFailurePolicy", 9000, false},
      {"status: {conditions: [{type: Failed, status: 'False'}]}", JOB_RUNNING, NULL, 0, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    _cleanup_(child_freep) struct child *child = project(CHILD_VIEW_JOB, rows[i].status);
    cr_assert_eq(child->job.state, rows[i].state, "%s", rows[i].status);
    cr_assert_eq(child->job.finished_ms, rows[i].finished_ms);
    cr_assert_eq(child->job.pods_left, rows[i].pods_left, "%s", rows[i].status);
    cr_assert_str_eq(child->job.reason ? child->job.reason : "-", rows[i].reason ? rows[i].reason : "-");
  }
}

Test(child, pods) {
  static const struct {
    const char *status, *waiting;
    bool ready, terminated;
    int64_t exit_code, restarts;
  } rows[] = {
      {"status: {phase: Pending}", NULL, false, false, 0, 0},
      {"status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}", NULL, false, false, 0, 0},
      {"status: {containerStatuses: [{state: {waiting: {reason: ErrImagePull, message: m}}}]}", "ErrImagePull", false, false, 0, 0},
      {"status: {phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{restartCount: 2, lastState: "
       "{terminated: {exitCode: 137}}}]}",
       NULL, true, true, 137, 2},
      {"status: {phase: Failed, containerStatuses: [{state: {terminated: {exitCode: 65, message: no}}, lastState: {terminated: {exitCode: "
       "1}}}]}",
       NULL, false, true, 65, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    _cleanup_(child_freep) struct child *child = project(CHILD_VIEW_POD, rows[i].status);
    cr_assert_str_eq(child->pod.waiting ? child->pod.waiting : "-", rows[i].waiting ? rows[i].waiting : "-", "%s", rows[i].status);
    cr_assert_eq(child->pod.ready, rows[i].ready);
    cr_assert_eq(child->pod.terminated, rows[i].terminated);
    cr_assert_eq(child->pod.exit_code, rows[i].exit_code);
    cr_assert_eq(child->pod.restarts, rows[i].restarts);
  }
}

Test(child, a_live_revision_and_what_was_learnt_of_it) {
  _cleanup_(child_freep) struct child *child = live("ControllerRevision", CHILD_VIEW_REVISION);
  cr_assert(child->revision.number > 0);
  cr_assert_not_null(child->revision.content);
  cr_assert_null(child->revision.jobs);
  cr_assert_eq(child->revision.deployed_ms, 0);
  _cleanup_json_ cJSON *object = parse(
      "revision: 3\ndata: {env: {A: b}}\nmetadata:\n  name: web\n  uid: u\n  resourceVersion: '7'\n  annotations:\n"
      "    {platform.supernova.com/job-migrate: '{\"attempt\":4,\"settled\":2}', platform.supernova.com/job-seed: '{\"attempt\":\"x\"}',\n"
      "     platform.supernova.com/deployed-at: '1970-01-01T00:00:01Z'}\n");
  _cleanup_(child_freep) struct child *learnt = child_project(CHILD_VIEW_REVISION, object, NULL);
  cr_assert_eq(json_int(learnt->revision.jobs, "migrate.attempt", 0), 4);
  cr_assert_null(json_get(learnt->revision.jobs, "seed"), "what does not decode counts as absent");
  cr_assert_eq(learnt->revision.deployed_ms, 1000);
  cr_assert_not_null(learnt->revision.env_name_hash);
  cr_assert_str_eq(child_release_hash(learnt), "", "somebody else's revision, made to look like ours, has no hash in its name");
}

Test(child, an_object_without_identity_is_refused_in_words) {
  struct error error = {0};
  _cleanup_json_ cJSON *object = parse("metadata: {name: web}");
  cr_assert_null(child_project(CHILD_VIEW_PLAIN, object, &error));
  cr_assert_eq(error.kind, ERROR_INVALID);
  child_free(NULL);
}
