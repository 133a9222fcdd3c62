#include "live/live.h"

#include "auth/bearer.h"
#include "auth/resume.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "store/entitlements.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000, PROFILES_MAX_BYTES = 4 << 20, EVENT_MAX_BYTES = 8 << 10 };

enum question { ASK_NOTHING, ASK_STATE, ASK_CHANGES, ASK_SESSION };

struct live_client {
  struct live *live;
  struct live_client *next, **previous;           /* of all */
  struct live_client *next_same, **previous_same; /* of the same profile */
  struct wire wire;
  char *sub, *kid, *sid; /* sid NULL: no session */
  char ticket[SEAL_ID_SIZE];
  int64_t until_s, position, beat_ms, look_ms;
  struct db_query query;
  enum question asked;
  char after[24];
  bool begun, owed, doubted; /* to be read anew; its session is to be looked at */
};

struct live {
  struct live_settings settings;
  struct loop *loop;
  struct timer tick;
  struct redis_subscription subscription;
  struct live_client *clients;
  struct map *profiles; /* to the first client of each */
  int64_t count;
  struct db_query poll;
  struct buffer polled;
  bool missed; /* there may be rows that nobody was told of */
  bool draining;
};

static void advance(struct live_client *client);

/* ---- who is here ---- */

static void insert(struct live *live, struct live_client *client) {
  client->previous = &live->clients;
  client->next = live->clients;
  if (client->next) client->next->previous = &client->next;
  live->clients = client;
  live->count++;
}

/* The first of a profile is the map's value, and so has no predecessor. */
static int insert_same(struct live *live, struct live_client *client) {
  struct live_client *first = map_get(live->profiles, client->sub);
  if (map_put(live->profiles, client->sub, client) < 0) return -1;
  client->next_same = first;
  if (first) first->previous_same = &client->next_same;
  return 0;
}

static void remove_same(struct live *live, struct live_client *client) {
  struct live_client *next = client->next_same;
  if (next) next->previous_same = client->previous_same;
  if (client->previous_same)
    *client->previous_same = next;
  else if (!next || map_put(live->profiles, client->sub, next) < 0) /* replacing a value needs no memory */
    map_remove(live->profiles, client->sub);
}

static void client_done(struct live_client *client) {
  free(client->sub);
  free(client->kid);
  free(client->sid);
  free(client);
}

struct live_client *live_client_new(struct live *live, const struct principal *who, const char *ticket, int64_t position) {
  struct live_client *client = live->count < live->settings.max_clients ? calloc(1, sizeof *client) : NULL;
  if (!client) return NULL;
  *client =
      (struct live_client){.live = live, .sub = strdup(who->sub), .kid = strdup(who->kid), .until_s = who->until_s, .position = position};
  client->sid = who->sid ? strdup(who->sid) : NULL;
  (void)snprintf(client->ticket, sizeof client->ticket, "%s", ticket);
  bool whole = client->sub && client->kid && (client->sid || !who->sid);
  if (!whole || insert_same(live, client) < 0) {
    client_done(client);
    return NULL;
  }
  insert(live, client);
  return client;
}

struct wire *live_wire(struct live_client *client) {
  return &client->wire;
}

struct live_client *live_client_of(struct wire *wire) {
  return CONTAINER_OF(wire, struct live_client, wire);
}

void live_client_free(struct live_client *client) {
  struct live *live = client->live;
  db_cancel(&client->query);
  remove_same(live, client);
  *client->previous = client->next;
  if (client->next) client->next->previous = client->previous;
  live->count--;
  client_done(client);
}

static void end(struct live_client *client, enum wire_end why) {
  wire_end(&client->wire, why);
  live_client_free(client);
}

/* ---- what they are told ---- */

/* False: the client is gone. */
static bool tell(struct live_client *client, int64_t seq, const char *owned) {
  char id[RESUME_SIZE];
  _cleanup_buffer_ struct buffer data;
  buffer_init(&data, EVENT_MAX_BYTES);
  buffer_printf(&data, "{\"seq\":%" PRId64 ",\"entitlements\":%s}", seq, owned);
  resume_print(client->live->settings.auth->secrets, client->ticket, client->sub, seq, client->until_s, id);
  client->beat_ms = loop_now_ms(client->live->loop) + LIVE_BEAT_MS;
  if (data.failed) return end(client, WIRE_BACK), false;
  if (wire_send(&client->wire, id, "entitlements", data.data, data.len) < 0) return live_client_free(client), false;
  return true;
}

