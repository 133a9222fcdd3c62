/* What listener, connections and requests share. Inside http/ only. */
#pragma once

#include "base/map.h"
#include "http/connection.h"

struct listener {
  struct http_server *server;
  struct io io;
  enum door door;
};

enum { LISTENERS = 2, REQUEST_POOL = 256 };

struct http_server {
  struct loop *loop;
  struct http_server_settings settings;
  struct listener listeners[LISTENERS];
  size_t listener_count;
  int spare_fd; /* -1 while it could not be had */
  struct connection *connections;
  struct map *addresses; /* connections by address; the value is the number itself */
  struct http_server_counts counts;
  struct request *pool;
  size_t pooled;
  struct buffer scratch;
  struct http_date date;
  uint64_t id_prefix, id_next;
  bool draining;
};

int listener_start(struct listener *listener, struct http_server *server, int fd, enum door door, struct error *error) _must_check_;
void listener_stop(struct listener *listener);

/* A fresh request for C; NULL without memory. */
struct request *request_take(struct connection *c);
void request_release(struct request *request);
/* The head is complete: names it, finds its client and its route. */
void request_begin(struct request *request);
