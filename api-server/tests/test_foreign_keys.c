#include "auth/foreign_keys.h"

#include "http/request.h"
#include "http/server.h"
#include "serve/listen.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A worker's loop, an address that serves what the test says, and who waits for it. */
struct world {
  struct loop *loop;
  struct http_server *server;
  struct settings settings;
  struct metrics *metrics;
  struct foreign_keys foreign;
  char url[128];
  unsigned requests, changes, woken;
  int status;
  const char *field, *value, *body;
  struct request *held; /* that nobody has answered yet */
  bool hold;
  struct foreign_wait waits[FOREIGN_WAITERS + 1];
};

static struct world *woken_world;

static void answer(struct world *world, struct request *request) {
  if (world->field) request_field(request, world->field, world->value);
  request_answer(request, world->status, "application/json", world->body, strlen(world->body));
}

static void on_request(struct request *request) {
  struct world *world = request_owner(request);
  world->requests++;
  world->held = world->hold ? request : NULL;
  if (!world->hold) answer(world, request);
}

static void on_answered(struct request *request) { (void)request; }
static void on_changed(void *owner) { ((struct world *)owner)->changes++; }
static void on_woken(struct foreign_wait *wait) { (void)wait, woken_world->woken++; }
static void no_line(const char *line, size_t n, void *owner) { (void)line, (void)n, (void)owner; }

static const struct route routes[] = {{.method = HTTP_GET, .path = "/jwks.json", .doors = DOOR_PUBLIC}, {0}};
static const struct networks no_proxies;

static void serve(struct world *world) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  int fd;
  world->server = http_server_new(world->loop,
                                  &(struct http_server_settings){.routes = routes,
                                                                 .trusted_proxies = &no_proxies,
                                                                 .max_connections = 8,
                                                                 .max_connections_per_address = 8,
                                                                 .header_timeout_ms = 10000,
                                                                 .body_timeout_ms = 10000,
                                                                 .keepalive_timeout_ms = 10000,
                                                                 .dispatch = on_request,
                                                                 .answered = on_answered,
                                                                 .cancelled = on_answered,
                                                                 .owner = world},
                                  NULL);
  cr_assert_eq(listen_on(0, false, &fd, NULL), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  in_port_t port =
      address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port;
  (void)snprintf(world->url, sizeof world->url, "http://127.0.0.1:%d/jwks.json", ntohs(port));
  cr_assert_eq(http_server_listen(world->server, fd, DOOR_PUBLIC, NULL), 0);
}

static struct world *begin(const char *private_hosts) {
  struct world *world = calloc(1, sizeof *world);
  log_set_sink(no_line, NULL);
  world->loop = loop_new(NULL);
  world->status = 200;
  serve(world);
  world->metrics = metrics_new(1, NULL);
  world->settings = (struct settings){.auth_jwks_url = world->url, .auth_jwks_allow_private = private_hosts};
  cr_assert_eq(foreign_keys_start(&world->foreign, world->loop, &world->settings, world->metrics, on_changed, world, NULL), 0);
  for (size_t i = 0; i < ELEMENTS(world->waits); i++) world->waits[i].done = on_woken;
  return woken_world = world;
}

static void end(struct world *world) {
  foreign_keys_stop(&world->foreign);
  http_server_free(world->server);
  metrics_free(world->metrics);
  loop_free(world->loop);
  free(world);
}

static char *set_of(const char *const *kids, size_t count, unsigned bits) {
  struct jwks *keys = jwks_new();
  struct buffer text;
  buffer_init(&text, 1 << 16);
  for (size_t i = 0; i < count; i++) {
    struct rsa_key *key;
    cr_assert_eq(rsa_key_generate(bits, &key, NULL), 0);
    cr_assert_eq(jwks_add(keys, kids[i], key, NULL), 0);
  }
  cr_assert_eq(jwks_print(keys, &text, NULL), 0);
  jwks_free(keys);
  return buffer_take(&text);
}