static bool tell_state(struct live_client *client, const PGresult *result) {
  struct entitlements owned;
  struct error error;
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, EVENT_MAX_BYTES);
  if (entitlements_read(result, &owned, &error) < 0) return true;
  entitlements_json(&owned, &text);
  client->position = owned.seq;
  return tell(client, owned.seq, buffer_text(&text));
}

/* Rows that settle a debt have nothing to tell: the credit before them has told it. */
static bool tell_changes(struct live_client *client, const PGresult *result) {
  int rows = db_rows(result);
  if (rows > LIVE_REPLAY_MAX) {
    client->position = LIVE_FRESH;
    client->owed = true;
    return true;
  }
  for (int row = 0; row < rows; row++) {
    const char *owned = db_text(result, row, 1);
    struct error error;
    int64_t seq;
    if (db_int64(result, row, 0, &seq, &error) < 0) return true;
    client->position = seq;
    if (owned && !tell(client, seq, owned)) return false;
  }
  return true;
}

/* ---- asking ---- */

static void on_answer(struct db_query *query, const PGresult *result, const struct error *error) {
  struct live_client *client = CONTAINER_OF(query, struct live_client, query);
  enum question asked = client->asked;
  client->asked = ASK_NOTHING;
  if (error) { /* asked again at the next tick */
    client->owed |= asked != ASK_SESSION;
    client->doubted |= asked == ASK_SESSION;
    return;
  }
  if (asked == ASK_SESSION && session_is_revoked(result)) {
    end(client, WIRE_OVER);
    return;
  }
  if (asked == ASK_STATE && !tell_state(client, result)) return;
  if (asked == ASK_CHANGES && !tell_changes(client, result)) return;
  advance(client);
}

static void ask(struct live_client *client, enum question question) {
  struct error error;
  client->query = (struct db_query){.done = on_answer};
  if (question == ASK_STATE) {
    entitlements_query(&client->query, client->sub);
  } else if (question == ASK_SESSION) {
    session_check_query(&client->query, client->sid);
  } else {
    (void)snprintf(client->after, sizeof client->after, "%" PRId64, client->position);
    client->query.statement = STATEMENT_LIVE_CHANGES;
    db_parameter(&client->query, 0, client->sub);
    db_parameter(&client->query, 1, client->after);
  }
  if (db_submit(client->live->settings.db, &client->query, &error) == 0) client->asked = question;
}

static void advance(struct live_client *client) {
  if (client->asked != ASK_NOTHING || !client->begun) return;
  if (client->doubted) {
    client->doubted = false;
    ask(client, ASK_SESSION);
  } else if (client->owed) {
    client->owed = false;
    ask(client, client->position == LIVE_FRESH ? ASK_STATE : ASK_CHANGES);
  }
}

void live_begin(struct live_client *client) {
  client->begun = client->owed = true;
  client->beat_ms = loop_now_ms(client->live->loop) + LIVE_BEAT_MS;
  client->look_ms = loop_now_ms(client->live->loop) + LIVE_LOOK_MS;
  if (client->live->draining)
    end(client, WIRE_BACK);
  else
    advance(client);
}

/* ---- hints ---- */

static void owe(struct live *live, const char *profile, int64_t seq) {
  for (struct live_client *client = map_get(live->profiles, profile), *next; client; client = next) {
    next = client->next_same;
    if (client->position >= seq) continue;
    client->owed = true;
    advance(client);
  }
}

static void look(struct live *live);

static void on_polled(struct db_query *query, const PGresult *result, const struct error *error) {
  struct live *live = CONTAINER_OF(query, struct live, poll);
  struct error failure;
  buffer_done(&live->polled);
  live->missed |= error != NULL;
  for (int row = 0; !error && row < db_rows(result); row++) {
    int64_t seq;
    if (db_int64(result, row, 1, &seq, &failure) == 0) owe(live, db_text(result, row, 0), seq);
  }
  if (!error && live->missed) look(live);
}

