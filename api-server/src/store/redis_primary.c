#include "store/redis_primary.h"

#include "base/clock.h"
#include "store/redis_sentinel.h"

#include <stdlib.h>

/*     searching --found--> opening --PONG, ROLE master--> ready
 *         ^                   |                             |
 *         '---back-off--------+-----------------------------'      single finds what its URL says; +switch-master opens at once */
struct redis_primary {
  struct redis *redis;
  struct redis_connection connection;
  struct redis_sentinel sentinel; /* of that mode */
  struct redis_place place;
  bool placed;
  struct backoff backoff;
  struct timer retry;
};

static bool has_sentinel(const struct redis_primary *p) { return p->redis->target.mode == REDIS_MODE_SENTINEL; }

static void connect_to(struct redis_primary *p, const struct redis_place *place) {
  timer_stop(&p->retry);
  if (p->placed && !redis_place_equal(&p->place, place)) redis_subscriber_leave(p->redis->subscriber, &p->place);
  p->place = *place;
  p->placed = true;
  redis_connection_open(&p->connection, &p->place);
}

static void search(struct redis_primary *p) {
  if (has_sentinel(p))
    redis_sentinel_ask(&p->sentinel);
  else
    connect_to(p, &p->redis->target.places[0]);
}

static void on_retry(struct timer *timer) { search(CONTAINER_OF(timer, struct redis_primary, retry)); }

static void on_ready(struct redis_connection *connection) { redis_note_back(((struct redis_primary *)connection->owner)->redis); }

static void on_lost(struct redis_connection *connection, enum dependency_reason reason, const struct error *error) {
  struct redis_primary *p = connection->owner;
  if (connection->ready_ms && clock_monotonic_ms() - connection->ready_ms >= REDIS_STABLE_MS) backoff_reset(&p->backoff);
  connection->ready_ms = 0;
  redis_note_away(p->redis, reason, error);
  /* without memory for a timer it stays away, and its callers do without */
  (void)!timer_set(&p->retry, backoff_next(&p->backoff));
}

static void on_answered(struct redis_connection *connection, struct redis_flight *flight, const redisReply *reply,
                        const struct error *error) {
  struct redis_primary *p = connection->owner;
  bool wrong = redis_is_wrong_server(reply);
  redis_complete(p->redis, flight, reply, error);
  if (wrong && connection->state == REDIS_READY)
    redis_connection_fail(connection, DEPENDENCY_REFUSED, "this Redis is a replica, or part of a cluster");
}

/* ---- what Sentinel says ---- */

static void on_found(struct redis_sentinel *sentinel, const struct redis_place *place) {
  struct redis_primary *p = CONTAINER_OF(sentinel, struct redis_primary, sentinel);
  bool same = p->placed && redis_place_equal(&p->place, place);
  if (p->connection.state != REDIS_CLOSED) {
    if (same) return;
    redis_connection_fail(&p->connection, DEPENDENCY_UNREACHABLE, "Sentinel has switched to another master");
  }
  if (!same) backoff_reset(&p->backoff);
  connect_to(p, place);
}

/* No sentinel has an answer. A connection that is there goes on. */
static void on_none(struct redis_sentinel *sentinel, enum dependency_reason reason, const struct error *error) {
  struct redis_primary *p = CONTAINER_OF(sentinel, struct redis_primary, sentinel);
  if (p->connection.state == REDIS_CLOSED) redis_note_away(p->redis, reason, error);
}

/* ---- */

struct redis_primary *redis_primary_new(struct redis *redis, struct error *error) {
  struct redis_primary *p = calloc(1, sizeof *p);
  if (!p) return error_oom(error), NULL;
  struct redis_connection_setup setup = redis_data_setup(redis);
  p->redis = redis;
  p->backoff = redis_backoff;
  timer_init(&p->retry, redis->loop, on_retry);
  redis_connection_init(&p->connection, &setup, p);
  p->connection.ready = on_ready;
  p->connection.lost = on_lost;
  p->connection.answered = on_answered;
  if (has_sentinel(p)) {
    redis_sentinel_init(&p->sentinel, redis);
    p->sentinel.found = on_found;
    p->sentinel.none = on_none;
  }
  search(p);
  return p;
}

void redis_primary_free(struct redis_primary *p) {
  if (!p) return;
  if (has_sentinel(p)) redis_sentinel_done(&p->sentinel);
  redis_connection_done(&p->connection);
  timer_stop(&p->retry);
  free(p);
}

int redis_primary_send(struct redis_primary *p, struct redis_flight *flight, struct error *error) {
  if (p->connection.state != REDIS_READY) return error_set(error, ERROR_RETRY, "Redis is away");
  return redis_connection_send(&p->connection, flight, false, error);
}

bool redis_primary_is_up(const struct redis_primary *p) { return p->connection.state == REDIS_READY; }

bool redis_primary_place(const struct redis_primary *p, struct redis_place *ret) {
  if (p->placed) *ret = p->place;
  return p->placed;
}
