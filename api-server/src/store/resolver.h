/* Host names to addresses, off the loop: getaddrinfo(3) blocks, so one helper thread calls it and the answers come back through an eventfd.
 *
 *     struct resolver *resolver = resolver_new(loop, &error);           // one a process, made after fork
 *     request->resolution.done = on_resolved;
 *     resolver_start(resolver, &request->resolution, "db.example", &error);
 *
 * An address literal never waits for the thread. A name that is already being asked for is asked for once more: connections are few.
 * Owner: whoever called resolver_new. Lives on that loop; `done` is never called from within resolver_start.
 */
#pragma once

#include "base/error.h"

#include <netinet/in.h>
#include <stddef.h>

struct loop;
struct resolver;

enum { RESOLVER_ADDRESSES = 8, RESOLVER_QUEUE = 64, RESOLVER_HOST = 256 };

struct resolver_answer {
  size_t count; /* 1 … RESOLVER_ADDRESSES; in the order of RFC 6724, as getaddrinfo gives them */
  char addresses[RESOLVER_ADDRESSES][INET6_ADDRSTRLEN];
};

/* Embedded in what waits for the answer. ANSWER is NULL where ERROR is not. */
struct resolution {
  void (*done)(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error);
  struct resolver_job *job; /* the resolver's own; NULL: not running */
};

struct resolver *resolver_new(struct loop *loop, struct error *error);
void resolver_free(struct resolver *resolver); /* accepts NULL; cancel before what runs; doesn't wait for a slow name server */

/* -1 where RESOLVER_QUEUE names are waiting, or HOST is no host name at all. */
int resolver_start(struct resolver *resolver, struct resolution *resolution, const char *host, struct error *error) _must_check_;
void resolver_cancel(struct resolution *resolution); /* not called back any more; fine when not running */

DEFINE_CLEANUP(struct resolver, resolver_freep, resolver_free)
