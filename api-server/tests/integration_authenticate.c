/* The second step of authentication, which asks a real database: a ticket is good once, an ended session never. */
#include "auth/authenticate.h"

#include "auth/seal.h"
#include "crypto/keyring.h"
#include "store/migrate.h"
#include "store/resolver.h"
#include "store/statements.h"
#include "support.h"
#include "support_ring.h"

/* A worker's authenticator on a database of its own. */
static struct {
  struct support_database database;
  char base_url[512];
  struct settings settings;
  struct metrics *metrics;
  struct keys keys;
  struct foreign_keys foreign;
  struct secrets secrets;
  struct loop *loop;
  struct resolver *resolver;
  struct db *db;
  struct db_stats stats;
  struct arena *arena;
  struct authenticator auth;
} w;

static struct db *open_db(const char *url) {
  struct db *db = db_new(
      w.loop, w.resolver,
      &(struct db_settings){.url = url, .pool = 2, .statements = statements, .statement_count = STATEMENT_COUNT, .stats = &w.stats}, NULL);
  cr_assert_not_null(db);
  return db;
}

static void setup(void) {
  (void)snprintf(w.base_url, sizeof w.base_url, "%s", support_environment("DATABASE_URL"));
  w.database = support_database_create();
  setenv("DATABASE_URL", w.database.url, 1);
  setenv("TERMINATION_LOG", "/nonexistent", 1);
  cr_assert_eq(migrate_main(1, (char *[]){"migrate", NULL}), 0);
  w.settings = (struct settings){.auth_issuer = "me",
                                 .auth_audience = "you",
                                 .app_jwt_secret = {.current = "the secret of tickets"},
                                 .session_secret = {.current = "the secret of sessions"}};
  w.metrics = metrics_new(1, NULL);
  w.keys.ring = support_ring("1");
  secrets_init(&w.secrets, &w.settings, w.metrics);
  w.loop = loop_new(NULL);
  w.resolver = resolver_new(w.loop, NULL);
  w.db = open_db(w.database.url);
  w.arena = arena_new(1 << 20);
  w.auth = (struct authenticator){
      .settings = &w.settings, .keys = &w.keys, .foreign = &w.foreign, .secrets = &w.secrets, .cache = token_cache_new(), .db = w.db};
}

static void teardown(void) {
  db_free(w.db);
  resolver_free(w.resolver);
  loop_free(w.loop);
  token_cache_free(w.auth.cache);
  keyring_free(w.keys.ring);
  arena_free(w.arena);
  metrics_free(w.metrics);
  setenv("DATABASE_URL", w.base_url, 1);
  support_database_drop(&w.database);
}

TestSuite(authenticate_db, .init = setup, .fini = teardown, .timeout = 60);

struct asking {
  struct authentication auth;
  bool done;
};

static void on_done(struct authentication *auth) { CONTAINER_OF(auth, struct asking, auth)->done = true; }
static bool is_done(void *owner) { return ((struct asking *)owner)->done; }

static struct sealed new_seal(enum seal_kind kind, const char *sid, struct buffer *text) {
  int64_t now_s = clock_real_ms() / 1000;
  struct sealed what = {.sub = "alice", .kid = "1", .sid = sid, .exp_s = now_s + 60, .until_s = now_s + 60};
  random_id(what.id);
  buffer_init(text, 4096);
  buffer_puts(text, kind == SEAL_SESSION ? "__Host-session=" : "");
  cr_assert_eq(seal(&w.secrets, kind, now_s, &what, text), 0);
  return what;
}

static void begin(struct asking *asking, enum seal_kind kind, const struct buffer *text) {
  *asking = (struct asking){.auth.done = on_done};
  struct credentials given = {.accepted = CREDENTIAL_USUAL | CREDENTIAL_TICKET};
  *(kind == SEAL_SESSION ? &given.cookie : &given.ticket) = (struct span){text->data, text->len};
  cr_assert(authenticate(&w.auth, &asking->auth, &given, w.arena));
  cr_assert_eq(asking->auth.outcome, AUTH_ACCEPTED, "%s", asking->auth.why_not);
}

