#include "store/redis_cluster.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { UNWELL_MS = 500 /* between refreshes while something is missing */ };

struct node {
  struct redis_cluster *cluster;
  struct redis_place place;
  struct redis_connection connection;
  struct backoff backoff;
  struct timer retry;
  bool used;      /* connected, or to be */
  bool serves;    /* has slots */
  bool confirmed; /* by the answer that is being read */
};

struct redis_cluster {
  struct redis *redis;
  struct node *nodes[CLUSTER_NODES]; /* never freed before the cluster is, but used again */
  size_t count, turn;
  uint8_t owners[REDIS_SLOTS]; /* 1 + the place in nodes; 0: nobody */
  bool known;                  /* the table was read once */
  int64_t asked_ms;
  struct redis_command question;
  struct node *asked;
  struct timer refresh, later;
  struct redis_flight *waiting; /* for TRYAGAIN */
};

/* ---- nodes ---- */

static bool is_ready(const struct node *node) { return node->used && node->connection.state == REDIS_READY; }

static struct node *find_ready(struct redis_cluster *c) {
  for (size_t i = 0; i < c->count; i++) {
    struct node *node = c->nodes[c->turn++ % c->count];
    if (is_ready(node)) return node;
  }
  return NULL;
}

static void use(struct node *node) {
  if (node->used) return;
  node->used = true;
  node->backoff = redis_backoff;
  redis_connection_open(&node->connection, &node->place);
}

static void disuse(struct node *node) {
  if (node->used) redis_subscriber_leave(node->cluster->redis->subscriber, &node->place);
  node->used = node->serves = false;
  timer_stop(&node->retry);
  redis_connection_close(&node->connection);
}

static void on_node_ready(struct redis_connection *connection);
static void on_node_lost(struct redis_connection *connection, enum dependency_reason reason, const struct error *error);
static void on_node_answered(struct redis_connection *connection, struct redis_flight *flight, const redisReply *reply,
                             const struct error *error);

static void on_retry(struct timer *timer) {
  struct node *node = CONTAINER_OF(timer, struct node, retry);
  redis_connection_open(&node->connection, &node->place);
}

static struct node *make_node(struct redis_cluster *c) {
  struct node *node = c->count < CLUSTER_NODES ? calloc(1, sizeof *node) : NULL;
  if (!node) return NULL;
  struct redis_connection_setup setup = redis_data_setup(c->redis);
  node->cluster = c;
  timer_init(&node->retry, c->redis->loop, on_retry);
  redis_connection_init(&node->connection, &setup, node);
  node->connection.ready = on_node_ready;
  node->connection.lost = on_node_lost;
  node->connection.answered = on_node_answered;
  return c->nodes[c->count++] = node;
}

/* The node at PLACE, used or not; NULL when there are too many. */
static struct node *get_node(struct redis_cluster *c, const struct redis_place *place) {
  struct node *free_one = NULL;
  for (size_t i = 0; i < c->count; i++) {
    if (redis_place_equal(&c->nodes[i]->place, place)) return c->nodes[i];
    if (!c->nodes[i]->used && !c->nodes[i]->confirmed && !free_one) free_one = c->nodes[i];
  }
  struct node *node = free_one ? free_one : make_node(c);
  if (node) node->place = *place;
  return node;
}

static uint8_t number_of(const struct redis_cluster *c, const struct node *node) {
  for (size_t i = 0; i < c->count; i++)
    if (c->nodes[i] == node) return (uint8_t)(i + 1);
  return 0;
}

static void use_seeds(struct redis_cluster *c) {
  for (size_t i = 0; i < c->redis->target.count; i++) {
    struct node *node = get_node(c, &c->redis->target.places[i]);
    if (node) use(node);
  }
}

/* ---- the table of slots ---- */

static void refresh_in(struct redis_cluster *c, int64_t wait_ms) {
  int64_t now_ms = clock_monotonic_ms();
  if (timer_is_set(&c->refresh) && c->refresh.due_ms <= now_ms + wait_ms) return;
  (void)!timer_set(&c->refresh, wait_ms);
}

static void refresh_soon(struct redis_cluster *c) {
  int64_t since_ms = clock_monotonic_ms() - c->asked_ms;
  refresh_in(c, since_ms < CLUSTER_AGAIN_MS ? CLUSTER_AGAIN_MS - since_ms : 0);
}

