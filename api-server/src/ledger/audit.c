#include "ledger/audit.h"

#include "ledger/audit_heads.h"
#include "ledger/audit_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAX = 64 * 1024, PROGRESS_ROWS = 4096 };

/* The walk through all rows. */
struct walk {
  struct audit *audit;
  struct lines *lines; /* NULL: heads are not looked at */
  struct buffer scratch;
  struct chain chain;
  char profile[AUDIT_NAME_SIZE]; /* the one under way */
  bool begun, broken;
};

static void report_profile(struct walk *walk, int64_t seq, const struct chain_fault *fault) {
  walk->broken = true;
  walk->audit->broken_profiles++;
  audit_report(walk->audit, walk->profile, seq, 0, fault);
}

/* ---- rows ---- */

enum column {
  COLUMN_HEADS = LEDGER_FIELDS,
  COLUMN_BALANCE_COINS,
  COLUMN_BALANCE_DEBT,
  COLUMN_BALANCE_SEQ,
  COLUMN_BALANCE_HEAD,
  COLUMN_SUBSCRIBED,
  COLUMN_PLAN,
  COLUMN_EXPIRES_AT,
  COLUMN_SOURCE,
  COLUMN_IS_LAST,
  COLUMNS
};

/* One row a ledger row, in the order of enum ledger_field and enum column, and one for a profile without any. */
static const char rows_sql[] =
    "SELECT p.id, l.seq, " TIME("l.at") ", l.kind, l.amount, l.plan, " TIME("l.expires_at") ", l.reason, l.source, l.origin, l.external_ref,"
    " l.actor, encode(l.body_sha256, 'hex'), l.coins, l.debt, l.answer, encode(l.prev, 'hex'), encode(l.head, 'hex'), e.heads,"
    " b.coins, b.debt, b.seq, encode(b.head, 'hex'), s.profile IS NOT NULL, s.plan, " TIME("s.expires_at") ", s.source,"
    " lead(p.id) OVER (ORDER BY p.id, l.seq) IS DISTINCT FROM p.id"
    " FROM profile p LEFT JOIN ent_balance b ON b.profile = p.id LEFT JOIN ent_subscription s ON s.profile = p.id"
    " LEFT JOIN ent_ledger l ON l.profile = p.id LEFT JOIN ledger_heads_entry e ON e.profile = l.profile AND e.seq = l.seq"
    " WHERE $1::text IS NULL OR p.id = $1 ORDER BY p.id, l.seq";

static void begin_profile(struct walk *walk, const char *profile) {
  chain_start(&walk->chain);
  (void)snprintf(walk->profile, sizeof walk->profile, "%s", profile);
  walk->begun = true;
  walk->broken = false;
  walk->audit->profiles++;
}

static void end_profile(struct walk *walk, const PGresult *row) {
  struct chain_held held = {.coins = column_text(row, COLUMN_BALANCE_COINS),
                            .debt = column_text(row, COLUMN_BALANCE_DEBT),
                            .seq = column_text(row, COLUMN_BALANCE_SEQ),
                            .head = column_text(row, COLUMN_BALANCE_HEAD),
                            .has_subscription = column_bool(row, COLUMN_SUBSCRIBED),
                            .plan = column_text(row, COLUMN_PLAN),
                            .expires_at = column_text(row, COLUMN_EXPIRES_AT),
                            .source = column_text(row, COLUMN_SOURCE)};
  struct chain_fault fault;
  if (!walk->broken && chain_end(&walk->chain, &held, &fault) < 0) report_profile(walk, 0, &fault);
  walk->begun = false;
}

static void replay_one(struct walk *walk, const PGresult *row) {
  struct ledger_row entry;
  struct chain_fault fault;
  for (int field = 0; field < LEDGER_FIELDS; field++) entry.values[field] = column_text(row, field);
  walk->audit->rows++;
  if (!walk->broken && chain_row(&walk->chain, &entry, &walk->scratch, &fault) < 0)
    report_profile(walk, column_int64(row, LEDGER_SEQ), &fault);
}

/* The line of a row that was signed, with the head as it was computed here; behind a break, as the row says. */
static int add_line(struct walk *walk, const PGresult *row, struct error *error) {
  const char *head = walk->broken ? column_text(row, LEDGER_HEAD) : walk->chain.head;
  if (!walk->lines || !column_text(row, COLUMN_HEADS)) return 0;
  return lines_add(walk->lines, column_int64(row, COLUMN_HEADS), walk->profile, column_int64(row, LEDGER_SEQ), head ? head : "", error);
}