/* "", or why not. */
static const char *ask(enum seal_kind kind, const struct buffer *text) {
  static struct asking asking;
  begin(&asking, kind, text);
  if (!authenticate_confirm(&asking.auth)) support_until(w.loop, is_done, &asking);
  if (asking.auth.outcome == AUTH_UNAVAILABLE) return "unavailable";
  cr_expect_eq(asking.auth.outcome, asking.auth.why_not ? AUTH_REFUSED : AUTH_ACCEPTED);
  return asking.auth.why_not ? asking.auth.why_not : "";
}

static void end_session(const char *sid) {
  char sql[128];
  (void)snprintf(sql, sizeof sql, "SELECT session_revoke('%s', now() + interval '1 hour')", sid);
  support_run_sql(w.database.url, sql);
}

Test(authenticate_db, a_ticket_is_good_once) {
  _cleanup_buffer_ struct buffer one, other;
  (void)new_seal(SEAL_TICKET, NULL, &one);
  (void)new_seal(SEAL_TICKET, NULL, &other);
  cr_expect_str_eq(ask(SEAL_TICKET, &one), "");
  cr_expect_str_eq(ask(SEAL_TICKET, &one), "used");
  cr_expect_str_eq(ask(SEAL_TICKET, &other), "");
  cr_expect_eq(support_sql_number(w.database.url, "SELECT count(*) FROM ticket_used WHERE expires_at > now()"), 2);
}

Test(authenticate_db, an_ended_session_takes_its_tickets_along) {
  _cleanup_buffer_ struct buffer session_text, ticket_text;
  struct sealed session = new_seal(SEAL_SESSION, NULL, &session_text), ticket = new_seal(SEAL_TICKET, session.id, &ticket_text);
  cr_expect_str_eq(ask(SEAL_SESSION, &session_text), "");
  cr_expect_str_eq(ask(SEAL_SESSION, &session_text), "");
  end_session(session.id);
  cr_expect_str_eq(ask(SEAL_SESSION, &session_text), "revoked");
  cr_expect_str_eq(ask(SEAL_TICKET, &ticket_text), "revoked");
  cr_expect_neq(strcmp(session.id, ticket.id), 0);
}

/* Two pods at the same moment. */
Test(authenticate_db, of_two_at_once_one_gets_in) {
  _cleanup_buffer_ struct buffer text;
  struct asking both[2];
  (void)new_seal(SEAL_TICKET, NULL, &text);
  for (size_t i = 0; i < 2; i++) {
    begin(&both[i], SEAL_TICKET, &text);
    cr_assert_not(authenticate_confirm(&both[i].auth), "the database is asked");
  }
  for (size_t i = 0; i < 2; i++) support_until(w.loop, is_done, &both[i]);
  cr_expect_neq(both[0].auth.outcome, both[1].auth.outcome);
}

Test(authenticate_db, nobody_is_called_back_after_a_cancel) {
  _cleanup_buffer_ struct buffer text;
  struct asking asking;
  (void)new_seal(SEAL_TICKET, NULL, &text);
  begin(&asking, SEAL_TICKET, &text);
  cr_assert_not(authenticate_confirm(&asking.auth));
  authenticate_cancel(&asking.auth);
  authenticate_cancel(&asking.auth);
  for (int i = 0; i < 20; i++) cr_assert_eq(loop_turn(w.loop, 20, NULL), 0);
  cr_expect_not(asking.done);
}

Test(authenticate_db, without_the_database_nobody_is_believed) {
  _cleanup_buffer_ struct buffer text;
  (void)new_seal(SEAL_SESSION, NULL, &text);
  struct db *away = open_db("postgresql://u@127.0.0.1:1/d");
  w.auth.db = away;
  cr_expect_str_eq(ask(SEAL_SESSION, &text), "unavailable");
  db_free(away);
}
