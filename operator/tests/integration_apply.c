/* Plans carried out on a real API server: in order, past what fails, and told as it was. */
#include "stack/apply.h"

#include "base/random.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct loop *loop;
static struct kube_config *config;
static struct kube_client *client;
static struct event_recorder *events;
static struct plan plan;
static char namespace[32], told[256];
static struct apply_result result;
static bool done;

static void on_answer(void *owner, const struct kube_response *response) {
  *(int *)owner = response->status;
  done = true;
}

/* The status of one request. */
static int ask(const char *method, const struct kube_resource *resource, const char *in, const char *name, const char *body) {
  _cleanup_buffer_ struct buffer path;
  int status = 0;
  done = false;
  kube_path(&path, resource, in, name, NULL);
  struct kube_request request = {.method = method,
                                 .path = buffer_text(&path),
                                 .body = body,
                                 .body_len = body ? strlen(body) : 0,
                                 .on_done = on_answer,
                                 .owner = &status};
  cr_assert_not_null(kube_send(client, &request, NULL));
  wait_for_flag(loop, 30000, &done, "the API server answers");
  return status;
}

static const struct kube_resource namespaces = {"", "v1", "namespaces", "Namespace", false};

static void begin(void) {
  struct error error = {0};
  char body[128];
  required_variable("KUBECONFIG", "the kubeconfig of a cluster's administrator");
  loop = loop_new(&error);
  config = kube_config_load(&(struct kube_config_source){0}, &error);
  cr_assert(loop && config, "%s", error.message);
  client = kube_client_new(loop, config, &(struct kube_client_options){.user_agent = "apply-test"}, &error);
  cr_assert_not_null(client, "%s", error.message);
  events = events_new(client, &(struct event_recorder_options){"example.com/tester", "pod-1"}, &error);
  cr_assert_not_null(events, "%s", error.message);
  plan.arena = arena_new(1 << 20);
  (void)snprintf(namespace, sizeof namespace, "apply-test-%08x", (unsigned)random_below(1u << 31));
  (void)snprintf(body, sizeof body, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", namespace);
  cr_assert_eq(ask("POST", &namespaces, NULL, NULL, body), 201);
}

static void end(void) {
  struct arena *arena = plan.arena;
  plan_done(&plan);
  arena_free(arena);
  cr_expect_eq(ask("DELETE", &resources[RESOURCE_CONFIG_MAP].api, namespace, NULL, NULL) / 100, 2);
  cr_expect_eq(ask("DELETE", &namespaces, NULL, namespace, NULL) / 100, 2);
  events_free(events);
  kube_client_free(client);
  kube_config_free(config);
  loop_free(loop);
}

TestSuite(apply, .init = begin, .fini = end);

static void tell(const char *what, const char *name) {
  size_t n = strlen(told);
  (void)snprintf(told + n, sizeof told - n, "%s %s; ", what, name);
}

static void on_wrote(void *owner, enum resource resource, const char *name, const cJSON *object) {
  (void)owner, (void)resource;
  tell(object ? "wrote" : "deleted", name);
}

static void on_exists(void *owner, enum resource resource, const char *name) {
  (void)owner, (void)resource;
  tell("exists", name);
}

static void on_done(void *owner, const struct apply_result *applied) {
  (void)owner;
  result = *applied;
  done = true;
}

static struct apply *start(void) {
  const struct apply_context context = {.client = client, .events = events, .wrote = on_wrote, .exists = on_exists, .on_done = on_done};
  const struct apply_target target = {namespace, "shop", "uid", "1"};
  struct error error = {0};
  done = false;
  struct apply *apply = apply_start(&context, &target, &plan, &error);
  cr_assert_not_null(apply, "%s", error.message);
  cr_assert(!done, "never before it has returned");
  return apply;
}

static uint64_t add(enum action_type type, const char *name, const char *version, uint64_t needs) {
  cJSON *body = type == ACTION_DELETE ? NULL : cJSON_CreateObject();
  if (body) {
    cJSON_AddStringToObject(body, "apiVersion", "v1");
    cJSON_AddStringToObject(body, "kind", "ConfigMap");
    cJSON *metadata = cJSON_AddObjectToObject(body, "metadata");
    cJSON_AddStringToObject(metadata, "name", name);
    if (version) cJSON_AddStringToObject(metadata, "resourceVersion", version);
  }
  return plan_add(&plan, (struct action){.type = type, .resource = RESOURCE_CONFIG_MAP, .name = name, .body = body, .needs = needs});
}

static int status_of(const char *name) { return ask("GET", &resources[RESOURCE_CONFIG_MAP].api, namespace, name, NULL); }

Test(apply, what_needs_a_failed_write_is_skipped_and_all_else_is_done) {
  uint64_t made = add(ACTION_CREATE, "one", NULL, 0), again = add(ACTION_CREATE, "one", NULL, 0);
  uint64_t skipped = add(ACTION_APPLY, "two", NULL, made | again), after_it = add(ACTION_CREATE, "three", NULL, skipped);
  uint64_t stale = add(ACTION_MERGE, "one", "1", made);
  add(ACTION_DELETE, "never", NULL, 0);
  add(ACTION_APPLY, "four", NULL, made);
  start();
  wait_for_flag(loop, 30000, &done, "the plan is carried out");
  cr_expect_eq(result.outcome, APPLY_CONFLICT, "the world has moved: that is no failure");
  cr_expect_eq(result.failed, again | skipped | after_it | stale);
  cr_expect_eq(result.writes, 3);
  cr_expect_str_eq(told, "wrote one; exists one; deleted never; wrote four; ");
  cr_expect_eq(status_of("one"), 200);
  cr_expect_eq(status_of("two"), 404);
  cr_expect_eq(status_of("three"), 404);
  cr_expect_eq(status_of("four"), 200);
}

Test(apply, the_first_failure_is_told_and_the_rest_goes_on) {
  uint64_t bad = add(ACTION_CREATE, "NOT A NAME", NULL, 0), worse = add(ACTION_CREATE, "NOR THIS", NULL, 0);
  add(ACTION_CREATE, "one", NULL, 0);
  start();
  wait_for_flag(loop, 30000, &done, "the plan is carried out");
  cr_expect_eq(result.outcome, APPLY_FAILED);
  cr_expect_eq(result.failed, bad | worse);
  cr_expect_eq(result.error.kind, ERROR_INVALID);
  cr_expect(!strncmp(result.error.message, "write ConfigMap NOT A NAME: ", 28), "%s", result.error.message);
  cr_expect_eq(status_of("one"), 200);
}

Test(apply, cancelled_it_is_silent) {
  add(ACTION_CREATE, "one", NULL, 0);
  struct apply *apply = start();
  run_for(loop, 0);
  apply_cancel(apply);
  apply_cancel(NULL);
  run_for(loop, 100);
  cr_expect(!done);
  cr_expect_str_eq(told, "");
}
