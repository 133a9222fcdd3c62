#include "runtime/caches.h"

#include "stack/stack.h"
#include "testing/http_server.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* An API server with one stack and one pod in each namespace that is asked for, which refuses Ingresses where it is told to. */
static struct loop *loop;
static struct http_server *server;
static struct kube_config config;
static struct kube_client *client;
static struct caches *caches;
static struct http_connection *pod_watch;
static bool refuses_ingresses, refuses_monitors, monitors_refused;
static unsigned lists, first_lists;
static char changes[512];

#define STACK_ITEM "{\"metadata\": {\"name\": \"shop\", \"namespace\": \"demo\", \"uid\": \"u\", \"resourceVersion\": \"5\"}, \"spec\": {}}"
#define POD(name, version)                                                                                                  \
  "{\"metadata\": {\"name\": \"" name "\", \"namespace\": \"demo\", \"uid\": \"" name "\", \"resourceVersion\": \"" version \
  "\", \"labels\": {\"platform.supernova.com/stack\": \"shop\"}}}"

static void on_request(void *owner, const struct http_server_request *request) {
  (void)owner;
  const char *target = request->target;
  bool pods = strstr(target, "/pods?"), stacks = strstr(target, "/supernovastacks?");
  if (strstr(target, "watch=")) {
    http_server_begin(request->connection, 200, NULL);
    if (pods) pod_watch = request->connection;
    return;
  }
  lists++;
  char body[1024];
  (void)snprintf(body, sizeof body, "{\"metadata\": {\"resourceVersion\": \"10\"}, \"items\": [%s]}",
                 stacks ? STACK_ITEM
                 : pods ? POD("shop-1", "6")
                        : "");
  bool refused = refuses_ingresses && strstr(target, "/ingresses?");
  if (refuses_monitors && strstr(target, "/servicemonitors?")) refused = monitors_refused = true;
  http_server_answer(request->connection, refused ? 403 : 200, NULL, refused ? "{\"message\": \"no right\"}" : body);
}

static void on_change(void *owner, enum resource resource, const void *old, const void *now) {
  (void)owner;
  size_t n = strlen(changes);
  (void)snprintf(changes + n, sizeof changes - n, "%s%s%s ", old ? "-" : "", now ? "+" : "", resources[resource].api.plural);
}

static void on_listed(void *owner) {
  (void)owner;
  first_lists++;
}

static unsigned count_needed(void) {
  unsigned n = 0;
  for (enum resource resource = 0; resource < RESOURCES; resource++) n += !resources[resource].optional;
  return n;
}

static void begin_with(const char *const *namespaces) {
  struct error error = {0};
  static char no_proxy[] = "";
  loop = loop_new(&error);
  server = http_server_new(loop, on_request, NULL, NULL);
  config = (struct kube_config){.server = (char *)(uintptr_t)http_server_url(server), .proxy = no_proxy};
  client = kube_client_new(loop, &config, &(struct kube_client_options){.user_agent = "test"}, &error);
  cr_assert_not_null(client, "%s", error.message);
  caches =
      caches_new(&(struct caches_options){.client = client, .namespaces = namespaces, .changed = on_change, .listed = on_listed}, &error);
  cr_assert_not_null(caches, "%s", error.message);
}

static void end(void) {
  caches_free(caches);
  kube_client_free(client);
  http_server_free(server);
  loop_free(loop);
}

TestSuite(caches, .fini = end);

static const char *const all[] = {NULL};

static bool is_synced(void *owner) {
  (void)owner;
  return caches_synced(caches);
}

static void count(void *owner, const char *key, const void *projection) {
  (void)key;
  (void)projection;
  ++*(unsigned *)owner;
}

Test(caches, everything_is_found_once_the_first_lists_are_in) {
  begin_with(all);
  cr_assert(!caches_synced(caches));
  cr_assert_null(caches_get(caches, RESOURCE_STACK, "demo", "shop"));
  wait_until(loop, 10000, is_synced, NULL, "the caches are synced");
  cr_assert_eq(lists, count_needed());
  const struct stack *stack = caches_get(caches, RESOURCE_STACK, "demo", "shop");
  cr_assert(stack && !strcmp(stack->resource_version, "5"));
  cr_assert_null(caches_get(caches, RESOURCE_STACK, "other", "shop"));
  unsigned pods = 0, strangers = 0, stacks = 0;
  caches_each(caches, RESOURCE_POD, "demo", "demo/shop", count, &pods);
  caches_each(caches, RESOURCE_POD, "demo", "demo/else", count, &strangers);
  caches_each_stack(caches, count, &stacks);
  cr_assert(pods == 1 && strangers == 0 && stacks == 1);
  struct buffer why;
  buffer_init(&why, 1024);
  cr_assert_null(caches_stale(caches, &why));
  buffer_done(&why);
}

static bool watches_pods(void *owner) {
  (void)owner;
  return pod_watch;
}

