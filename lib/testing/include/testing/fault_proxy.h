/* A TCP relay on the test's own loop, between a client and a real server, that misbehaves on command. TLS passes through it untouched.
 *
 *     struct fault_proxy *proxy = fault_proxy_new(loop, "127.0.0.1", 6443);
 *     fault_proxy_port(proxy)              // where the client goes instead
 *     fault_proxy_cut(proxy);              // every connection ends where it stands, as when the server is restarted
 *     fault_proxy_set(proxy, FAULT_REFUSE) // and nobody answers until FAULT_NONE
 */
#pragma once

#include "net/loop.h"

struct fault_proxy;

enum fault {
  FAULT_NONE,
  FAULT_REFUSE, /* new connections are closed at once; those that are open go on */
  FAULT_STALL,  /* nothing passes, nothing is closed: a peer that hangs */
};

struct fault_proxy *fault_proxy_new(struct loop *loop, const char *host, unsigned port); /* HOST is an IPv4 address */
void fault_proxy_free(struct fault_proxy *proxy);                                        /* accepts NULL */
unsigned fault_proxy_port(const struct fault_proxy *proxy);
void fault_proxy_set(struct fault_proxy *proxy, enum fault fault);
void fault_proxy_cut(struct fault_proxy *proxy);
unsigned fault_proxy_connections(const struct fault_proxy *proxy); /* open now */