/* Where all profiles that somebody listens to stand, in one question. */
static void look(struct live *live) {
  const char *profile, *comma = "";
  void *value;
  struct error error;
  if (live->poll.db) return;
  if (!live->count) live->missed = false;
  if (!live->missed) return;
  live->settings.looked(live->settings.owner);
  buffer_init(&live->polled, PROFILES_MAX_BYTES);
  buffer_puts(&live->polled, "[");
  for (size_t at = 0; map_next(live->profiles, &at, &profile, &value); comma = ",") {
    buffer_puts(&live->polled, comma);
    buffer_json_string(&live->polled, profile, strlen(profile));
  }
  buffer_puts(&live->polled, "]");
  live->poll = (struct db_query){.statement = STATEMENT_LIVE_POLL, .done = on_polled};
  db_parameter(&live->poll, 0, buffer_text(&live->polled));
  live->missed = live->polled.failed || db_submit(live->settings.db, &live->poll, &error) < 0;
  if (live->missed) buffer_done(&live->polled);
}

void live_changed(struct live *live, const char *profile) {
  if (profile && *profile) {
    owe(live, profile, INT64_MAX);
    return;
  }
  live->missed = true;
  look(live);
}

void live_wrote(struct live *live) {
  if (live->settings.is_notified) return;
  struct error error;
  if (live->settings.redis && redis_publish(live->settings.redis, LIVE_CHANNEL, "", 0, &error) == 0) return;
  live_changed(live, NULL); /* others find it when they look */
}

static void on_message(struct redis_subscription *subscription, const char *bytes, size_t n) {
  (void)bytes, (void)n;
  live_changed(CONTAINER_OF(subscription, struct live, subscription), NULL);
}

static void on_joined(struct redis_subscription *subscription) {
  live_changed(CONTAINER_OF(subscription, struct live, subscription), NULL);
}

void live_tell_all(struct live *live, const char *event, const char *data, size_t n) {
  for (struct live_client *client = live->clients, *next; client; client = next) {
    next = client->next;
    if (client->begun && wire_send(&client->wire, NULL, event, data, n) < 0) live_client_free(client);
  }
}

/* ---- time ---- */

static bool is_over(const struct live_client *client, int64_t now_s) {
  return now_s >= client->until_s || !bearer_knows_key(client->live->settings.auth, client->kid);
}

static void visit(struct live_client *client, int64_t now_ms, int64_t now_s) {
  if (!client->begun) return;
  if (is_over(client, now_s)) {
    end(client, WIRE_OVER);
    return;
  }
  if (now_ms >= client->beat_ms) {
    client->beat_ms = now_ms + LIVE_BEAT_MS;
    if (wire_beat(&client->wire) < 0) {
      live_client_free(client);
      return;
    }
  }
  if (client->sid && now_ms >= client->look_ms) {
    client->look_ms = now_ms + LIVE_LOOK_MS;
    client->doubted = true;
  }
  advance(client);
}

static void on_tick(struct timer *timer) {
  struct live *live = CONTAINER_OF(timer, struct live, tick);
  int64_t now_s = clock_real_ms() / 1000, now_ms = loop_now_ms(live->loop);
  for (struct live_client *client = live->clients, *next; client; client = next) {
    next = client->next;
    visit(client, now_ms, now_s);
  }
  series_set(live->settings.clients, live->count);
  if (!live->settings.is_notified) live->missed = true;
  look(live);
  (void)!timer_set(timer, TICK_MS); /* without memory for it clients stay until they go */
}

/* ---- its life ---- */

struct live *live_new(struct loop *loop, const struct live_settings *settings, struct error *error) {
  struct live *live = calloc(1, sizeof *live);
  if (!live) return error_oom(error), NULL;
  *live = (struct live){.settings = *settings, .loop = loop, .profiles = map_new(NULL)};
  live->subscription = (struct redis_subscription){.channel = LIVE_CHANNEL, .message = on_message, .joined = on_joined};
  timer_init(&live->tick, loop, on_tick);
  bool subscribes = !settings->is_notified && settings->redis;
  bool failed = !live->profiles || timer_set(&live->tick, TICK_MS) < 0;
  if (!failed && (!subscribes || redis_subscribe(settings->redis, &live->subscription, error) == 0)) return live;
  live_free(live);
  return error_oom(error), NULL;
}

void live_drain(struct live *live) {
  live->draining = true;
  for (struct live_client *client = live->clients, *next; client; client = next) {
    next = client->next;
    if (client->begun) end(client, WIRE_BACK);
  }
}

void live_free(struct live *live) {
  if (!live) return;
  live_drain(live);
  while (live->clients) live_client_free(live->clients);
  redis_unsubscribe(&live->subscription);
  db_cancel(&live->poll);
  buffer_done(&live->polled);
  timer_stop(&live->tick);
  map_free(live->profiles);
  free(live);
}
