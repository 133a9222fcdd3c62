/* Against a real API server: KUBECONFIG names it, as its administrator. Each test works in a namespace of its own and removes it. */
#include "kube/cache.h"
#include "kube/events.h"
#include "kube/lease.h"

#include "base/clock.h"
#include "base/random.h"
#include "testing/fault_proxy.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct kube_resource config_maps = {"", "v1", "configmaps", "ConfigMap", true};
static const struct kube_resource namespaces = {"", "v1", "namespaces", "Namespace", false};
static const struct kube_resource service_accounts = {"", "v1", "serviceaccounts", "ServiceAccount", true};
static const struct kube_resource events = {"events.k8s.io", "v1", "events", "Event", true};

/* --- one request, waited for ---------------------------------------------------------------------------------------------------- */

struct answer {
  bool done;
  int status;
  struct error error;
  cJSON *object;
};

struct world {
  struct loop *loop;
  struct kube_config *config;
  struct kube_client *client;
  char namespace[32];
  struct answer answer;
};

static void on_answer(void *owner, const struct kube_response *response) {
  struct answer *answer = owner;
  answer->done = true;
  answer->status = response->status;
  answer->error = response->error;
  if (!response->error.kind && response->body_len) cr_assert_eq(kube_response_parse(response, &answer->object, NULL), 0);
}

static const struct answer *ask(struct world *world, struct kube_request request) {
  struct error error = {0};
  cJSON_Delete(world->answer.object);
  world->answer = (struct answer){0};
  request.on_done = on_answer;
  request.owner = &world->answer;
  cr_assert_not_null(kube_send(world->client, &request, &error), "%s", error.message);
  wait_for_flag(world->loop, 30000, &world->answer.done, "the API server answers");
  return &world->answer;
}

/* The API server refuses a token before it has read the body, and resets the stream: libcurl 7.88 may then lose the answer's end, which is an
 * ERROR_RETRY, and asked again as every caller does. */
static const struct answer *ask_until_answered(struct world *world, struct kube_request request) {
  for (int tries = 0; tries < 10 && ask(world, request)->error.kind == ERROR_RETRY;) tries++;
  return &world->answer;
}

static const struct answer *act(struct world *world, const char *method, const struct kube_resource *resource, const char *name,
                                const char *body) {
  _cleanup_buffer_ struct buffer path;
  kube_path(&path, resource, resource->namespaced ? world->namespace : NULL, name, NULL);
  return ask(world, (struct kube_request){.method = method,
                                          .path = buffer_text(&path),
                                          .content_type = strcmp(method, "PATCH") ? NULL : KUBE_MERGE_PATCH,
                                          .body = body,
                                          .body_len = body ? strlen(body) : 0});
}

