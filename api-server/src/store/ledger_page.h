/* A page of a profile's ledger, newest first. Fills the query and reads its result; sends nothing itself.
 *
 *     struct ledger_page page = {.before = LEDGER_NEWEST, .limit = 50};           // or of a cursor: ledger_cursor_parse(text, &page.before)
 *     ledger_page_query(&reading->page_call, profile, &page);
 *     ... on_done: ledger_page_read(result, &page, &error);                       // seqs of what came, and whether there is more
 *     ledger_page_json(result, &page, true, body);
 *
 * Rows never change and new ones have greater numbers, so whoever follows the cursors sees each row once, whatever is appended meanwhile.
 */
#pragma once

#include "base/buffer.h"
#include "store/db.h"

#define LEDGER_NEWEST INT64_MAX

enum { LEDGER_PAGE_MAX = 100, LEDGER_CURSOR_SIZE = 48 };

struct ledger_page {
  int64_t before; /* rows with lesser seq */
  int64_t limit;  /* 1 … LEDGER_PAGE_MAX */

  /* of ledger_page_read */
  int rows;
  int64_t first, last; /* seqs of the first and last row; 0: there is none */
  bool more;
};

/* Opaque to clients: base64url. -1 for what is no cursor. */
int ledger_cursor_parse(const char *text, int64_t *ret_before) _must_check_;
void ledger_cursor_print(int64_t before, char to[LEDGER_CURSOR_SIZE]);

/* The query with room for its numbers; `query` first. */
struct ledger_page_call {
  struct db_query query;
  char before[24], limit[24];
};
void ledger_page_query(struct ledger_page_call *call, const char *profile, const struct ledger_page *page);
int ledger_page_read(const PGresult *result, struct ledger_page *page, struct error *error) _must_check_;

/* "entries":[{"seq":2,"at":"…","kind":"coins","amount":5,…},…],"next":"…" (null on the last page). WITH_ACTOR: also who asked for it. */
void ledger_page_json(const PGresult *result, const struct ledger_page *page, bool with_actor, struct buffer *to);
