#include "runtime/probes.h"

#include "testing/wait.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 5000, BIG = 8 * 1024 * 1024 };

static struct loop *loop;
static struct probes *probes;
static char last_path[600];

static void put_many(struct buffer *to, char c, size_t n) {
  char *room = buffer_reserve(to, n);
  memset(room, c, n);
  buffer_grew(to, n);
}

static int answer(void *owner, const char *path, struct buffer *body, const char **content_type) {
  (void)owner;
  snprintf(last_path, sizeof last_path, "%s", path);
  if (!strcmp(path, "/healthz")) return buffer_puts(body, "fine\n"), 200;
  if (!strcmp(path, "/readyz")) return buffer_puts(body, "pods in shop are stale\n"), 503;
  if (!strcmp(path, "/metrics")) *content_type = "text/x-metrics";
  if (!strcmp(path, "/big")) put_many(body, 'x', BIG);
  if (!strcmp(path, "/overflow")) body->failed = true;
  return *path && strcmp(path, "/nothing") != 0 ? 200 : 404;
}

static void begin(int64_t deadline_ms) {
  struct error error = {0};
  loop = loop_new(&error);
  probes = probes_start(loop, &(struct probes_options){.answer = answer, .deadline_ms = deadline_ms}, &error);
  cr_assert(probes, "%s", error.message);
}

static void end(void) {
  probes_stop(probes);
  loop_free(loop);
}

/* A client reads whenever the test looks whether its condition holds. */
struct client {
  int fd;
  struct buffer got;
  bool closed;
};

