/* GET /api/entitlements/:profileId/ledger: what was given and taken, newest first, for the profile itself and for those who look after it.
 *
 * ?limit=1…100 (50); ?cursor= the `next` of the page before, null on the last one. Who asked for a change (`actor`) is told to the roles
 * admin and finance alone. `head` is the hash that the row adds to the profile's chain. */
#include "store/ledger_page.h"

#include "base/number.h"
#include "routes/bodies.h"
#include "routes/call.h"
#include "routes/etag.h"
#include "routes/handlers.h"

#include <inttypes.h>
#include <string.h>

enum { LIMIT_DEFAULT = 50 };
enum { LIMIT, CURSOR };

const struct field ledger_query[] = {[LIMIT] = {"limit", FIELD_INTEGER, false, 1, LEDGER_PAGE_MAX},
                                     [CURSOR] = {"cursor", FIELD_TEXT, false, 1, LEDGER_CURSOR_SIZE - 1},
                                     {0}};

struct paging {
  struct request *request;
  struct ledger_page page;
  struct ledger_page_call call;
  bool with_actor;
};

static void on_page(struct db_query *query, const PGresult *result, const struct error *error) {
  struct paging *own = CONTAINER_OF(query, struct paging, call.query);
  struct request *request = own->request;
  struct error failure;
  if (error || ledger_page_read(result, &own->page, &failure) < 0) {
    call_fail(request, error ? error : &failure);
    return;
  }
  /* rows never change: what a page holds follows from its first row, whether others follow it, and who asks */
  char *etag = arena_printf(request->arena, "\"%" PRId64 "-%d-%d\"", own->page.first, own->page.more, own->with_actor);
  struct buffer *body = request_scratch(request);
  buffer_puts(body, "{\"ok\":true,");
  ledger_page_json(result, &own->page, own->with_actor, body);
  buffer_puts(body, "}");
  request_field(request, "Vary", "Authorization, Cookie");
  etag_answer(request, etag ? etag : "\"\"", "private, no-cache", "application/json", body->data, body->len);
}

/* False: a parameter was wrong, and the request is answered. */
static bool read_parameters(struct request *request, struct ledger_page *page) {
  struct wrong_fields wrong = {.arena = request->arena};
  char limit[24], cursor[LEDGER_CURSOR_SIZE];
  int got_limit = request_query(&request->head, ledger_query[LIMIT].name, limit, sizeof limit);
  int got_cursor = request_query(&request->head, ledger_query[CURSOR].name, cursor, sizeof cursor);
  *page = (struct ledger_page){.before = LEDGER_NEWEST, .limit = LIMIT_DEFAULT};
  if (got_limit < 0 || (got_limit && parse_int64(limit, ledger_query[LIMIT].min, ledger_query[LIMIT].max, &page->limit) < 0))
    fields_wrong(&wrong, "", "limit", "must be a whole number from 1 to 100");
  if (got_cursor < 0 || (got_cursor && ledger_cursor_parse(cursor, &page->before) < 0))
    fields_wrong(&wrong, "", "cursor", "must be what `next` of another page was");
  return !fields_answer(request, &wrong);
}

void ledger_get(struct request *request) {
  struct call *call = call_of(request);
  struct paging *own = call->own = arena_alloc(request->arena, sizeof *own);
  const char *profile = request->parameters.values[0];
  bool looks_after = call->who.roles & (ROLE_ADMIN | ROLE_FINANCE);
  struct error error;
  if (strcmp(call->who.sub, profile) != 0 && !looks_after) {
    request_refuse(request, PROBLEM_FORBIDDEN, "This is the ledger of somebody else; the roles admin and finance may read it.");
    return;
  }
  if (!own) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  if (!read_parameters(request, &own->page)) return;
  own->request = request;
  own->with_actor = looks_after;
  own->call.query.done = on_page;
  ledger_page_query(&own->call, profile, &own->page);
  if (db_submit(app_of(request)->db, &own->call.query, &error) < 0) call_fail(request, &error);
}

void ledger_cancel(struct request *request) {
  struct paging *own = call_of(request)->own;
  if (own) db_cancel(&own->call.query);
}