/* Without a node to ask it is asked when one gets ready. */
static void on_refresh(struct timer *timer) {
  struct redis_cluster *c = CONTAINER_OF(timer, struct redis_cluster, refresh);
  struct error error;
  struct node *node = find_ready(c);
  if (!node || c->question.flight) return;
  struct redis_flight *flight = redis_flight_new(&c->question, 2, (const char *[]){"CLUSTER", "SLOTS"}, NULL);
  c->asked = node;
  c->asked_ms = clock_monotonic_ms();
  if (flight && redis_connection_send(&node->connection, flight, false, &error) == 0) return;
  redis_flight_free(flight);
  refresh_in(c, UNWELL_MS);
}

static void ignore_range(void *owner, uint16_t first, uint16_t last, const struct redis_place *primary) {
  (void)first, (void)last, (void)primary;
  *(bool *)owner = true;
}

static void take_range(void *owner, uint16_t first, uint16_t last, const struct redis_place *primary) {
  struct redis_cluster *c = owner;
  struct redis_place place = *primary;
  if (!place.host[0]) memcpy(place.host, c->asked->place.host, sizeof place.host);
  struct node *node = get_node(c, &place);
  if (!node) return;
  node->confirmed = true;
  memset(c->owners + first, number_of(c, node), (size_t)(last - first) + 1);
}

/* Keeps the nodes that serve, and lets go of the others once nothing is under way to them. */
static void settle(struct redis_cluster *c) {
  for (size_t i = 0; i < c->count; i++) {
    struct node *node = c->nodes[i];
    node->serves = node->confirmed;
    if (node->confirmed)
      use(node);
    else if (!node->connection.flights)
      disuse(node);
  }
}

static void judge(struct redis_cluster *c) {
  if (memchr(c->owners, 0, sizeof c->owners)) {
    struct error error;
    error_set(&error, ERROR_RETRY, "some slots of the Redis cluster have no primary");
    redis_note_away(c->redis, DEPENDENCY_REFUSED, &error);
  } else if (redis_cluster_is_up(c)) {
    redis_note_back(c->redis);
  }
}

static void on_slots(struct redis_command *command, const redisReply *reply, const struct error *error) {
  struct redis_cluster *c = CONTAINER_OF(command, struct redis_cluster, question);
  struct error why;
  bool any = false;
  if (error || redis_slots_parse(reply, ignore_range, &any) < 0 || !any) {
    enum dependency_reason fault = redis_fault_of(reply);
    error_set(&why, ERROR_RETRY, "%s:%d doesn't know the cluster: %s", c->asked->place.host, c->asked->place.port,
              error                              ? error->message
              : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                 : "it has no slots");
    if (!error && !c->known) redis_note_away(c->redis, fault ? fault : DEPENDENCY_REFUSED, &why);
    refresh_in(c, UNWELL_MS);
    return;
  }
  memset(c->owners, 0, sizeof c->owners);
  for (size_t i = 0; i < c->count; i++) c->nodes[i]->confirmed = false;
  (void)!redis_slots_parse(reply, take_range, c); /* it was whole a moment ago */
  c->known = true;
  settle(c);
  judge(c);
  refresh_in(c, redis_cluster_is_up(c) ? CLUSTER_REFRESH_MS : UNWELL_MS);
}

bool redis_cluster_is_up(const struct redis_cluster *c) {
  if (!c->known || memchr(c->owners, 0, sizeof c->owners)) return false;
  for (size_t i = 0; i < c->count; i++)
    if (c->nodes[i]->serves && !is_ready(c->nodes[i])) return false;
  return true;
}

/* ---- redirects ---- */

static void give_up(struct redis_cluster *c, struct redis_flight *flight, const char *why) {
  struct error error;
  error_set(&error, ERROR_RETRY, "%s", why);
  redis_complete(c->redis, flight, NULL, &error);
}

static void wait_a_little(struct redis_cluster *c, struct redis_flight *flight) {
  flight->next = c->waiting;
  c->waiting = flight;
  if (!timer_is_set(&c->later)) (void)!timer_set(&c->later, CLUSTER_LATER_MS);
}

static void follow(struct redis_cluster *c, const struct node *from, struct redis_flight *flight, const struct redis_redirect *redirect) {
  struct redis_place place = redirect->place;
  struct error error;
  if (!place.host[0]) memcpy(place.host, from->place.host, sizeof place.host);
  struct node *node = get_node(c, &place);
  if (!node) {
    give_up(c, flight, "the Redis cluster has too many nodes");
    return;
  }
  use(node);
  if (redirect->kind == REDIS_REDIRECT_MOVED) {
    c->owners[redirect->slot] = number_of(c, node);
    node->serves = true;
    refresh_soon(c);
  }
  if (redis_connection_send(&node->connection, flight, redirect->kind == REDIS_REDIRECT_ASK, &error) < 0)
    redis_complete(c->redis, flight, NULL, &error);
}