static bool all_woken(void *owner) { return ((struct world *)owner)->woken > 0; }
static bool was_asked(void *owner) { return ((struct world *)owner)->requests > 0; }
static bool is_settled(void *owner) { return !((struct world *)owner)->foreign.transfer; }

/* As if a cool-down had passed. */
static void pass_cool_down(struct world *world) { world->foreign.asked_ms -= FOREIGN_COOL_DOWN_MS; }

static void ask_and_wait(struct world *world) {
  world->woken = 0;
  cr_assert(foreign_keys_wait(&world->foreign, &world->waits[0]));
  wait_until(world->loop, 5000, all_woken, world, "the fetch");
}

Test(foreign_keys, nothing_is_fetched_without_an_address) {
  struct world *world = begin("127.0.0.1");
  struct foreign_keys none = {0};
  cr_expect_not(foreign_keys_wait(&none, &world->waits[0]));
  struct settings settings = {0};
  cr_assert_eq(foreign_keys_start(&none, world->loop, &settings, world->metrics, on_changed, world, NULL), 0);
  cr_expect_not(foreign_keys_wait(&none, &world->waits[0]));
  foreign_keys_stop(&none);
  cr_expect_eq(world->requests, 0);
  end(world);
}

Test(foreign_keys, many_wait_for_one_fetch) {
  struct world *world = begin("127.0.0.1");
  _cleanup_free_ char *set = set_of((const char *[]){"far"}, 1, 2048);
  world->body = set, world->hold = true;
  for (size_t i = 0; i < FOREIGN_WAITERS; i++) cr_assert(foreign_keys_wait(&world->foreign, &world->waits[i]));
  cr_expect_not(foreign_keys_wait(&world->foreign, &world->waits[FOREIGN_WAITERS]), "one too many");
  foreign_wait_cancel(&world->waits[0]);
  foreign_wait_cancel(&world->waits[0]);
  foreign_wait_cancel(&world->waits[7]);
  wait_until(world->loop, 5000, was_asked, world, "the request");
  cr_expect_eq(world->woken, 0);
  answer(world, world->held);
  wait_until(world->loop, 5000, all_woken, world, "the fetch");
  cr_expect_eq(world->woken, FOREIGN_WAITERS - 2);
  cr_expect_eq(world->requests, 1);
  cr_expect_eq(world->changes, 1);
  cr_expect_not_null(jwks_get(world->foreign.keys, "far"));
  cr_expect_eq(metrics_total(world->metrics, METRIC_FOREIGN_KEYS, ""), 1);
  cr_expect_eq(metrics_total(world->metrics, METRIC_FOREIGN_FETCHES, "result=\"ok\""), 1);
  cr_expect_not(foreign_keys_wait(&world->foreign, &world->waits[0]), "it cools down");
  end(world);
}

Test(foreign_keys, a_new_set_replaces_the_old_one_whole) {
  struct world *world = begin("127.0.0.1");
  _cleanup_free_ char *first = set_of((const char *[]){"a", "b"}, 2, 2048), *second = set_of((const char *[]){"b"}, 1, 2048);
  world->body = first;
  ask_and_wait(world);
  pass_cool_down(world);
  ask_and_wait(world);
  cr_expect_eq(world->changes, 1, "the same set changes nothing");
  cr_expect_not_null(jwks_get(world->foreign.keys, "a"));
  world->body = second;
  pass_cool_down(world);
  ask_and_wait(world);
  cr_expect_eq(world->changes, 2);
  cr_expect_null(jwks_get(world->foreign.keys, "a"));
  cr_expect_not_null(jwks_get(world->foreign.keys, "b"));
  end(world);
}