static int on_row(void *owner, const PGresult *row, struct error *error) {
  struct walk *walk = owner;
  struct audit *audit = walk->audit;
  if (!walk->begun) begin_profile(walk, column_text(row, LEDGER_PROFILE));
  if (column_text(row, LEDGER_SEQ)) {
    replay_one(walk, row);
    if (add_line(walk, row, error) < 0) return -1;
  }
  if (column_bool(row, COLUMN_IS_LAST)) end_profile(walk, row);
  if (audit->progress && audit->rows % PROGRESS_ROWS == 0) audit->progress(audit->owner, audit);
  return 0;
}

/* ---- what no walk meets ---- */

static const struct stray {
  const char *what, *expected, *found, *sql;
} strays[] = {
    {"ledger", "the row that was signed", "none",
     "SELECT e.profile, e.seq FROM ledger_heads_entry e LEFT JOIN ent_ledger l ON l.profile = e.profile AND l.seq = e.seq"
     " WHERE l.seq IS NULL AND ($1::text IS NULL OR e.profile = $1) ORDER BY 1, 2 LIMIT 1"},
    {"heads", "the signature of a row", "none",
     "SELECT e.profile, e.seq FROM ledger_heads_entry e LEFT JOIN ledger_heads h ON h.id = e.heads"
     " WHERE h.id IS NULL AND ($1::text IS NULL OR e.profile = $1) ORDER BY 1, 2 LIMIT 1"},
    {"profile", "the profile of a row", "none",
     "SELECT l.profile, l.seq FROM ent_ledger l LEFT JOIN profile p ON p.id = l.profile"
     " WHERE p.id IS NULL AND ($1::text IS NULL OR l.profile = $1) ORDER BY 1, 2 LIMIT 1"},
    {"profile", "the profile of a balance", "none",
     "SELECT b.profile, 0 FROM ent_balance b LEFT JOIN profile p ON p.id = b.profile"
     " WHERE p.id IS NULL AND ($1::text IS NULL OR b.profile = $1) ORDER BY 1 LIMIT 1"},
    {"profile", "the profile of a subscription", "none",
     "SELECT s.profile, 0 FROM ent_subscription s LEFT JOIN profile p ON p.id = s.profile"
     " WHERE p.id IS NULL AND ($1::text IS NULL OR s.profile = $1) ORDER BY 1 LIMIT 1"},
};

struct straying {
  struct audit *audit;
  const struct stray *stray;
};

static int on_stray(void *owner, const PGresult *row, struct error *error) {
  struct straying *straying = owner;
  struct chain_fault fault = {.what = straying->stray->what};
  (void)error;
  (void)snprintf(fault.expected, sizeof fault.expected, "%s", straying->stray->expected);
  (void)snprintf(fault.found, sizeof fault.found, "%s", straying->stray->found);
  straying->audit->broken_profiles++;
  audit_report(straying->audit, column_text(row, 0), column_int64(row, 1), 0, &fault);
  return 0;
}

static int find_strays(struct audit *audit, struct job *job, struct error *error) {
  for (size_t i = 0; i < ELEMENTS(strays); i++) {
    struct straying straying = {audit, &strays[i]};
    if (audit_stream(job, strays[i].sql, audit->profile, true, on_stray, &straying, error) < 0) return -1;
  }
  return 0;
}

/* ---- all of it ---- */

static int on_signature(void *owner, const PGresult *row, struct error *error) { return lines_expect(owner, column_int64(row, 0), error); }

static int audit_rows(struct audit *audit, struct job *job, struct lines *lines, struct error *error) {
  struct walk walk = {.audit = audit, .lines = lines};
  buffer_init(&walk.scratch, ROW_MAX);
  int rc = audit_stream(job, rows_sql, audit->profile, true, on_row, &walk, error);
  buffer_done(&walk.scratch);
  return rc;
}

static int run(struct audit *audit, struct job *job, struct error *error) {
  _cleanup_(lines_freep) struct lines *lines = NULL;
  if (!audit->profile) {
    lines = lines_new();
    if (!lines) return error_oom(error);
    if (audit_stream(job, "SELECT id FROM ledger_heads ORDER BY id", NULL, false, on_signature, lines, error) < 0) return -1;
  }
  if (audit_rows(audit, job, lines, error) < 0 || find_strays(audit, job, error) < 0) return -1;
  return lines ? audit_heads(audit, job, lines, error) : 0;
}

int audit_run(struct audit *audit, struct job *job, struct error *error) {
  if (job_check_schema(job, schema_of_image(), error) < 0) return -1;
  if (job_run(job, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL, NULL, error) < 0) return -1;
  if (run(audit, job, error) < 0) return -1;
  return job_run(job, "COMMIT", 0, NULL, NULL, error);
}
