#include "net/http_client.h"

#include "testing/http_server.h"
#include "testing/wait.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The world of a test: a server that answers by the target, a client, and what the last exchange came to. */
struct world {
  struct loop *loop;
  struct http_server *server;
  struct http_client *client;
  struct http_connection *held;

  unsigned requests, closed, done, pieces;
  char method[16], head[2048], sent_body[64];
  int status;
  char body[256], streamed[256], header[64];
  int64_t date_ms, retry_after_ms;
  struct error error;
  struct http_transfer *cancel_at_data, *cancel_at_done;
  unsigned send_again;
};

static void on_request(void *owner, const struct http_server_request *request) {
  struct world *world = owner;
  world->requests++;
  (void)snprintf(world->method, sizeof world->method, "%s", request->method);
  (void)snprintf(world->head, sizeof world->head, "%s", request->head);
  (void)snprintf(world->sent_body, sizeof world->sent_body, "%s", request->body);
  world->held = request->connection;
  if (!strcmp(request->target, "/hello"))
    http_server_answer(request->connection, 200, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Colour: red\r\n", "hello");
  else if (!strcmp(request->target, "/busy"))
    http_server_answer(request->connection, 429, "Retry-After: 7\r\n", "slow down");
  else if (!strcmp(request->target, "/moved"))
    http_server_answer(request->connection, 302, "Location: /hello\r\n", "");
  else if (!strcmp(request->target, "/stream"))
    http_server_begin(request->connection, 200, NULL);
  else if (!strcmp(request->target, "/garbage"))
    http_server_raw(request->connection, "this is no HTTP\r\n\r\n");
  else if (!strcmp(request->target, "/cut"))
    http_server_cut(request->connection);
}

static void on_closed(void *owner, struct http_connection *connection) {
  (void)connection;
  ((struct world *)owner)->closed++;
}

static void send_to(struct world *world, const char *target, struct http_request request);

static void on_data(void *owner, const char *bytes, size_t n) {
  struct world *world = owner;
  world->pieces++;
  strncat(world->streamed, bytes, n);
  if (world->cancel_at_data) http_cancel(world->cancel_at_data);
}

static void on_done(void *owner, const struct http_response *response) {
  struct world *world = owner;
  world->done++;
  world->status = response->status;
  world->date_ms = response->date_ms;
  world->retry_after_ms = response->retry_after_ms;
  world->error = response->error;
  (void)snprintf(world->body, sizeof world->body, "%s", response->body);
  const char *header = response->status ? http_response_header(response, "x-colour") : NULL;
  (void)snprintf(world->header, sizeof world->header, "%s", header ? header : "");
  http_cancel(response->transfer);
  http_cancel(world->cancel_at_done);
  if (world->send_again && world->send_again--) send_to(world, "/hello", (struct http_request){0});
}

static struct http_transfer *last_sent;

static void send_to(struct world *world, const char *target, struct http_request request) {
  char url[256];
  struct error error = {0};
  (void)snprintf(url, sizeof url, "%s%s", http_server_url(world->server), target);
  request.url = url;
  request.on_done = on_done;
  request.owner = world;
  unsigned before = world->done;
  last_sent = http_send(world->client, &request, &error);
  cr_assert_not_null(last_sent, "%s", error.message);
  cr_assert_eq(world->done, before, "no answer before http_send has returned");
}

static struct world *world_new(void) {
  struct world *world = calloc(1, sizeof *world);
  cr_assert_not_null(world);
  world->loop = loop_new(NULL);
  cr_assert_not_null(world->loop);
  world->server = http_server_new(world->loop, on_request, on_closed, world);
  world->client =
      http_client_new(world->loop, &(struct http_client_options){.user_agent = "test/1", .proxy = "", .max_connections = 1}, NULL);
  cr_assert_not_null(world->client);
  return world;
}

static void world_free(struct world *world) {
  http_client_free(world->client);
  http_server_free(world->server);
  loop_free(world->loop);
  free(world);
}

static bool is_done(void *owner) { return ((struct world *)owner)->done > 0; }
static bool is_streaming(void *owner) { return ((struct world *)owner)->pieces > 0; }
static bool was_asked(void *owner) { return ((struct world *)owner)->requests > 0; }
static bool is_quiet(void *owner) { return http_client_active(((struct world *)owner)->client) == 0; }
static bool all_closed(void *owner) { return http_server_connections(((struct world *)owner)->server) == 0; }

Test(http_client, an_answer_comes_whole) {
  struct world *world = world_new();
  send_to(world, "/hello", (struct http_request){.headers = (const char *const[]){"X-Ask: 1", NULL}});
  cr_assert_eq(http_client_active(world->client), 1);
  wait_until(world->loop, 5000, is_done, world, "the request is answered");
  cr_assert_eq(world->error.kind, ERROR_NONE);
  cr_assert_eq(world->status, 200);
  cr_assert_str_eq(world->body, "hello");
  cr_assert_str_eq(world->header, "red");
  cr_assert_eq(world->date_ms, 784111777000);
  cr_assert(strstr(world->head, "X-Ask: 1\r\n") && strstr(world->head, "User-Agent: test/1\r\n"));
  cr_assert_eq(http_client_active(world->client), 0);
  world_free(world);
}

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

Test(http_client, methods_carry_their_bodies) {
  struct world *world = world_new();
  for (size_t i = 0; i < ELEMENTS(methods); i++) {
    world->done = 0;
    send_to(world, "/hello", (struct http_request){.method = methods[i], .body = "payload", .body_len = i ? 7 : 0});
    wait_until(world->loop, 5000, is_done, world, "the request is answered");
    cr_expect_str_eq(world->method, methods[i]);
    cr_expect_str_eq(world->sent_body, i ? "payload" : "");
    cr_expect_eq(world->status, 200);
  }
  cr_assert_eq(http_server_connections(world->server), 1, "one connection served them all");
  world_free(world);
}

Test(http_client, statuses_are_answers_and_redirects_are_not_followed) {
  static const struct {
    const char *target, *body;
    int status;
    int64_t retry_after_ms;
  } cases[] = {{"/busy", "slow down", 429, 7000}, {"/moved", "", 302, 0}};
  struct world *world = world_new();
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    world->done = 0;
    send_to(world, cases[i].target, (struct http_request){.on_data = on_data});
    wait_until(world->loop, 5000, is_done, world, "the request is answered");
    cr_expect_eq(world->status, cases[i].status);
    cr_expect_eq(world->retry_after_ms, cases[i].retry_after_ms);
    cr_expect_str_eq(world->body, cases[i].body, "what is no 2xx is collected");
    cr_expect_eq(world->pieces, 0);
  }
  world_free(world);
}