static bool has_changed(void *expected) { return strstr(changes, expected); }

Test(caches, a_change_is_told_with_what_was_and_what_is) {
  static const char events[] = "{\"type\": \"MODIFIED\", \"object\": " POD("shop-1", "11") "}\n"
                               "{\"type\": \"ADDED\", \"object\": " POD("shop-2", "12") "}\n"
                               "{\"type\": \"DELETED\", \"object\": " POD("shop-1", "13") "}\n";
  begin_with(all);
  wait_until(loop, 10000, is_synced, NULL, "the caches are synced");
  wait_until(loop, 10000, watches_pods, NULL, "pods are watched");
  cr_assert(strstr(changes, "+supernovastacks"));
  *changes = 0;
  http_server_piece(pod_watch, events, strlen(events));
  wait_until(loop, 10000, has_changed, (char[]){"-+pods +pods -pods"}, "the changes are told");
  cr_assert_null(caches_get(caches, RESOURCE_POD, "demo", "shop-1"));
  cr_assert_not_null(caches_get(caches, RESOURCE_POD, "demo", "shop-2"));
}

Test(caches, each_namespace_has_its_own) {
  static const char *const two[] = {"demo", "other", NULL};
  begin_with(two);
  wait_until(loop, 10000, is_synced, NULL, "the caches are synced");
  cr_assert_eq(lists, 2 * count_needed());
  cr_assert_not_null(caches_get(caches, RESOURCE_STACK, "demo", "shop"));
  cr_assert_null(caches_get(caches, RESOURCE_STACK, "elsewhere", "shop"), "nobody looks there");
}

static bool says_why(void *owner) {
  (void)owner;
  struct buffer why;
  buffer_init(&why, 1024);
  const char *stale = caches_stale(caches, &why);
  bool named = stale && strstr(stale, "ingresses in all namespaces") && strstr(stale, "no right");
  buffer_done(&why);
  return named;
}

Test(caches, the_one_that_holds_everything_up_is_named) {
  refuses_ingresses = true;
  begin_with(all);
  wait_until(loop, 10000, says_why, NULL, "the refusal is told");
  cr_assert(!caches_synced(caches));
  caches_free(NULL);
}

static bool is_listed(void *owner) { return first_lists == *(const unsigned *)owner; }

Test(caches, an_optional_resource_is_watched_while_it_is_served) {
  unsigned once = 1, twice = 2, visited = 0;
  begin_with(all);
  wait_until(loop, 10000, is_synced, NULL, "the caches are synced");
  cr_assert_eq(caches_api(caches, RESOURCE_SERVICE_MONITOR, "demo"), API_ABSENT);
  cr_assert_null(caches_get(caches, RESOURCE_SERVICE_MONITOR, "demo", "shop"));
  caches_each(caches, RESOURCE_SERVICE_MONITOR, "demo", "demo/shop", count, &visited);
  cr_assert_not(caches_serve(caches, RESOURCE_SERVICE_MONITOR, false), "nothing changes");

  cr_assert(caches_serve(caches, RESOURCE_SERVICE_MONITOR, true));
  cr_assert_not(caches_serve(caches, RESOURCE_SERVICE_MONITOR, true), "it is watched already");
  cr_assert_eq(caches_api(caches, RESOURCE_SERVICE_MONITOR, "demo"), API_UNREAD);
  cr_assert(caches_synced(caches), "nothing waits for it");
  wait_until(loop, 10000, is_listed, &once, "its first list is told");
  cr_assert_eq(caches_api(caches, RESOURCE_SERVICE_MONITOR, "demo"), API_SERVED);
  cr_assert_eq(caches_api(caches, RESOURCE_PROMETHEUS_RULE, "demo"), API_ABSENT);

  cr_assert(caches_serve(caches, RESOURCE_SERVICE_MONITOR, false));
  cr_assert_eq(caches_api(caches, RESOURCE_SERVICE_MONITOR, "demo"), API_ABSENT);
  cr_assert(caches_serve(caches, RESOURCE_SERVICE_MONITOR, true));
  wait_until(loop, 10000, is_listed, &twice, "it is listed again");
}

static bool is_refused(void *owner) {
  (void)owner;
  return monitors_refused;
}

Test(caches, an_optional_resource_that_is_refused_blinds_nobody) {
  refuses_monitors = true;
  begin_with(all);
  wait_until(loop, 10000, is_synced, NULL, "the caches are synced");
  cr_assert(caches_serve(caches, RESOURCE_SERVICE_MONITOR, true));
  wait_until(loop, 10000, is_refused, NULL, "it is refused");
  struct buffer why;
  buffer_init(&why, 1024);
  cr_assert_null(caches_stale(caches, &why));
  buffer_done(&why);
  cr_assert_eq(caches_api(caches, RESOURCE_SERVICE_MONITOR, "demo"), API_UNREAD);
}