static void client_open(struct client *client) {
  *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  buffer_init(&client->got, 2 * BIG);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(probes_port(probes)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  cr_assert_eq(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
}

static void client_send(struct client *client, const char *bytes, size_t n) {
  cr_assert_eq(send(client->fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static bool client_is_closed(void *owner) {
  struct client *client = owner;
  char bytes[65536];
  ssize_t n;
  while (!client->closed && (n = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT)) != -1) {
    client->closed = n == 0;
    buffer_append(&client->got, bytes, (size_t)n);
  }
  return client->closed;
}

static void client_close(struct client *client) {
  (void)close(client->fd);
  buffer_done(&client->got);
}

static bool all_closed(void *owner) {
  (void)owner;
  return probes_connections(probes) == 0;
}

static bool all_open(void *count) { return probes_connections(probes) == *(size_t *)count; }

/* Sends REQUEST and gives the answer's text; the test frees it. */
static char *ask_bytes(const char *request, size_t n) {
  struct client client;
  client_open(&client);
  client_send(&client, request, n);
  wait_until(loop, WAIT_MS, client_is_closed, &client, "the request is answered");
  char *text = buffer_take(&client.got);
  client_close(&client);
  wait_until(loop, WAIT_MS, all_closed, NULL, "the connection is closed");
  return text ? text : calloc(1, 1);
}

static char *ask(const char *request) { return ask_bytes(request, strlen(request)); }

Test(probes, answers) {
  static const struct {
    const char *request, *expected;
  } cases[] = {
      {"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nCache-Control: no-store\r\nConnection: "
       "close\r\n\r\nfine\n"},
      {"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nCache-Control: no-store\r\nConnection: "
       "close\r\n\r\n"},
      {"GET /readyz?verbose HTTP/1.0\r\n\r\n",
       "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 23\r\nCache-Control: no-store\r\n"
       "Connection: close\r\n\r\npods in shop are stale\n"},
      {"GET /nothing HTTP/1.1\r\n\r\n",
       "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\nCache-Control: no-store\r\n"
       "Connection: close\r\n\r\nNot Found\n"},
      {"GET /metrics HTTP/1.1\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Type: text/x-metrics\r\nContent-Length: 3\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nOK\n"},
      {"GET /overflow HTTP/1.1\r\n\r\n",
       "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\nCache-Control: no-store\r\n"
       "Connection: close\r\n\r\nInternal Server Error\n"},
  };
  begin(0);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char *got = ask(cases[i].request);
    cr_assert_str_eq(got, cases[i].expected);
    free(got);
  }
  end();
}

/* None of these may reach the callback. */
Test(probes, what_is_no_request_is_refused) {
  static const struct {
    const char *request;
    size_t n;
    int status;
  } cases[] = {
#define BYTES(text) text, sizeof text - 1
      {BYTES("POST /healthz HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), 405},
      {BYTES("GETS /healthz HTTP/1.1\r\n\r\n"), 405},
      {BYTES("get /healthz HTTP/1.1\r\n\r\n"), 405},
      {BYTES("\r\n\r\n"), 400},
      {BYTES("GET\r\n\r\n"), 400},
      {BYTES("GET \r\n/healthz HTTP/1.1\r\n\r\n"), 400},
      {BYTES("GET  /healthz HTTP/1.1\r\n\r\n"), 400},
      {BYTES("GET /healthz\r\n\r\n"), 400},
      {BYTES("GET /healthz HTTP/2.0\r\n\r\n"), 400},
      {BYTES("GET /healthz HTTP/1.1 \r\n\r\n"), 400},
      {BYTES("GET /healthz HTTP/1.\r\n\r\n"), 400},
      {BYTES("GET http://x/healthz HTTP/1.1\r\n\r\n"), 400},
      {BYTES("GET /health\0z HTTP/1.1\r\n\r\n"), 400},
      {BYTES("GET /healthz HTTP/1.1\0\r\n\r\n"), 400},
      {BYTES("GET /he\talthz HTTP/1.1\r\n\r\n"), 400},
      {BYTES("GET /h\xc3\xa9 HTTP/1.1\r\n\r\n"), 400},
      {BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n"), 400},
  };
  begin(0);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char *got = ask_bytes(cases[i].request, cases[i].n);
    cr_assert_eq(atoi(got + strlen("HTTP/1.1 ")), cases[i].status, "case %zu: %s", i, got);
    cr_assert_eq(strstr(got, "Allow: GET, HEAD\r\n") != NULL, cases[i].status == 405);
    free(got);
  }
  cr_assert_str_empty(last_path);
  end();
}

/* The path's slash counts. */
static char *request_of(size_t path_bytes, size_t header_bytes) {
  struct buffer request;
  buffer_init(&request, 64 * 1024);
  buffer_puts(&request, "GET /");
  put_many(&request, 'p', path_bytes - 1);
  buffer_puts(&request, " HTTP/1.1\r\nX: ");
  put_many(&request, 'h', header_bytes);
  buffer_puts(&request, "\r\n\r\n");
  return buffer_take(&request);
}

Test(probes, heads_are_bounded) {
  static const struct {
    size_t path, header;
    int status;
  } cases[] = {{511, 10, 200}, {512, 10, 404}, {2000, 10, 404}, {10, 8000, 200}, {10, 9000, 431}, {9000, 10, 431}};
  begin(0);
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char *request = request_of(cases[i].path, cases[i].header), *got = ask(request);
    cr_assert_eq(atoi(got + strlen("HTTP/1.1 ")), cases[i].status, "case %zu", i);
    free(got);
    free(request);
  }
  end();
}

Test(probes, a_request_may_come_byte_by_byte) {
  static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  begin(0);
  struct client client;
  client_open(&client);
  for (size_t i = 0; i < sizeof request - 1; i++) {
    client_send(&client, request + i, 1);
    cr_assert_eq(loop_turn(loop, 100, NULL), 0);
  }
  wait_until(loop, WAIT_MS, client_is_closed, &client, "the request is answered");
  cr_assert(strstr(buffer_text(&client.got), "fine"));
  client_close(&client);
  end();
}

Test(probes, one_request_a_connection) {
  begin(0);
  char *got = ask("GET /healthz HTTP/1.1\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n");
  cr_assert(strstr(got, "fine"));
  cr_assert_null(strstr(got, "stale"));
  free(got);
  end();
}

Test(probes, a_big_body_comes_whole) {
  begin(0);
  struct client client;
  client_open(&client);
  client_send(&client, "GET /big HTTP/1.1\r\n\r\n", 21);
  wait_until(loop, WAIT_MS, client_is_closed, &client, "the body is there");
  cr_assert_gt(client.got.len, (size_t)BIG);
  client_close(&client);
  end();
}

/* One that says nothing, one that stops in the middle, one that does not read, one that does not close. */
Test(probes, who_is_slow_is_cut) {
  static const char *const sent[] = {"", "GET /hea", "GET /big HTTP/1.1\r\n\r\n", "GET /healthz HTTP/1.1\r\n\r\n"};
  struct client clients[ELEMENTS(sent)];
  begin(2000);
  for (size_t i = 0; i < ELEMENTS(sent); i++) {
    client_open(&clients[i]);
    client_send(&clients[i], sent[i], strlen(sent[i]));
  }
  wait_until(loop, WAIT_MS, all_open, (size_t[]){ELEMENTS(sent)}, "all are accepted");
  wait_until(loop, WAIT_MS, all_closed, NULL, "all are cut");
  for (size_t i = 0; i < ELEMENTS(sent); i++) client_close(&clients[i]);
  end();
}

Test(probes, the_silent_do_not_keep_the_kubelet_out) {
  static struct client silent[70];
  begin(60000);
  for (size_t i = 0; i < ELEMENTS(silent); i++) {
    client_open(&silent[i]);
    cr_assert_eq(loop_turn(loop, 1000, NULL), 0);
  }
  cr_assert_eq(probes_connections(probes), 64);
  struct client kubelet;
  client_open(&kubelet);
  client_send(&kubelet, "GET /healthz HTTP/1.1\r\n\r\n", 25);
  wait_until(loop, WAIT_MS, client_is_closed, &kubelet, "the kubelet is answered");
  cr_assert(strstr(buffer_text(&kubelet.got), "fine"));
  cr_assert(client_is_closed(&silent[0]), "the oldest has gone");
  cr_assert_not(client_is_closed(&silent[69]), "the newest has not");
  for (size_t i = 0; i < ELEMENTS(silent); i++) client_close(&silent[i]);
  client_close(&kubelet);
  end();
}

Test(probes, without_descriptors_it_waits_and_does_not_spin) {
  begin(0);
  struct client client;
  client_open(&client);
  client_send(&client, "GET /healthz HTTP/1.1\r\n\r\n", 25);
  struct rlimit limit, none = {0};
  cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none.rlim_max = limit.rlim_max;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  uint64_t turns = loop_turns(loop);
  run_for(loop, 100);
  cr_assert_lt(loop_turns(loop) - turns, 30);
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  wait_until(loop, WAIT_MS, client_is_closed, &client, "it is answered once there is one");
  cr_assert(strstr(buffer_text(&client.got), "fine"));
  client_close(&client);
  end();
}

Test(probes, a_port_that_is_taken_is_said) {
  begin(0);
  struct error error = {0};
  struct probes_options options = {.port = probes_port(probes), .answer = answer};
  cr_assert_null(probes_start(loop, &options, &error));
  cr_assert_eq(error.kind, ERROR_TERMINAL);
  cr_assert(strstr(error.message, "Address already in use"), "%s", error.message);
  end();
  probes_stop(NULL);
}
