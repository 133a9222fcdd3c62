/* A small HTTP/1.1 server for those who look after the operator: the kubelet's probes and Prometheus (RFC 9112, as far as they need it).
 *
 *     static int answer(void *owner, const char *path, struct buffer *body, const char **content_type) {
 *       if (!strcmp(path, "/healthz")) return buffer_puts(body, "ok\n"), 200;
 *       return 404;
 *     }
 *     struct probes *probes = probes_start(loop, &(struct probes_options){.port = 8081, .answer = answer, .owner = me}, &error);
 *     ...
 *     probes_stop(probes);
 *
 * Bounded whatever comes: 64 connections (the oldest goes for a new one), a request's head of 8 kB, 10 seconds for all of it, one request a
 * connection. GET and HEAD alone; everything else is answered 405, and what is no request 400. Bodies of requests are not read.
 */
#pragma once

#include "base/buffer.h"
#include "net/loop.h"

struct probes;

struct probes_options {
  uint16_t port; /* 0: any free one */

  /* Gives the status of PATH (without its query) and composes the body; an empty one becomes the status' own words. CONTENT_TYPE is plain text
   * unless it is set. Called from the loop; must not call probes_stop. */
  int (*answer)(void *owner, const char *path, struct buffer *body, const char **content_type);
  void *owner;
  int64_t deadline_ms; /* of a connection; 0: 10 s */
};

/* Listens on all addresses, IPv6 and IPv4. NULL with ERROR_TERMINAL where the port can't be had. */
struct probes *probes_start(struct loop *loop, const struct probes_options *options, struct error *error);

/* Cuts what is open. Accepts NULL. */
void probes_stop(struct probes *probes);

uint16_t probes_port(const struct probes *probes);
unsigned probes_connections(const struct probes *probes); /* open now */

DEFINE_CLEANUP(struct probes, probes_freep, probes_stop)
