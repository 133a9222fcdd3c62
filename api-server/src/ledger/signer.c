#include "ledger/signer.h"

#include "base/log.h"
#include "base/random.h"
#include "codec/base64.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SIGN_FIRST_MS = 500, SIGN_EVERY_MS = 60000 };

static void ask(struct timer *timer);

static void rest(struct signer *signer, int64_t delay_ms) {
  /* without memory for the timer the other workers sign */
  (void)!timer_set(&signer->timer, delay_ms + (int64_t)(random_u64() % (uint64_t)delay_ms));
}

static void fail(struct signer *signer, const struct error *error) {
  if (!signer->told) log_warn("the ledger's heads could not be signed", log_err(error));
  signer->told = true;
  *signer->upto = 0;
  rest(signer, SIGN_EVERY_MS);
}

static void submit(struct signer *signer, void (*done)(struct db_query *, const PGresult *, const struct error *)) {
  struct error error;
  signer->query.done = done;
  if (db_submit(signer->db, &signer->query, &error) < 0) fail(signer, &error);
}

/* ---- sign ---- */

static void on_kept(struct db_query *query, const PGresult *result, const struct error *error) {
  struct signer *signer = CONTAINER_OF(query, struct signer, query);
  if (error) {
    fail(signer, error);
    return;
  }
  if (db_rows(result) == 1 && db_bool(result, 0, 0)) {
    log_info("heads are signed", log_raw("id", signer->id), log_str("hour", signer->hour), log_int("profiles", signer->profiles),
             log_str("digest", signer->digest), log_str("kid", signer->kid), log_str("signature", signer->signature));
    series_add(metrics_series(signer->metrics, METRIC_HEADS_SIGNED, ""), 1);
  }
  ask(&signer->timer);
}

static int put_base64(const unsigned char *bytes, size_t n, char *to, size_t size) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, size);
  base64_encode(bytes, n, &text);
  (void)snprintf(to, size, "%s", buffer_text(&text));
  return text.failed ? -1 : 0;
}

/* The row that the answer shows, as text of ours. */
static int read_heads(const PGresult *result, struct heads *ret, struct error *error) {
  struct heads heads = {
      .hour = db_text(result, 0, 3), .whole = db_bool(result, 0, 4), .lines_sha256 = db_text(result, 0, 6), .prev = db_text(result, 0, 7)};
  if (db_int64(result, 0, 2, &heads.id, error) < 0 || db_int64(result, 0, 5, &heads.profiles, error) < 0) return -1;
  if (!heads.hour || !heads.lines_sha256 || !heads.prev) return error_set(error, ERROR_BUG, "ledger_heads_next gave half a row");
  *ret = heads;
  return 0;
}

static int sign(struct signer *signer, const PGresult *result, struct error *error) {
  const struct keyring *ring = signer->keys->ring;
  unsigned char signature[RSA_MAX_BYTES];
  struct heads heads;
  size_t n;
  if (!ring) return error_set(error, ERROR_RETRY, "no keys are loaded");
  if (read_heads(result, &heads, error) < 0 || heads_sign(&heads, ring, signature, &n, signer->digest, error) < 0) return -1;
  (void)snprintf(signer->id, sizeof signer->id, "%" PRId64, heads.id);
  (void)snprintf(signer->hour, sizeof signer->hour, "%s", heads.hour);
  (void)snprintf(signer->kid, sizeof signer->kid, "%s", ring->signing_kid);
  signer->profiles = heads.profiles;
  return put_base64(signature, n, signer->signature, sizeof signer->signature) < 0 ? error_oom(error) : 0;
}

static void keep(struct signer *signer) {
  signer->query = (struct db_query){.statement = STATEMENT_HEADS_SIGN};
  db_parameter(&signer->query, 0, signer->id);
  db_parameter(&signer->query, 1, signer->kid);
  db_parameter(&signer->query, 2, signer->signature);
  submit(signer, on_kept);
}

/* ---- ask ---- */

static void rest_done(struct signer *signer) {
  series_set(metrics_series(signer->metrics, METRIC_HEADS_SIGNED_TIME, ""), clock_real_ms() / 1000);
  *signer->upto = 0;
  rest(signer, SIGN_EVERY_MS);
}

static void on_asked(struct db_query *query, const PGresult *result, const struct error *error) {
  struct signer *signer = CONTAINER_OF(query, struct signer, query);
  struct error failure;
  if (error || db_rows(result) != 1) {
    error_set(&failure, ERROR_BUG, "ledger_heads_next gave %d rows, expected 1", error ? 0 : db_rows(result));
    fail(signer, error ? error : &failure);
    return;
  }
  const char *what = db_text(result, 0, 0), *upto = db_text(result, 0, 1);
  signer->told = false;
  (void)snprintf(signer->upto, sizeof signer->upto, "%s", upto ? upto : "");
  if (!strcmp(what, "more"))
    ask(&signer->timer);
  else if (!strcmp(what, "done"))
    rest_done(signer);
  else if (strcmp(what, "sign") != 0)
    rest(signer, SIGN_EVERY_MS);
  else if (sign(signer, result, &failure) < 0)
    fail(signer, &failure);
  else
    keep(signer);
}

static void ask(struct timer *timer) {
  struct signer *signer = CONTAINER_OF(timer, struct signer, timer);
  if (!signer->schema->fitted || !signer->keys->ring) {
    rest(signer, SIGN_FIRST_MS);
    return;
  }
  signer->query = (struct db_query){.statement = STATEMENT_HEADS_NEXT};
  db_parameter(&signer->query, 0, signer->upto);
  submit(signer, on_asked);
}

void signer_start(struct signer *signer, struct loop *loop, struct db *db, const struct schema_watch *schema, const struct keys *keys,
                  struct metrics *metrics) {
  *signer = (struct signer){.db = db, .schema = schema, .keys = keys, .metrics = metrics};
  timer_init(&signer->timer, loop, ask);
  rest(signer, SIGN_FIRST_MS);
}

void signer_stop(struct signer *signer) {
  if (!signer->db) return;
  timer_stop(&signer->timer);
  db_cancel(&signer->query);
}