Test(http_client, failures_are_sentences) {
  static const struct {
    const char *target;
    struct http_request request;
    enum error_kind kind;
    const char *words;
  } cases[] = {
      {"/cut", {0}, ERROR_RETRY, "closed without an answer"},
      {"/garbage", {0}, ERROR_RETRY, ""},
      {"/silence", {.timeout_ms = 50}, ERROR_RETRY, "no answer in time"},
      {"/hello", {.max_response = 3}, ERROR_INVALID, "larger than 3 bytes"},
      {"/stream", {.timeout_ms = 50, .on_data = on_data}, ERROR_RETRY, "no answer in time"},
  };
  struct world *world = world_new();
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    world->done = 0;
    send_to(world, cases[i].target, cases[i].request);
    wait_until(world->loop, 5000, is_done, world, "the request has failed");
    cr_expect_eq(world->error.kind, cases[i].kind, "%s: %s", cases[i].target, world->error.message);
    cr_expect(strstr(world->error.message, cases[i].words), "%s: %s", cases[i].target, world->error.message);
    cr_expect(strstr(world->error.message, "http://127.0.0.1:") == world->error.message, "%s", world->error.message);
    cr_expect_eq(world->status, 0);
  }
  world->done = 0;
  send_to(world, "/hello", (struct http_request){0});
  wait_until(world->loop, 5000, is_done, world, "the client still works");
  cr_assert_eq(world->status, 200);
  world_free(world);
}

Test(http_client, a_refused_connection_names_the_address) {
  struct world *world = world_new();
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, so that the port is nobody else's, and not listening */
  cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
            getsockname(fd, (struct sockaddr *)&address, &size) == 0);
  char url[128], expected[128];
  (void)snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%u/path", ntohs(address.sin_port));
  (void)snprintf(expected, sizeof expected, "http://127.0.0.1:%u: Connection refused", ntohs(address.sin_port));
  cr_assert_not_null(http_send(world->client, &(struct http_request){.url = url, .on_done = on_done, .owner = world}, NULL));
  wait_until(world->loop, 5000, is_done, world, "the request has failed");
  cr_assert_str_eq(world->error.message, expected);
  (void)close(fd);
  world_free(world);
}

Test(http_client, what_is_no_http_url_is_refused_at_once) {
  struct world *world = world_new();
  struct error error = {0};
  cr_assert_null(http_send(world->client, &(struct http_request){.url = "file:///etc/passwd", .on_done = on_done, .owner = world}, &error));
  cr_assert_eq(error.kind, ERROR_INVALID);
  world_free(world);
}

Test(http_client, a_stream_arrives_piece_by_piece) {
  struct world *world = world_new();
  send_to(world, "/stream", (struct http_request){.on_data = on_data});
  wait_until(world->loop, 5000, was_asked, world, "the request is there");
  http_server_piece(world->held, "one,", 4);
  wait_until(world->loop, 5000, is_streaming, world, "the first piece is there");
  cr_assert_str_eq(world->streamed, "one,");
  http_server_piece(world->held, "two", 3);
  http_server_end(world->held);
  wait_until(world->loop, 5000, is_done, world, "the stream has ended");
  cr_assert_str_eq(world->streamed, "one,two");
  cr_assert_str_eq(world->body, "");
  cr_assert_eq(world->status, 200);
  world_free(world);
}

