/* What routes read from a head that the guard has let through: the choice of a representation, conditions, a cookie, a token and a cursor. */
#include "auth/bearer.h"
#include "auth/session.h"
#include "http/accept.h"
#include "http/guard.h"
#include "routes/etag.h"
#include "routes/precondition.h"
#include "store/ledger_page.h"
#include "testing/fuzz.h"

#include <string.h>

/* A part of the head, or nothing. */
static void check_span(const struct request_head *head, struct span span) {
  demand(!span.at || (span.at >= head->base && span.at + span.len <= head->base + head->len));
}

static void check_condition(const struct request *request, const char *name) {
  const char *match = NULL;
  demand(precondition_read(request, name, &match) == 0);
  demand(!match == !request_header(&request->head, name).at);
  if (!match) return;
  size_t n = strlen(match);
  demand(n >= 2 && match[0] == '{' && match[n - 1] == '}' && strspn(match + 1, "0123456789,") == n - 2);
}

static void check_cursor(const struct request_head *head) {
  char text[256], again[LEDGER_CURSOR_SIZE];
  int64_t before;
  if (request_query(head, "cursor", text, sizeof text) != 1 || ledger_cursor_parse(text, &before) < 0) return;
  ledger_cursor_print(before, again);
  demand(before > 0 && !strcmp(text, again));
}

static void check_head(const struct request_head *head) {
  static const char *const types[] = {"application/json", "application/jwt"};
  struct request request = {.head = *head, .arena = arena_new(1 << 20)};
  int chosen = accept_choose(head, types, ELEMENTS(types));
  demand(request.arena && chosen >= -1 && chosen < (int)ELEMENTS(types));
  demand(chosen == 0 || request_header(head, "accept").at);
  check_condition(&request, "if-match");
  check_condition(&request, "if-none-match");
  demand(!etag_matches(&request, "\"7\"") || request_header(head, "if-none-match").at);
  check_span(head, session_cookie(request_header(head, "cookie")));
  check_span(head, bearer_of(request_header(head, "authorization")));
  check_cursor(head);
  arena_free(request.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  struct request_head head = {0};
  struct guard guard;
  guard_init(&guard, &guard_default_limits);
  if (guard_head(&guard, (const char *)data, n, &head) != GUARD_DONE) return 0;
  head.base = (const char *)data;
  check_head(&head);
  return 0;
}
