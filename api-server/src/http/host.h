/* The host of the worker's loop: libwebsockets, which polls our own epoll set as ONE raw file.
 *
 * HTTP never passes through libwebsockets' own HTTP role; it lives in lib/net's loop. libwebsockets does WebSocket, on connections that are
 * handed over to it; everything it owns is served between the turns of our loop, in the same thread. While no WebSocket is open our loop waits by
 * itself, since a poll around it costs two system calls and a second wake-up at each turn.
 *
 *     struct host *host = host_new(loop, &error);      // after NOFILE was bounded: the context's tables are as long as that
 *     host_run(host, &error);                          // until host_stop(), from within a callback of the loop
 *     host_free(host);
 */
#pragma once

#include "base/error.h"

struct loop;
struct host;

/* Borrows LOOP. NULL (ERROR_TERMINAL) where libwebsockets refuses. */
struct host *host_new(struct loop *loop, struct error *error);
void host_free(struct host *host); /* accepts NULL; the loop stays */

int host_run(struct host *host, struct error *error) _must_check_;
void host_stop(struct host *host);

struct websockets *host_websockets(struct host *host); /* websocket.h */

DEFINE_CLEANUP(struct host, host_freep, host_free)
