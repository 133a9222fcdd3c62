#include "ledger/audit_heads.h"

#include "codec/base64.h"
#include "ledger/audit_internal.h"
#include "ledger/heads.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1024 };

enum heads_column { HEADS_ID, HEADS_HOUR, HEADS_WHOLE, HEADS_PROFILES, HEADS_LINES, HEADS_PREV, HEADS_DIGEST, HEADS_KID, HEADS_SIGNATURE };

static const char heads_sql[] = "SELECT id, " TIME("hour") ", whole, profiles, encode(lines_sha256, 'hex'), encode(prev, 'hex'), encode(digest, 'hex'), kid,"
                                " translate(encode(signature, 'base64'), E'\\n', '') FROM ledger_heads ORDER BY id";

struct heads_walk {
  struct audit *audit;
  struct lines *lines;
  int64_t id;
  char digest[SHA256_HEX_SIZE];
};

static int blame(struct chain_fault *fault, const char *what, const char *expected, const char *found) {
  fault->what = what;
  (void)snprintf(fault->expected, sizeof fault->expected, "%.*s", CHAIN_SHOWN_MAX, expected);
  (void)snprintf(fault->found, sizeof fault->found, "%.*s", CHAIN_SHOWN_MAX, found ? found : "null");
  return -1;
}

static int expect(struct chain_fault *fault, const char *what, const char *expected, const char *found) {
  return found && !strcmp(expected, found) ? 0 : blame(fault, what, expected, found);
}

static enum heads_verdict judge(const struct audit *audit, const struct heads *heads, const PGresult *row) {
  const char *text = column_text(row, HEADS_SIGNATURE);
  _cleanup_buffer_ struct buffer signature;
  buffer_init(&signature, RSA_MAX_BYTES);
  if (base64_decode(text, strlen(text), &signature) < 0) return HEADS_WRONG;
  return heads_check(heads, audit->keys, column_text(row, HEADS_KID), signature.data, signature.len);
}

static int check_signature(struct audit *audit, const struct heads *heads, const PGresult *row, struct chain_fault *fault) {
  if (!column_text(row, HEADS_SIGNATURE)) return audit->heads_unsigned++, 0;
  switch (judge(audit, heads, row)) {
    case HEADS_WRONG: return blame(fault, "signature", "one by the key that kid names", "another");
    case HEADS_UNKNOWN_KEY: audit->heads_unknown_key++; break;
    case HEADS_RIGHT:
      if (heads->whole) (void)snprintf(audit->newest_hour, sizeof audit->newest_hour, "%s", heads->hour);
  }
  return 0;
}

/* HEADS as the rows of the ledger make it: what differs is the database's. */
static int check_heads(struct heads_walk *walk, const PGresult *row, struct heads *heads, struct chain_fault *fault, struct error *error) {
  char id[24], count[24], lines[SHA256_HEX_SIZE];
  (void)snprintf(id, sizeof id, "%lld", (long long)++walk->id);
  if (lines_end(walk->lines, walk->id, lines, &heads->profiles, error) < 0) return -1;
  (void)snprintf(count, sizeof count, "%lld", (long long)heads->profiles);
  if (expect(fault, "id", id, column_text(row, HEADS_ID)) < 0 || expect(fault, "prev", walk->digest, column_text(row, HEADS_PREV)) < 0 ||
      expect(fault, "profiles", count, column_text(row, HEADS_PROFILES)) < 0 ||
      expect(fault, "lines", lines, column_text(row, HEADS_LINES)) < 0)
    return -1;
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, TEXT_MAX);
  heads_text(heads, &text);
  if (text.failed || sha256_hex(text.data, text.len, walk->digest) < 0) return error_oom(error);
  return expect(fault, "digest", walk->digest, column_text(row, HEADS_DIGEST));
}

static int on_heads(void *owner, const PGresult *row, struct error *error) {
  struct heads_walk *walk = owner;
  struct audit *audit = walk->audit;
  struct chain_fault fault = {0};
  struct heads heads = {.id = column_int64(row, HEADS_ID),
                        .hour = column_text(row, HEADS_HOUR),
                        .whole = column_bool(row, HEADS_WHOLE),
                        .lines_sha256 = column_text(row, HEADS_LINES),
                        .prev = column_text(row, HEADS_PREV)};
  audit->heads++;
  if (check_heads(walk, row, &heads, &fault, error) == 0 && check_signature(audit, &heads, row, &fault) == 0) return 0;
  if (!fault.what) return -1;
  audit->broken_heads++;
  audit_report(audit, NULL, 0, heads.id, &fault);
  /* what follows is compared with what the row says, so that one break isn't told as many */
  walk->id = heads.id;
  (void)snprintf(walk->digest, sizeof walk->digest, "%s", column_text(row, HEADS_DIGEST));
  return 0;
}

int audit_heads(struct audit *audit, struct job *job, struct lines *lines, struct error *error) {
  struct heads_walk walk = {.audit = audit, .lines = lines};
  memset(walk.digest, '0', SHA256_HEX_SIZE - 1);
  return audit_stream(job, heads_sql, NULL, false, on_heads, &walk, error);
}