Test(foreign_keys, failures_keep_the_old_set_for_a_day) {
  static const struct {
    int status;
    const char *field, *body;
  } failures[] = {{500, NULL, "no"}, {200, NULL, "{"}, {200, NULL, "[]"}, {302, "Location", ""}, {204, NULL, ""}};
  struct world *world = begin("127.0.0.1");
  _cleanup_free_ char *set = set_of((const char *[]){"a"}, 1, 2048);
  world->body = set;
  ask_and_wait(world);
  for (size_t i = 0; i < ELEMENTS(failures); i++) {
    world->status = failures[i].status, world->body = failures[i].body;
    world->field = failures[i].field, world->value = "/jwks.json";
    pass_cool_down(world);
    ask_and_wait(world);
    cr_expect_not_null(jwks_get(world->foreign.keys, "a"), "case %zu", i);
    cr_expect(timer_is_set(&world->foreign.timer), "it is tried again by itself");
  }
  cr_expect_eq(world->requests, 1 + ELEMENTS(failures), "no redirect was followed");
  cr_expect_eq(metrics_total(world->metrics, METRIC_FOREIGN_FETCHES, "result=\"failed\""), ELEMENTS(failures));
  cr_expect_eq(world->changes, 1);
  world->foreign.forgotten_ms = 0;
  pass_cool_down(world);
  ask_and_wait(world);
  cr_expect_null(world->foreign.keys);
  cr_expect_eq(world->changes, 2);
  end(world);
}

Test(foreign_keys, it_is_fetched_again_at_its_age) {
  struct world *world = begin("127.0.0.1");
  _cleanup_free_ char *set = set_of((const char *[]){"a"}, 1, 2048);
  world->body = set, world->field = "Cache-Control", world->value = "public, max-age=600";
  ask_and_wait(world);
  int64_t left_ms = world->foreign.timer.due_ms - loop_now_ms(world->loop);
  cr_expect(left_ms > 590000 && left_ms <= 600000, "%lld", (long long)left_ms);
  cr_assert_eq(timer_set(&world->foreign.timer, 1), 0);
  world->requests = 0;
  wait_until(world->loop, 5000, was_asked, world, "the second fetch");
  wait_until(world->loop, 5000, is_settled, world, "its end");
  cr_expect(timer_is_set(&world->foreign.timer));
  end(world);
}

Test(foreign_keys, what_is_no_key_of_ours) {
  struct world *world = begin("127.0.0.1");
  _cleanup_free_ char *huge = malloc(200 << 10);
  world->body = huge;
  memset(huge, ' ', 200 << 10);
  (void)snprintf(huge + (200 << 10) - 16, 16, "{\"keys\":[]}");
  ask_and_wait(world);
  cr_expect_null(world->foreign.keys, "too large");
  world->body =
      "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"weak\",\"e\":\"AQAB\",\"n\":\"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1Wl"
      "UzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7"
      "svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7\"}]}";
  pass_cool_down(world);
  ask_and_wait(world);
  cr_expect_null(world->foreign.keys, "fewer than 2048 bits");
  world->body = "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"ec\"},{\"kty\":\"oct\",\"kid\":\"x\",\"k\":\"AA\"}]}";
  pass_cool_down(world);
  ask_and_wait(world);
  cr_expect_eq(jwks_count(world->foreign.keys), 0, "keys for others");
  end(world);
}

Test(foreign_keys, a_private_address_must_be_named) {
  struct world *world = begin("");
  world->body = "{\"keys\":[]}";
  ask_and_wait(world);
  cr_expect_null(world->foreign.keys);
  cr_expect_eq(world->requests, 0);
  cr_expect_not_null(strstr(world->foreign.failure, "not a public one"), "%s", world->foreign.failure);
  end(world);
}

Test(foreign_keys, how_long_a_set_is_used) {
  static const struct {
    const char *field;
    int64_t age_s;
  } cases[] = {
      {NULL, 300},
      {"", 300},
      {"max-age=600", 600},
      {"public, MAX-AGE=60, must-revalidate", 60},
      {"max-age=\"90\"", 90},
      {"max-age=5", 30},
      {"max-age=0", 30},
      {"max-age=999999", 3600},
      {"max-age=-1", 30},
      {"max-age=x", 30},
      {"max-age=99999999999999999999", 30},
      {"no-store", 30},
      {"max-age=600, no-cache", 30},
      {"s-maxage=7, x-max-age=9", 300},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) cr_expect_eq(foreign_keys_age_s(cases[i].field), cases[i].age_s, "%s", cases[i].field);
}
