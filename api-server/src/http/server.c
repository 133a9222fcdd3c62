#include "http/server.h"

#include "base/random.h"
#include "http/server_internal.h"

#include <stdlib.h>
#include <unistd.h>

struct http_server *http_server_new(struct loop *loop, const struct http_server_settings *settings, struct error *error) {
  struct http_server *server = calloc(1, sizeof *server);
  if (!server) return error_oom(error), NULL;
  *server = (struct http_server){.loop = loop, .settings = *settings, .spare_fd = -1, .id_prefix = random_u64(), .id_next = 1};
  buffer_init(&server->scratch, OUT_MAX);
  server->addresses = map_new(NULL);
  if (server->addresses) return server;
  http_server_free(server);
  return error_oom(error), NULL;
}

static void stop_listeners(struct http_server *server) {
  for (size_t i = 0; i < server->listener_count; i++) listener_stop(&server->listeners[i]);
  server->listener_count = 0;
}

void http_server_free(struct http_server *server) {
  if (!server) return;
  stop_listeners(server);
  while (server->connections) http_connection_close(server->connections);
  for (struct request *request; (request = server->pool);) {
    server->pool = request->next;
    arena_free(request->arena);
    free(request);
  }
  if (server->spare_fd >= 0) (void)close(server->spare_fd);
  map_free(server->addresses);
  buffer_done(&server->scratch);
  free(server);
}

int http_server_listen(struct http_server *server, int fd, enum door door, struct error *error) {
  if (server->listener_count == LISTENERS) return error_set(error, ERROR_BUG, "more than %d listeners", LISTENERS);
  if (listener_start(&server->listeners[server->listener_count], server, fd, door, error) < 0) return -1;
  server->listener_count++;
  return 0;
}

void http_server_drain(struct http_server *server) { server->draining = true; }

void http_server_stop(struct http_server *server) {
  server->draining = true;
  stop_listeners(server);
  for (struct connection *c = server->connections, *next; c; c = next) {
    next = c->next;
    if (c->phase == PHASE_IDLE && !c->in.len && !c->out.len) http_connection_close(c);
  }
}

struct http_server_counts http_server_counts(const struct http_server *server) {
  return server->counts;
}
