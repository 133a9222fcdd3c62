#include "store/ledger_page.h"

#include "base/number.h"
#include "codec/base64.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In the order of STATEMENT_LEDGER. */
static const struct column {
  const char *name;
  enum { NUMBER, TEXT, ACTOR } type;
} columns[] = {{"seq", NUMBER},     {"at", TEXT},     {"kind", TEXT},   {"amount", NUMBER}, {"plan", TEXT},
               {"expiresAt", TEXT}, {"reason", TEXT}, {"source", TEXT}, {"origin", TEXT},   {"externalRef", TEXT},
               {"coins", NUMBER},   {"debt", NUMBER}, {"head", TEXT},   {"actor", ACTOR}};

static const char cursor_prefix[] = "ledger/";

void ledger_cursor_print(int64_t before, char to[LEDGER_CURSOR_SIZE]) {
  char plain[LEDGER_CURSOR_SIZE];
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, LEDGER_CURSOR_SIZE);
  int n = snprintf(plain, sizeof plain, "%s%" PRId64, cursor_prefix, before);
  base64url_encode(plain, (size_t)n, &text);
  (void)snprintf(to, LEDGER_CURSOR_SIZE, "%s", buffer_text(&text));
}

int ledger_cursor_parse(const char *text, int64_t *ret_before) {
  _cleanup_buffer_ struct buffer plain;
  buffer_init(&plain, LEDGER_CURSOR_SIZE);
  if (base64url_decode(text, strlen(text), &plain) < 0) return -1;
  const char *at = buffer_text(&plain);
  if (strncmp(at, cursor_prefix, sizeof cursor_prefix - 1) != 0) return -1;
  size_t n = sizeof cursor_prefix - 1;
  return parse_int64_n(at + n, plain.len - n, 1, INT64_MAX, ret_before);
}

void ledger_page_query(struct ledger_page_call *call, const char *profile, const struct ledger_page *page) {
  (void)snprintf(call->before, sizeof call->before, "%" PRId64, page->before);
  (void)snprintf(call->limit, sizeof call->limit, "%" PRId64, page->limit + 1);
  call->query.statement = STATEMENT_LEDGER;
  db_parameter(&call->query, 0, profile);
  db_parameter(&call->query, 1, call->before);
  db_parameter(&call->query, 2, call->limit);
}

int ledger_page_read(const PGresult *result, struct ledger_page *page, struct error *error) {
  page->more = db_rows(result) > page->limit;
  page->rows = page->more ? (int)page->limit : db_rows(result);
  page->first = page->last = 0;
  if (!page->rows) return 0;
  if (db_int64(result, 0, 0, &page->first, error) < 0) return -1;
  return db_int64(result, page->rows - 1, 0, &page->last, error);
}

static void put_row(const PGresult *result, int row, bool with_actor, struct buffer *to) {
  for (int i = 0; i < (int)ELEMENTS(columns); i++) {
    const char *text = db_text(result, row, i);
    if (columns[i].type == ACTOR && !with_actor) continue;
    buffer_printf(to, "%c\"%s\":", i ? ',' : '{', columns[i].name);
    if (!text)
      buffer_puts(to, "null");
    else if (columns[i].type == NUMBER)
      buffer_puts(to, text);
    else
      buffer_json_string(to, text, strlen(text));
  }
  buffer_puts(to, "}");
}

void ledger_page_json(const PGresult *result, const struct ledger_page *page, bool with_actor, struct buffer *to) {
  char cursor[LEDGER_CURSOR_SIZE];
  buffer_puts(to, "\"entries\":[");
  for (int row = 0; row < page->rows; row++) {
    if (row) buffer_puts(to, ",");
    put_row(result, row, with_actor, to);
  }
  if (!page->more) {
    buffer_puts(to, "],\"next\":null");
    return;
  }
  ledger_cursor_print(page->last, cursor);
  buffer_printf(to, "],\"next\":\"%s\"", cursor);
}
