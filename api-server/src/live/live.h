/* Who listens to changes: of a worker's clients, each to those of the profile that it is, and all to those of the design tokens.
 *
 *     struct live_client *client = live_client_new(live, &call->who, ticket, LIVE_FRESH);
 *     ... open live_wire(client): its `closed` calls live_client_free ...
 *     live_begin(client);
 *
 *     live_changed(live, "user-123");                                                        // PostgreSQL's NOTIFY says so
 *     live_tell_all(live, "design-tokens", json, n);
 *
 * A client stands at a position, the seq of the newest ledger row of its profile that it was told. On a change its rows from there on are read
 * and told in their order, each as an event `entitlements` with what the profile owns after it; a fresh client, or one that is more than
 * LIVE_REPLAY_MAX rows behind, is told what the profile owns now. So all replicas agree, and nothing is told twice or left out, however the
 * hint came: as a notification, by Redis, or by looking each second where neither can be had (behind a pooler).
 *
 * A client is let go when its credential ends: at its time, with the key or the session in which it began (looked at each LIVE_LOOK_MS), when it
 * is too far behind (wire.h), or when the server ends. Owner: of all clients; live_free lets all go. One a worker.
 */
#pragma once

#include "auth/authenticate.h"
#include "auth/seal.h"
#include "live/wire.h"
#include "net/loop.h"
#include "store/redis_pubsub.h"

struct live;

enum { LIVE_BEAT_MS = 15000, LIVE_LOOK_MS = 15000, LIVE_REPLAY_MAX = 100, LIVE_FRESH = -1 };

/* The channel of NOTIFY, whose payload is the profile, or empty where something else than a ledger changed, and of Redis, where any message says that something was written. */
#define LIVE_CHANNEL "supernova_live"

struct live_settings {
  struct authenticator *auth;
  struct db *db;
  struct redis *redis;         /* or NULL */
  bool is_notified;            /* live_changed is called for each change */
  void (*looked)(void *owner); /* somebody listens, and what isn't any profile's may have changed as well */
  void *owner;
  int64_t max_clients;
  struct series *clients; /* how many there are */
};

struct live *live_new(struct loop *loop, const struct live_settings *settings, struct error *error);
void live_free(struct live *live); /* accepts NULL */

/* One who is about to listen; NULL beyond max_clients, or without memory. */
struct live_client;
struct live_client *live_client_new(struct live *live, const struct principal *who, const char *ticket, int64_t position);
struct wire *live_wire(struct live_client *client);
struct live_client *live_client_of(struct wire *wire);

/* Its wire is open: tells it what it is owed. */
void live_begin(struct live_client *client);
void live_client_free(struct live_client *client); /* also of one that has not begun; its wire must be closed or never have been open */

/* PROFILE has a new ledger row; NULL: any may have, or something else has changed; and so with "". */
void live_changed(struct live *live, const char *profile);
/* We have written: other pods may want to know. */
void live_wrote(struct live *live);
/* DATA is JSON without line ends. */
void live_tell_all(struct live *live, const char *event, const char *data, size_t n);

/* All are sent away, to come back elsewhere; who joins from now on as well. */
void live_drain(struct live *live);
