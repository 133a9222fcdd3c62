#include "verify/looks.h"

#include "testing/http_server.h"
#include "testing/wait.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define METRICS "http_requests_total{route=\"/a\",status=\"200\"} 7\n"
#define JWKS    "{\"keys\":[{\"kid\":\"1\"}]}"

/* One server is the pods and the API server. What it says to a path, by its end; a status of 0 cuts the connection, SILENT says nothing at all. */
enum { SILENT = -1 };

static struct answer {
  const char *ends;
  int status;
  const char *body;
} said[3];

static struct loop *loop;
static struct http_server *server;
static struct kube_config config;
static struct kube_client *client;
static size_t asked_directly, asked_by_proxy;

static void on_request(void *owner, const struct http_server_request *request) {
  (void)owner;
  size_t n = strlen(request->target);
  *(strncmp(request->target, "/api/v1/namespaces/demo/pods/shop-1:", 36) ? &asked_directly : &asked_by_proxy) += 1;
  for (size_t i = 0; i < ELEMENTS(said); i++) {
    size_t end = strlen(said[i].ends);
    if (n >= end && !strcmp(request->target + n - end, said[i].ends) && said[i].status == SILENT) return;
    if (n >= end && !strcmp(request->target + n - end, said[i].ends) && said[i].status)
      return http_server_answer(request->connection, said[i].status, NULL, said[i].body);
  }
  http_server_cut(request->connection);
}

static void begin(void) {
  static char no_proxy[] = "";
  struct error error = {0};
  loop = loop_new(&error);
  server = http_server_new(loop, on_request, NULL, NULL);
  config = (struct kube_config){.server = (char *)(uintptr_t)http_server_url(server), .proxy = no_proxy};
  client = kube_client_new(loop, &config, &(struct kube_client_options){0}, &error);
  cr_assert_not_null(client, "%s", error.message);
  said[0] = (struct answer){"/metrics", 200, METRICS};
  said[1] = (struct answer){"/readyz", 200, "{}"};
  said[2] = (struct answer){"/jwks.json", 200, JWKS};
}

static void end(void) {
  kube_client_free(client);
  http_server_free(server);
  loop_free(loop);
}

TestSuite(prober, .init = begin, .fini = end);

static uint16_t server_port(void) { return (uint16_t)atoi(strrchr(http_server_url(server), ':') + 1); }

/* Bound and not listening: whoever connects is refused, and nobody else gets it. */
static uint16_t dead_port(int *ret_fd) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof here;
  *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(bind(*ret_fd, (struct sockaddr *)&here, size) == 0 && getsockname(*ret_fd, (struct sockaddr *)&here, &size) == 0);
  return ntohs(here.sin_port);
}

static struct probe told;
static int calls;

static void on_done(void *owner, const struct probe *probes, size_t n) {
  cr_assert_eq(n, 1);
  told = *probes;
  calls++;
  *(bool *)owner = true;
}

static struct probe probe(struct prober *prober) {
  bool done = false;
  struct error error = {0};
  struct probing *probing = probing_start(prober, &(struct probe_target){"demo", "shop-1", "127.0.0.1"}, 1, on_done, &done, &error);
  cr_assert_not_null(probing, "%s", error.message);
  cr_assert_not(done);
  wait_for_flag(loop, 20000, &done, "the pod is looked at");
  return told;
}

static struct prober *prober_of(enum pod_access access, uint16_t port) {
  struct error error = {0};
  struct prober *prober = prober_new(&(struct prober_options){client, access, port, port}, &error);
  cr_assert_not_null(prober, "%s", error.message);
  return prober;
}

Test(prober, each_way_to_a_pod) {
  int dead;
  uint16_t port = dead_port(&dead);
  const struct {
    enum pod_access access;
    uint16_t port;
    size_t directly, by_proxy; /* of the questions of two looks */
  } rows[] = {{POD_ACCESS_DIRECT, server_port(), 6, 0},
              {POD_ACCESS_PROXY, server_port(), 0, 6},
              {POD_ACCESS_AUTO, server_port(), 6, 0},
              {POD_ACCESS_AUTO, port, 0, 6}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct prober *prober = prober_of(rows[i].access, rows[i].port);
    asked_directly = asked_by_proxy = 0;
    for (int look = 0; look < 2; look++) {
      struct probe p = probe(prober);
      cr_expect(p.read && p.reading.requests == 7 && p.answered && !*p.failure && !*p.unread, "row %zu: %s %s", i, p.failure, p.unread);
    }
    cr_expect(asked_directly == rows[i].directly && asked_by_proxy == rows[i].by_proxy, "row %zu: %zu %zu", i, asked_directly,
              asked_by_proxy);
    prober_free(prober);
  }
  close(dead);
}

Test(prober, what_is_wrong_is_said) {
  static const struct {
    const char *what;
    size_t at;
    struct answer answer;
    const char *failure, *unread;
  } rows[] = {
      {"not ready", 1, {"/readyz", 503, "{}"}, "GET /readyz: status 503", ""},
      {"no keys", 2, {"/jwks.json", 200, "{\"keys\":[]}"}, "GET /auth/.well-known/jwks.json: there is no key in it", ""},
      {"a page", 2, {"/jwks.json", 200, "<html>"}, "GET /auth/.well-known/jwks.json: ", ""},
      {"no metrics", 0, {"/metrics", 404, ""}, "", "GET /metrics: status 404"},
      {"metrics that lie",
       0,
       {"/metrics", 200, "http_requests_total -1\n"},
       "",
       "GET /metrics: http_requests_total is -1, and a counter is never that"},
  };
  struct prober *prober = prober_of(POD_ACCESS_DIRECT, server_port());
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct answer before = said[rows[i].at];
    said[rows[i].at] = rows[i].answer;
    struct probe p = probe(prober);
    cr_expect(p.answered, "%s", rows[i].what);
    cr_expect_eq(strncmp(p.failure, rows[i].failure, strlen(rows[i].failure)), 0, "%s: %s", rows[i].what, p.failure);
    cr_expect(*rows[i].failure || !*p.failure, "%s: %s", rows[i].what, p.failure);
    cr_expect_str_eq(p.unread, rows[i].unread, "%s", rows[i].what);
    cr_expect_eq(p.read, !*rows[i].unread, "%s", rows[i].what);
    said[rows[i].at] = before;
  }
  prober_free(prober);
}

