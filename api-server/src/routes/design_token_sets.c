/* GET, POST /api/design/tokens: everybody may read them, admins post new ones.
 *
 * A posted set is whole and stays as it came, under the next version, which is its entity tag; ?version=N reads that one, for ever. Whoever posts
 * names the version that he has seen with If-Match: without it 428, and where it is no longer in force 412. The first is posted with
 * If-None-Match: *, or with neither. What is mounted is served only until then, and its entity tag names no version. */
#include "routes/design_tokens.h"

#include "base/log.h"
#include "base/number.h"
#include "routes/bodies.h"
#include "routes/call.h"
#include "routes/design_tokens_check.h"
#include "routes/etag.h"
#include "routes/handlers.h"
#include "routes/precondition.h"
#include "store/statements.h"

#include <inttypes.h>
#include <string.h>

struct own {
  struct request *request;
  struct design_tokens_query asked; /* its query serves for every question */
};

const struct field design_tokens_query_rules[] = {{"version", FIELD_INTEGER, false, 1, JSON_INT_MAX}, {0}};

static struct own *begin(struct request *request, void (*done)(struct db_query *, const PGresult *, const struct error *)) {
  struct own *own = call_of(request)->own = arena_alloc(request->arena, sizeof *own);
  if (!own) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return NULL;
  }
  own->request = request;
  own->asked.query.done = done;
  return own;
}

static struct own *own_of(struct db_query *query) { return CONTAINER_OF(query, struct own, asked.query); }

static void ask(struct own *own) {
  struct error error;
  if (db_submit(app_of(own->request)->db, &own->asked.query, &error) < 0) call_fail(own->request, &error);
}

/* ---- GET ---- */

/* While the database is away, what was known last is better than nothing. */
static void on_newest(struct db_query *query, const PGresult *result, const struct error *error) {
  struct own *own = own_of(query);
  struct request *request = own->request;
  struct design_tokens *tokens = &app_of(request)->design_tokens;
  struct error failure;
  if (error) {
    if (error->kind != ERROR_RETRY || !tokens->known) {
      call_fail(request, error);
      return;
    }
  } else if (design_tokens_take(tokens, &own->asked, result, &failure) < 0) {
    call_fail(request, &failure);
    return;
  }
  struct design_tokens_set set = design_tokens_in_force(tokens);
  if (set.text)
    etag_answer(request, set.etag, "public, no-cache", "application/json", set.text, set.len);
  else
    request_refuse(request, PROBLEM_NOT_FOUND, "No design tokens were posted, and none are mounted.");
}

static void on_version(struct db_query *query, const PGresult *result, const struct error *error) {
  struct own *own = own_of(query);
  const char *etag = arena_printf(own->request->arena, "\"%s\"", own->asked.text);
  const char *text = !error && db_rows(result) > 0 ? db_text(result, 0, 0) : NULL;
  if (error)
    call_fail(own->request, error);
  else if (!text || !etag)
    request_refuse(own->request, PROBLEM_NOT_FOUND, "There is no such version of the design tokens.");
  else
    etag_answer(own->request, etag, "public, max-age=31536000, immutable", "application/json", text, strlen(text));
}

/* 1: a version is asked for, 0: none is, -1: the request is answered. */
static int read_version(struct request *request, char *to, size_t size) {
  struct wrong_fields wrong = {.arena = request->arena};
  const struct field *rule = design_tokens_query_rules;
  int64_t version;
  int got = request_query(&request->head, rule->name, to, size);
  if (got < 0 || (got && parse_int64(to, rule->min, rule->max, &version) < 0))
    fields_wrong(&wrong, "", rule->name, "must be a whole number from 1");
  return fields_answer(request, &wrong) ? -1 : got;
}

void design_tokens_get(struct request *request) {
  struct own *own = begin(request, on_newest);
  int got = own ? read_version(request, own->asked.text, sizeof own->asked.text) : -1;
  if (got < 0) return;
  if (got) {
    own->asked.query.statement = STATEMENT_DESIGN_TOKENS_AT;
    own->asked.query.done = on_version;
    db_parameter(&own->asked.query, 0, own->asked.text);
  } else {
    design_tokens_query(&app_of(request)->design_tokens, &own->asked);
  }
  ask(own);
}

/* ---- POST ---- */

static void answer(struct request *request, int64_t version) {
  struct buffer *body = request_scratch(request);
  const char *etag = arena_printf(request->arena, "\"%" PRId64 "\"", version);
  log_info("design tokens were posted", log_str("reqId", request->id), log_str("actor", call_of(request)->who.sub),
           log_int("version", version));
  buffer_printf(body, "{\"ok\":true,\"version\":%" PRId64 "}", version);
  request_field(request, "ETag", etag ? etag : "\"\"");
  request_field(request, "Cache-Control", "no-cache");
  request_answer(request, 201, "application/json", body->data, body->len);
}

static void on_posted(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *request = own_of(query)->request;
  struct error failure;
  int64_t version;
  const char *outcome = !error && db_rows(result) == 1 ? db_text(result, 0, 0) : NULL;
  if (error || db_int64(result, 0, 1, &version, &failure) < 0)
    call_fail(request, error ? error : &failure);
  else if (outcome && !strcmp(outcome, "done"))
    answer(request, version);
  else if (outcome && !strcmp(outcome, "unconditional"))
    request_refuse(request, PROBLEM_PRECONDITION_REQUIRED, "If-Match must name the version that these tokens replace.");
  else
    request_refuse(request, PROBLEM_PRECONDITION_FAILED,
                   version ? "Another version is in force than If-Match or If-None-Match allow." : "No version was posted yet.");
}

void design_tokens_post(struct request *request) {
  struct call *call = call_of(request);
  struct wrong_fields wrong = {.arena = request->arena};
  const char *match = NULL, *unless = NULL, *text = NULL;
  if (!(call->who.roles & ROLE_ADMIN)) {
    request_refuse(request, PROBLEM_FORBIDDEN, "Only the role admin may post design tokens.");
    return;
  }
  design_tokens_check(call->json, &wrong);
  struct own *own = fields_answer(request, &wrong) ? NULL : begin(request, on_posted);
  if (!own) return;
  text = arena_strndup(request->arena, request->body, request->body_len);
  if (!text || precondition_read(request, "if-match", &match) < 0 || precondition_read(request, "if-none-match", &unless) < 0) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  const char *values[] = {text, call->who.sub, match, unless};
  own->asked.query.statement = STATEMENT_DESIGN_TOKENS_POST;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&own->asked.query, i, values[i]);
  ask(own);
}

void design_tokens_cancel(struct request *request) {
  struct own *own = call_of(request)->own;
  if (own) db_cancel(&own->asked.query);
}