static struct world *world_new(void) {
  struct error error = {0};
  required_variable("KUBECONFIG", "the kubeconfig of a cluster's administrator");
  struct world *world = calloc(1, sizeof *world);
  cr_assert_not_null(world);
  world->loop = loop_new(&error);
  cr_assert_not_null(world->loop, "%s", error.message);
  world->config = kube_config_load(&(struct kube_config_source){0}, &error);
  cr_assert_not_null(world->config, "%s", error.message);
  world->client = kube_client_new(world->loop, world->config, &(struct kube_client_options){.user_agent = "kube-test"}, &error);
  cr_assert_not_null(world->client, "%s", error.message);
  (void)snprintf(world->namespace, sizeof world->namespace, "kube-test-%08x", (unsigned)random_below(1u << 31));
  char body[128];
  (void)snprintf(body, sizeof body, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", world->namespace);
  const struct answer *made = act(world, "POST", &namespaces, NULL, body);
  cr_assert_eq(made->status, 201, "%s", made->error.message);
  return world;
}

/* Without a controller-manager nobody empties a namespace: what a test made goes first. */
static void world_free(struct world *world) {
  act(world, "DELETE", &config_maps, NULL, NULL);
  act(world, "DELETE", &events, NULL, NULL);
  act(world, "DELETE", &namespaces, world->namespace, NULL);
  cr_expect_eq(world->answer.status / 100, 2, "%s", world->answer.error.message);
  cJSON_Delete(world->answer.object);
  kube_client_free(world->client);
  kube_config_free(world->config);
  loop_free(world->loop);
  free(world);
}

static const struct answer *put_config_map(struct world *world, const char *method, int number, const char *value) {
  char body[256], name[32];
  (void)snprintf(name, sizeof name, "item-%d", number);
  (void)snprintf(body, sizeof body,
                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"of\":\"test\"}},\"data\":{"
                 "\"value\":\"%s\"}}",
                 name, value);
  return act(world, method, &config_maps, strcmp(method, "POST") ? name : NULL, body);
}

/* --- requests ------------------------------------------------------------------------------------------------------------------- */

Test(requests, their_errors_say_what_to_do) {
  struct world *world = world_new();
  cr_expect_eq(put_config_map(world, "POST", 1, "a")->status, 201);
  char version[64], body[256];
  (void)snprintf(version, sizeof version, "%s", json_string(world->answer.object, "metadata.resourceVersion", ""));

  const struct answer *answer = put_config_map(world, "POST", 1, "a");
  cr_expect_eq(answer->error.kind, ERROR_EXISTS, "%s", answer->error.message);
  cr_expect_eq(answer->error.cause, 409);
  cr_expect(strstr(answer->error.message, "already exists"), "%s", answer->error.message);

  (void)snprintf(body, sizeof body, "{\"metadata\":{\"resourceVersion\":\"%s\"},\"data\":{\"value\":\"b\"}}", version);
  cr_expect_eq(act(world, "PATCH", &config_maps, "item-1", body)->status, 200);
  cr_expect_eq(act(world, "PATCH", &config_maps, "item-1", body)->error.kind, ERROR_CONFLICT, "the version was used up by the first");
  cr_expect_eq(act(world, "GET", &config_maps, "missing", NULL)->error.kind, ERROR_NOT_FOUND);
  cr_expect_eq(
      act(world, "POST", &config_maps, NULL, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"NO\"}}")->error.kind,
      ERROR_INVALID);
  cr_expect_eq(act(world, "POST", &config_maps, NULL, "no JSON")->error.kind, ERROR_INVALID);
  cr_expect_eq(ask(world, (struct kube_request){.path = "/api/v1/configmaps?limit=1&continue=nonsense"})->error.kind, ERROR_INVALID);
  world_free(world);
}

static void count_done(void *owner, const struct kube_response *response) {
  cr_expect_eq(response->status, 200, "%s", response->error.message);
  ++*(int *)owner;
}
static bool are_two_hundred(void *owner) { return *(int *)owner == 200; }

Test(requests, two_hundred_at_once_are_all_answered_and_counted) {
  struct world *world = world_new();
  int done = 0;
  for (int i = 0; i < 200; i++)
    cr_assert_not_null(kube_send(world->client, &(struct kube_request){.path = "/version", .on_done = count_done, .owner = &done}, NULL));
  cr_expect_eq(kube_client_in_flight(world->client), 200);
  wait_until(world->loop, 30000, are_two_hundred, &done, "all are answered");
  cr_expect_eq(kube_client_in_flight(world->client), 0);
  size_t n;
  uint64_t gets = 0;
  const struct kube_request_count *counts = kube_client_counts(world->client, &n);
  for (size_t i = 0; i < n; i++)
    if (!strcmp(counts[i].method, "GET") && counts[i].code == 200) gets = counts[i].count;
  cr_expect_eq(gets, 200);
  world_free(world);
}

Test(requests, a_server_that_the_authority_did_not_sign_is_refused) {
  struct world *world = world_new();
  struct kube_config config = *world->config;
  struct kube_client *trusting = world->client;
  config.ca_pem = config.certificate_pem; /* a certificate, but nobody's authority */
  world->client = kube_client_new(world->loop, &config, &(struct kube_client_options){.user_agent = "kube-test"}, NULL);
  cr_assert_not_null(world->client);
  ask(world, (struct kube_request){.path = "/version"});
  cr_expect_eq(world->answer.error.kind, ERROR_RETRY);
  cr_expect(strstr(world->answer.error.message, "certificate is not trusted"), "%s", world->answer.error.message);
  kube_client_free(world->client);
  config = *world->config;
  config.tls_server_name = "elsewhere.example";
  world->client = kube_client_new(world->loop, &config, &(struct kube_client_options){.user_agent = "kube-test"}, NULL);
  ask(world, (struct kube_request){.path = "/version"});
  cr_expect(strstr(world->answer.error.message, "not for this name"), "%s", world->answer.error.message);
  kube_client_free(world->client);
  config.tls_server_name = "kubernetes.default";
  world->client = kube_client_new(world->loop, &config, &(struct kube_client_options){.user_agent = "kube-test"}, NULL);
  cr_expect_eq(ask(world, (struct kube_request){.path = "/version"})->status, 200, "%s", world->answer.error.message);
  kube_client_free(world->client);
  world->client = trusting;
  world_free(world);
}

/* A token of a service account authenticates as it, from a file that is read again when it is refused. */
Test(requests, a_token_file_that_rotates) {
  struct world *world = world_new();
  struct error error = {0};
  char name[64], path[256];
  act(world, "POST", &service_accounts, NULL, "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":\"tester\"}}");
  cr_assert_eq(world->answer.status, 201, "%s", world->answer.error.message);
  (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/serviceaccounts/tester/token", world->namespace);
  static const char request[] =
      "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{\"expirationSeconds\":600}}";
  ask(world, (struct kube_request){.method = "POST", .path = path, .body = request, .body_len = strlen(request)});
  cr_assert_eq(world->answer.status, 201, "%s", world->answer.error.message);
  char *token = strdup(json_string(world->answer.object, "status.token", ""));

  strcpy(name, "/tmp/kube-token-XXXXXX");
  FILE *file = fdopen(mkstemp(name), "w+");
  cr_assert(file && fputs("a.wrong.token", file) >= 0 && fflush(file) == 0);
  struct kube_config config = *world->config;
  config.certificate_pem = config.key_pem = config.token = NULL;
  config.token_file = name;
  struct kube_client *admin = world->client;
  world->client = kube_client_new(world->loop, &config, &(struct kube_client_options){.user_agent = "kube-test"}, &error);
  cr_assert_not_null(world->client, "%s", error.message);
  static const char review[] = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}";
  const struct kube_request who = {
      .method = "POST", .path = "/apis/authentication.k8s.io/v1/selfsubjectreviews", .body = review, .body_len = strlen(review)};
  cr_expect_eq(ask_until_answered(world, who)->error.kind, ERROR_FORBIDDEN, "a wrong token is refused: %s", world->answer.error.message);
  rewind(file);
  cr_assert(ftruncate(fileno(file), 0) == 0 && fputs(token, file) >= 0 && fputs("\n", file) >= 0 && fflush(file) == 0);
  cr_expect_eq(ask_until_answered(world, who)->status, 201, "the token was read again: %s", world->answer.error.message);
  cr_expect(strstr(json_string(world->answer.object, "status.userInfo.username", ""), ":tester"));
  kube_client_free(world->client);
  world->client = admin;
  (void)fclose(file);
  (void)remove(name);
  free(token);
  act(world, "DELETE", &service_accounts, "tester", NULL);
  world_free(world);
}

/* --- caches --------------------------------------------------------------------------------------------------------------------- */

struct item {
  char *value;
};

static void *item_project(const cJSON *object, struct error *error) {
  struct item *item = calloc(1, sizeof *item);
  if (item) item->value = strdup(json_string(object, "data.value", ""));
  if (item && item->value) return item;
  free(item);
  error_oom(error);
  return NULL;
}

static void item_free(void *projection) {
  struct item *item = projection;
  free(item->value);
  free(item);
}

static const char *item_index(const void *projection) { return ((const struct item *)projection)->value; }
static const struct cache_kind items = {item_project, item_free, item_index};

struct seen {
  int added, changed, removed, synced;
};

static void on_change(void *owner, const char *key, const void *old, const void *now) {
  struct seen *seen = owner;
  cr_expect(strchr(key, '/'));
  seen->added += !old;
  seen->changed += old && now;
  seen->removed += !now;
}

static void on_synced(void *owner) { ((struct seen *)owner)->synced++; }
static bool is_synced(void *owner) { return cache_synced(owner); }

static struct cache *start_cache(struct world *world, struct seen *seen, int64_t silence_ms, bool metadata_only) {
  struct error error = {0};
  struct cache *cache = cache_new(world->client,
                                  &(struct cache_options){.resource = &config_maps,
                                                          .namespace = world->namespace,
                                                          .labels = "of=test",
                                                          .metadata_only = metadata_only,
                                                          .page_size = 7,
                                                          .silence_ms = silence_ms,
                                                          .kind = &items,
                                                          .on_change = on_change,
                                                          .on_synced = on_synced,
                                                          .owner = seen},
                                  &error);
  cr_assert_not_null(cache, "%s", error.message);
  return cache;
}

static void count_visit(void *owner, const char *key, const void *projection) {
  cr_expect(key && projection);
  ++*(int *)owner;
}

static int count_index(const struct cache *cache, const char *index) {
  int count = 0;
  cache_each_indexed(cache, index, count_visit, &count);
  return count;
}

static const struct item *get_item(struct world *world, struct cache *cache, int number) {
  char key[64];
  (void)snprintf(key, sizeof key, "%s/item-%d", world->namespace, number);
  return cache_get(cache, key);
}

struct expectation {
  const struct seen *seen;
  int added, changed, removed;
};
static bool has_seen(void *owner) {
  const struct expectation *expected = owner;
  return expected->seen->added >= expected->added && expected->seen->changed >= expected->changed &&
         expected->seen->removed >= expected->removed;
}
static void wait_seen(struct world *world, const struct seen *seen, int added, int changed, int removed) {
  struct expectation expectation = {seen, added, changed, removed};
  wait_until(world->loop, 40000, has_seen, &expectation, "the cache has seen as much as was done");
}

Test(cache, lists_in_pages_and_follows) {
  struct world *world = world_new();
  struct seen seen = {0};
  for (int i = 0; i < 30; i++) cr_assert_eq(put_config_map(world, "POST", i, i % 2 ? "odd" : "even")->status, 201);
  struct cache *cache = start_cache(world, &seen, 0, false);
  wait_until(world->loop, 20000, is_synced, cache, "the cache is synced");
  cr_expect_eq(cache_count(cache), 30);
  cr_expect_eq(seen.added, 30);
  cr_expect_eq(seen.synced, 1);
  cr_expect_eq(count_index(cache, "odd"), 15);
  cr_expect_eq(count_index(cache, "none"), 0);

  put_config_map(world, "PATCH", 1, "even");
  put_config_map(world, "PATCH", 2, "other");
  act(world, "DELETE", &config_maps, "item-3", NULL);
  put_config_map(world, "POST", 30, "odd");
  wait_seen(world, &seen, 31, 2, 1);
  cr_expect_eq(cache_count(cache), 30);
  cr_expect_str_eq(get_item(world, cache, 2)->value, "other");
  cr_expect_null(get_item(world, cache, 3));
  cr_expect_eq(count_index(cache, "odd"), 14);
  cr_expect_eq(count_index(cache, "even"), 15);
  cr_expect_eq(watch_state(cache_watch(cache)), WATCH_WATCHING);
  cr_expect_eq(watch_counts(cache_watch(cache))->lists, 1);
  cr_expect(!cache_stale(cache));
  cache_free(cache);
  world_free(world);
}

Test(cache, metadata_alone_has_no_data) {
  struct world *world = world_new();
  struct seen seen = {0};
  put_config_map(world, "POST", 1, "a");
  struct cache *cache = start_cache(world, &seen, 0, true);
  wait_until(world->loop, 20000, is_synced, cache, "the cache is synced");
  cr_assert_not_null(get_item(world, cache, 1));
  cr_expect_str_eq(get_item(world, cache, 1)->value, "");
  put_config_map(world, "POST", 2, "b");
  wait_seen(world, &seen, 2, 0, 0);
  cr_expect_str_eq(get_item(world, cache, 2)->value, "");
  cache_free(cache);
  world_free(world);
}

/* A silent watch is torn down and taken up again from where it was: nothing is listed anew, nothing is lost. */
Test(cache, a_silent_watch_is_replaced) {
  struct world *world = world_new();
  struct seen seen = {0};
  struct cache *cache = start_cache(world, &seen, 1500, false);
  wait_until(world->loop, 20000, is_synced, cache, "the cache is synced");
  run_for(world->loop, 3000);
  cr_expect_geq(watch_counts(cache_watch(cache))->silences, 1);
  put_config_map(world, "POST", 1, "a");
  wait_seen(world, &seen, 1, 0, 0);
  cr_expect_eq(watch_counts(cache_watch(cache))->lists, 1);
  cache_free(cache);
  world_free(world);
}

/* More watches than one connection has streams: each follows, and requests still pass. */
Test(cache, a_hundred_and_twenty_watches) {
  enum { COUNT = 120 };
  struct world *world = world_new();
  struct seen seen = {0};
  struct cache *caches[COUNT];
  for (int i = 0; i < COUNT; i++) caches[i] = start_cache(world, &seen, 0, false);
  for (int i = 0; i < COUNT; i++) wait_until(world->loop, 60000, is_synced, caches[i], "the cache is synced");
  put_config_map(world, "POST", 1, "a");
  wait_seen(world, &seen, COUNT, 0, 0);
  cr_expect_eq(seen.added, COUNT);
  for (int i = 0; i < COUNT; i++) cache_free(caches[i]);
  world_free(world);
}

/* --- a network and an API server that fail ------------------------------------------------------------------------------------- */

/* The same world, reached through a relay: its own client, which the caller frees with relay_free. */
struct relay {
  struct fault_proxy *proxy;
  struct kube_config config;
  struct kube_client *direct;
  char server[64];
};

static void relay_init(struct relay *relay, struct world *world) {
  char host[64];
  unsigned port;
  cr_assert_eq(sscanf(world->config->server, "https://%63[0-9.]:%u", host, &port), 2, "%s: expected https://IPv4:PORT",
               world->config->server);
  relay->proxy = fault_proxy_new(world->loop, host, port);
  (void)snprintf(relay->server, sizeof relay->server, "https://127.0.0.1:%u", fault_proxy_port(relay->proxy));
  relay->config = *world->config;
  relay->config.server = relay->server;
  relay->config.tls_server_name = host; /* what the certificate names; checked for each connection */
  if (!strcmp(host, "127.0.0.1")) relay->config.tls_server_name = NULL;
  relay->direct = world->client;
  world->client = kube_client_new(world->loop, &relay->config, &(struct kube_client_options){.user_agent = "kube-test"}, NULL);
  cr_assert_not_null(world->client);
}

static void relay_done(struct relay *relay, struct world *world) {
  kube_client_free(world->client);
  world->client = relay->direct;
  fault_proxy_free(relay->proxy);
}

static bool is_broken(void *owner) { return watch_state(cache_watch(owner)) == WATCH_BROKEN; }

/* Connections are cut and refused for a while; what was done meanwhile is seen afterwards, without a new list. */
Test(faults, a_restarted_api_server_is_found_again) {
  struct world *world = world_new();
  struct relay relay;
  struct seen seen = {0};
  put_config_map(world, "POST", 1, "a");
  relay_init(&relay, world);
  struct cache *cache = start_cache(world, &seen, 0, false);
  wait_until(world->loop, 20000, is_synced, cache, "the cache is synced");
  struct kube_client *relayed = world->client;
  fault_proxy_set(relay.proxy, FAULT_REFUSE);
  fault_proxy_cut(relay.proxy);
  wait_until(world->loop, 10000, is_broken, cache, "the watch is known to be broken");
  cr_expect_eq(cache_count(cache), 1, "the last set is kept");
  cr_expect_eq(act(world, "GET", &config_maps, "item-1", NULL)->error.kind, ERROR_RETRY, "%s", world->answer.error.message);
  world->client = relay.direct;
  put_config_map(world, "PATCH", 1, "b");
  put_config_map(world, "POST", 2, "a");
  world->client = relayed;
  fault_proxy_set(relay.proxy, FAULT_NONE);
  wait_seen(world, &seen, 2, 1, 0);
  cr_expect_eq(watch_counts(cache_watch(cache))->lists, 1);
  cr_expect_eq(act(world, "GET", &config_maps, "item-1", NULL)->status, 200, "%s", world->answer.error.message);
  cache_free(cache);
  relay_done(&relay, world);
  world_free(world);
}

/* A peer that hangs: requests end in time, the watch is torn down for its silence, and both come back. */
Test(faults, a_hanging_api_server_is_borne) {
  struct world *world = world_new();
  struct relay relay;
  struct seen seen = {0};
  relay_init(&relay, world);
  struct cache *cache = start_cache(world, &seen, 1000, false);
  wait_until(world->loop, 20000, is_synced, cache, "the cache is synced");
  fault_proxy_set(relay.proxy, FAULT_STALL);
  cr_expect_eq(ask(world, (struct kube_request){.path = "/version", .timeout_ms = 500})->error.kind, ERROR_RETRY);
  wait_until(world->loop, 10000, is_broken, cache, "the silence is noticed");
  fault_proxy_set(relay.proxy, FAULT_NONE);
  put_config_map(world, "POST", 1, "a");
  cr_expect_eq(world->answer.status, 201, "%s", world->answer.error.message);
  wait_seen(world, &seen, 1, 0, 0);
  cache_free(cache);
  relay_done(&relay, world);
  world_free(world);
}

/* --- the Lease ------------------------------------------------------------------------------------------------------------------ */

struct candidate {
  struct lease *lease;
  int gained, lost;
  bool released;
};

enum { LEASE_MS = 9000 };

static void on_leadership(void *owner, bool leads) {
  struct candidate *candidate = owner;
  candidate->gained += leads;
  candidate->lost += !leads;
}
static void on_released(void *owner) { ((struct candidate *)owner)->released = true; }
static bool leads(void *owner) { return lease_held(((struct candidate *)owner)->lease); }

static void run_candidate(struct world *world, struct candidate *candidate, const char *identity) {
  struct error error = {0};
  candidate->lease = lease_new(world->client,
                               &(struct lease_options){.namespace = world->namespace,
                                                       .name = "leader",
                                                       .identity = identity,
                                                       .duration_ms = LEASE_MS,
                                                       .renew_deadline_ms = LEASE_MS * 2 / 3,
                                                       .retry_ms = 300,
                                                       .on_change = on_leadership,
                                                       .owner = candidate},
                               &error);
  cr_assert_not_null(candidate->lease, "%s", error.message);
}

static const struct kube_resource leases = {"coordination.k8s.io", "v1", "leases", "Lease", true};

Test(lease, one_leads_and_hands_over) {
  struct world *world = world_new();
  struct candidate a = {0}, b = {0};
  run_candidate(world, &a, "a");
  wait_until(world->loop, 10000, leads, &a, "the first one leads");
  run_candidate(world, &b, "b");
  run_for(world->loop, 1500);
  cr_expect(lease_held(a.lease) && !lease_held(b.lease), "a renews, b waits");
  cr_expect_str_eq(lease_holder(b.lease), "a");
  int64_t since_ms = clock_monotonic_ms();
  lease_release(a.lease, on_released, &a);
  cr_expect(!lease_held(a.lease), "from the moment that it is given up");
  wait_for_flag(world->loop, 5000, &a.released, "the Lease is given up");
  wait_until(world->loop, 10000, leads, &b, "the other one leads");
  cr_expect_lt(clock_monotonic_ms() - since_ms, LEASE_MS - 1500, "without waiting for the Lease to expire");
  cr_expect_eq(lease_transitions(b.lease), 1);
  lease_free(a.lease);

  a = (struct candidate){0};
  lease_free(b.lease); /* dies without a word */
  run_candidate(world, &a, "a2");
  since_ms = clock_monotonic_ms();
  wait_until(world->loop, 20000, leads, &a, "the Lease has expired");
  cr_expect_geq(clock_monotonic_ms() - since_ms, LEASE_MS - 500, "by our own clock, for the duration that the record names");
  cr_expect_eq(lease_transitions(a.lease), 2);
  lease_release(a.lease, on_released, &a);
  wait_for_flag(world->loop, 5000, &a.released, "the Lease is given up");
  lease_free(a.lease);
  act(world, "DELETE", &leases, "leader", NULL);
  world_free(world);
}

static bool has_lost(void *owner) { return ((struct candidate *)owner)->lost > 0; }

Test(lease, a_leader_whose_lease_was_taken_notices) {
  struct world *world = world_new();
  struct candidate a = {0};
  run_candidate(world, &a, "a");
  wait_until(world->loop, 10000, leads, &a, "it leads");
  act(world, "PATCH", &leases, "leader", "{\"spec\":{\"holderIdentity\":\"thief\"}}");
  cr_assert_eq(world->answer.status, 200, "%s", world->answer.error.message);
  wait_until(world->loop, 5000, has_lost, &a, "it knows that it has lost");
  cr_expect(!lease_held(a.lease));
  cr_expect_str_eq(lease_holder(a.lease), "thief");
  lease_free(a.lease);
  act(world, "DELETE", &leases, "leader", NULL);
  world_free(world);
}

/* --- events --------------------------------------------------------------------------------------------------------------------- */

static bool none_in_flight(void *owner) { return events_in_flight(owner) == 0; }

Test(events, repetitions_make_a_series) {
  struct world *world = world_new();
  struct event_recorder *recorder = events_new(world->client, &(struct event_recorder_options){"example.com/tester", "pod-1"}, NULL);
  cr_assert_not_null(recorder);
  struct event_subject subject = {.resource = &config_maps, .namespace = world->namespace, .name = "web", .uid = "1234"};
  char note[2048];
  memset(note, 'n', sizeof note - 1);
  note[sizeof note - 1] = '\0';
  for (int i = 0; i < 3; i++) {
    events_record(recorder, &subject, EVENT_WARNING, "Failed", "Try", "attempt \"%d\" of 5\nfailed", 2);
    wait_until(world->loop, 10000, none_in_flight, recorder, "it is written");
  }
  events_record(recorder, &subject, EVENT_NORMAL, "Long", "Try", "%s", note);
  wait_until(world->loop, 10000, none_in_flight, recorder, "it is written");
  cr_expect_eq(events_counts(recorder)->created, 2);
  cr_expect_eq(events_counts(recorder)->repeated, 2);
  cr_expect_eq(events_counts(recorder)->failed, 0);

  const struct answer *answer = act(world, "GET", &events, NULL, NULL);
  const cJSON *list = json_get(answer->object, "items"), *item;
  cr_expect_eq(cJSON_GetArraySize(list), 2);
  cJSON_ArrayForEach(item, list) {
    bool failed = !strcmp(json_string(item, "reason", ""), "Failed");
    cr_expect_str_eq(json_string(item, "regarding.name", ""), "web");
    cr_expect_eq(json_int(item, "series.count", 0), failed ? 2 : 0);
    if (failed) cr_expect_str_eq(json_string(item, "note", ""), "attempt \"2\" of 5\nfailed");
  }
  for (int i = 0; i < 40; i++) events_record(recorder, &subject, EVENT_NORMAL, "Many", "Try", "number %d", i);
  wait_until(world->loop, 10000, none_in_flight, recorder, "they are written");
  cr_expect_eq(events_counts(recorder)->created, 24,
               "no more than a burst but for warnings' part, of which the first repetition took its part");
  cr_expect_eq(events_counts(recorder)->dropped, 18);
  for (int i = 0; i < 20; i++) events_record(recorder, &subject, EVENT_WARNING, "Answer", "Try", "number %d", i);
  wait_until(world->loop, 10000, none_in_flight, recorder, "they are written");
  cr_expect_eq(events_counts(recorder)->created, 24 + 15);
  cr_expect_eq(events_counts(recorder)->dropped, 18 + 5);
  events_free(recorder);
  world_free(world);
}