Test(prober, a_pod_that_does_not_answer) {
  int dead;
  struct prober *prober = prober_of(POD_ACCESS_DIRECT, dead_port(&dead));
  struct probe p = probe(prober);
  cr_expect(!p.answered && !p.read && strstr(p.failure, "refused") && strstr(p.unread, "refused"), "%s; %s", p.failure, p.unread);
  prober_free(prober);
  said[1].status = 0;
  prober = prober_of(POD_ACCESS_PROXY, 1);
  p = probe(prober);
  cr_expect(!p.answered && p.read && !strncmp(p.failure, "GET /readyz: ", 13), "%s", p.failure);
  prober_free(prober);
  close(dead);
}

/* More than is read, of lines that could be metrics. */
static char *huge(void) {
  enum { LINES = 80000 };
  static const char line[] = "http_requests_total 1\n";
  char *text = malloc(LINES * (sizeof line - 1) + 1), *at = text;
  cr_assert_not_null(text);
  for (int i = 0; i < LINES; i++, at += sizeof line - 1) memcpy(at, line, sizeof line);
  return text;
}

Test(prober, metrics_that_lie_are_bounded_and_one_sentence) {
  char *much = huge();
  const struct {
    const char *what;
    int status;
    const char *body, *unread;
  } rows[] = {
      {"garbage", 200, "\x01\x02\xff{{{{", "GET /metrics: line 1 of its metrics is not of the text format"},
      {"a page", 200, "<html><body>it works</body></html>", "GET /metrics: line 1 of its metrics is not of the text format"},
      {"half a line", 200, METRICS "http_requests_total{route=\"/b", "GET /metrics: line 2 of its metrics is not of the text format"},
      {"no number", 200, "http_requests_total NaN\n", "GET /metrics: http_requests_total is nan, and a counter is never that"},
      {"a redirect", 302, "", "GET /metrics: status 302"},
      {"too much", 200, much, "GET /metrics: "},
      {"nothing, for ever", SILENT, "", "GET /metrics: "},
  };
  struct prober *prober = prober_of(POD_ACCESS_DIRECT, server_port());
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    said[0] = (struct answer){"/metrics", rows[i].status, rows[i].body};
    struct probe p = probe(prober);
    cr_expect(!p.read && p.answered && !*p.failure, "%s: the questions are none of its business: %s", rows[i].what, p.failure);
    cr_expect_eq(strncmp(p.unread, rows[i].unread, strlen(rows[i].unread)), 0, "%s: %s", rows[i].what, p.unread);
    cr_expect(strlen(p.unread) > strlen("GET /metrics: "), "%s: %s", rows[i].what, p.unread);
  }
  prober_free(prober);
  free(much);
}

static struct looks looks;

/* What the pod is seen to say at AT_MS, or NULL. */
static const struct probe *look(struct prober *prober, int64_t at_ms) {
  looks_start(&looks, prober, "demo", &(struct look_target){"uid-1", "shop-1", "127.0.0.1"}, 1, at_ms);
  for (int64_t end_ms = loop_now_ms(loop) + 20000; looks.probing && loop_now_ms(loop) < end_ms;) run_for(loop, 5);
  return looks_of(&looks, "uid-1", at_ms);
}

Test(prober, looks_are_kept_and_a_counter_that_goes_back_is_not_believed) {
  struct prober *prober = prober_of(POD_ACCESS_DIRECT, server_port());
  const struct probe *p = look(prober, 10000);
  cr_assert(p && p->read && p->reading.requests == 7);
  cr_expect_null(look(prober, 10500), "no sooner than a second later");
  cr_expect_null(looks_of(&looks, "uid-1", 10001));
  cr_expect_null(looks_of(&looks, "uid-2", 0));
  cr_expect_null(looks_of(NULL, "uid-1", 0));
  said[0].body = "http_requests_total{route=\"/a\",status=\"200\"} 3\n";
  p = look(prober, 12000);
  cr_assert(p && !p->read);
  cr_expect_str_eq(p->unread, "http_requests_total went back from 7 to 3");
  looks_start(&looks, prober, "demo", &(struct look_target){"uid-1", "shop-1", NULL}, 1, 14000);
  looks_done(&looks);
  cr_expect_null(looks_of(&looks, "uid-1", 0));
  prober_free(prober);
}

Test(prober, nothing_is_told_after_it_was_cancelled) {
  bool done = false;
  struct prober *prober = prober_of(POD_ACCESS_DIRECT, server_port());
  struct probing *probing = probing_start(prober, &(struct probe_target){"demo", "shop-1", "127.0.0.1"}, 1, on_done, &done, NULL);
  probing_cancel(probing);
  run_for(loop, 50);
  cr_expect(!done && calls == 0);
  prober_free(prober);
}