static void on_node_answered(struct redis_connection *connection, struct redis_flight *flight, const redisReply *reply,
                             const struct error *error) {
  struct node *node = connection->owner;
  struct redis_cluster *c = node->cluster;
  struct redis_redirect redirect = redis_redirect_of(reply);
  if (flight->command == &c->question) {
    redis_flight_free(flight);
    on_slots(&c->question, reply, error);
  } else if (!redirect.kind || !flight->command) {
    if (reply && reply->type == REDIS_REPLY_ERROR && redis_fault_of(reply)) refresh_soon(c);
    redis_complete(c->redis, flight, reply, error);
  } else if (++flight->hops > CLUSTER_HOPS) {
    give_up(c, flight, "the Redis cluster redirects in circles");
  } else if (redirect.kind == REDIS_REDIRECT_LATER) {
    wait_a_little(c, flight);
  } else {
    follow(c, node, flight, &redirect);
  }
}

static void on_later(struct timer *timer) {
  struct redis_cluster *c = CONTAINER_OF(timer, struct redis_cluster, later);
  struct redis_flight *waiting = c->waiting;
  c->waiting = NULL;
  while (waiting) {
    struct redis_flight *flight = waiting;
    struct error error;
    waiting = flight->next;
    flight->next = NULL;
    if (redis_cluster_send(c, flight, &error) < 0) redis_complete(c->redis, flight, NULL, &error);
  }
}

/* ---- nodes that come and go ---- */

static void on_node_ready(struct redis_connection *connection) {
  struct node *node = connection->owner;
  refresh_soon(node->cluster);
  if (node->cluster->known) judge(node->cluster);
}

static void on_node_lost(struct redis_connection *connection, enum dependency_reason reason, const struct error *error) {
  struct node *node = connection->owner;
  struct redis_cluster *c = node->cluster;
  struct error why = *error;
  if (connection->ready_ms && clock_monotonic_ms() - connection->ready_ms >= REDIS_STABLE_MS) backoff_reset(&node->backoff);
  connection->ready_ms = 0;
  error_wrap(&why, "%s:%d", node->place.host, node->place.port);
  if (node->serves || !c->known) redis_note_away(c->redis, reason, &why);
  (void)!timer_set(&node->retry, backoff_next(&node->backoff));
  refresh_soon(c);
  if (!find_ready(c)) use_seeds(c);
}

/* ---- */

int redis_cluster_send(struct redis_cluster *c, struct redis_flight *flight, struct error *error) {
  struct node *node = NULL;
  if (flight->slot < 0)
    node = find_ready(c);
  else if (c->owners[flight->slot])
    node = c->nodes[c->owners[flight->slot] - 1];
  if (!node || !is_ready(node)) return error_set(error, ERROR_RETRY, "this part of the Redis cluster is away");
  return redis_connection_send(&node->connection, flight, false, error);
}

bool redis_cluster_any_place(const struct redis_cluster *c, struct redis_place *ret) {
  for (size_t i = 0; i < c->count; i++) {
    const struct node *node = c->nodes[i];
    if (!is_ready(node) || !node->serves) continue;
    *ret = node->place;
    return true;
  }
  return false;
}

struct redis_cluster *redis_cluster_new(struct redis *redis, struct error *error) {
  struct redis_cluster *c = calloc(1, sizeof *c);
  if (!c) return error_oom(error), NULL;
  c->redis = redis;
  c->question.done = on_slots;
  timer_init(&c->refresh, redis->loop, on_refresh);
  timer_init(&c->later, redis->loop, on_later);
  use_seeds(c);
  return c;
}

void redis_cluster_free(struct redis_cluster *c) {
  if (!c) return;
  for (size_t i = 0; i < c->count; i++) {
    timer_stop(&c->nodes[i]->retry);
    redis_connection_done(&c->nodes[i]->connection);
    free(c->nodes[i]);
  }
  while (c->waiting) {
    struct redis_flight *flight = c->waiting;
    c->waiting = flight->next;
    redis_flight_free(flight);
  }
  timer_stop(&c->refresh);
  timer_stop(&c->later);
  free(c);
}