Test(http_client, nothing_calls_back_after_cancel) {
  struct world *world = world_new();
  send_to(world, "/hello", (struct http_request){0});
  http_cancel(last_sent); /* while it is queued */
  cr_assert_eq(http_client_active(world->client), 0);
  send_to(world, "/silence", (struct http_request){0});
  wait_until(world->loop, 5000, was_asked, world, "the request is there");
  http_cancel(last_sent); /* while it runs */
  wait_until(world->loop, 5000, all_closed, world, "the server sees that nobody waits");
  cr_assert_eq(world->done, 0);
  cr_assert_eq(world->requests, 1);
  world_free(world);
}

Test(http_client, a_stream_may_be_cancelled_from_its_own_callback) {
  struct world *world = world_new();
  send_to(world, "/stream", (struct http_request){.on_data = on_data});
  world->cancel_at_data = last_sent;
  wait_until(world->loop, 5000, was_asked, world, "the request is there");
  http_server_piece(world->held, "a", 1);
  http_server_piece(world->held, "b", 1);
  wait_until(world->loop, 5000, is_quiet, world, "the transfer is gone");
  run_for(world->loop, 20);
  cr_assert_eq(world->pieces, 1);
  cr_assert_eq(world->done, 0);
  world_free(world);
}

Test(http_client, one_answer_may_cancel_another_and_send_more) {
  struct world *world = world_new();
  send_to(world, "/silence", (struct http_request){0});
  wait_until(world->loop, 5000, was_asked, world, "the request is there");
  world->cancel_at_done = last_sent;
  world->send_again = 0;
  http_client_free(world->client); /* with one under way: it goes quietly */
  cr_assert_eq(world->done, 0);
  world->cancel_at_done = NULL;
  world->client = http_client_new(world->loop, &(struct http_client_options){.proxy = ""}, NULL);
  send_to(world, "/silence", (struct http_request){0});
  world->cancel_at_done = last_sent;
  world->send_again = 3;
  send_to(world, "/hello", (struct http_request){0});
  wait_until(world->loop, 5000, is_done, world, "the first is answered");
  world->cancel_at_done = NULL;
  wait_until(world->loop, 5000, is_quiet, world, "all are answered");
  cr_assert_eq(world->done, 4);
  world_free(world);
}

/* A peer without HTTP/2 serves one exchange a connection: the bound on connections must not make a request wait for a stream to end. */
Test(http_client, the_bound_on_connections_is_lifted_for_http1) {
  struct world *world = world_new();
  send_to(world, "/hello", (struct http_request){0});
  wait_until(world->loop, 5000, is_done, world, "the version is known");
  world->requests = 0;
  send_to(world, "/stream", (struct http_request){.on_data = on_data});
  wait_until(world->loop, 5000, was_asked, world, "the stream is open");
  world->done = 0;
  send_to(world, "/hello", (struct http_request){0});
  wait_until(world->loop, 5000, is_done, world, "a request beside the stream is answered");
  world_free(world);
}

/* The server of these tests is at 127.0.0.1. */
Test(http_client, private_addresses_are_refused_at_connect) {
  static const struct {
    const char *host, *private_hosts;
    bool refused;
  } cases[] = {
      {"127.0.0.1", NULL, true},
      {"127.0.0.1", "", true},
      {"127.0.0.1", "127.0.0.10, 27.0.0.1", true},
      {"127.0.0.1", "elsewhere, 127.0.0.1", false},
      {"localhost", NULL, true},
      {"LocalHost", "a,localhost", false},
      {"localhost", "127.0.0.1", true}, /* the name counts, not what it leads to */
      {"[::ffff:127.0.0.1]", NULL, true},
      {"[::ffff:127.0.0.1]", "::ffff:127.0.0.1", false},
      {"0", NULL, true},
      {"2130706433", NULL, true}, /* libcurl reads numbers as addresses */
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct world *world = world_new();
    char url[128];
    struct error error = {0};
    http_client_free(world->client);
    setenv("http_proxy", http_server_url(world->server), 1); /* would answer anything */
    world->client =
        http_client_new(world->loop, &(struct http_client_options){.refuse_private = true, .private_hosts = cases[i].private_hosts}, NULL);
    (void)snprintf(url, sizeof url, "http://%s:%s/hello", cases[i].host, strrchr(http_server_url(world->server), ':') + 1);
    cr_assert_not_null(http_send(world->client, &(struct http_request){.url = url, .on_done = on_done, .owner = world}, &error));
    wait_until(world->loop, 5000, is_done, world, "the request comes to an end");
    cr_expect_eq(world->error.kind, cases[i].refused ? ERROR_FORBIDDEN : ERROR_NONE, "%zu, %s: %s", i, url, world->error.message);
    cr_expect_eq(world->status, cases[i].refused ? 0 : 200, "%s", url);
    cr_expect_eq(world->requests, !cases[i].refused);
    world_free(world);
  }
}
