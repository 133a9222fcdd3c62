/* /auth/session: a cookie in place of a bearer token, for the console's origins; and its end. */
#include "auth/session.h"

#include "base/clock.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include <inttypes.h>
#include <string.h>

static void answer(struct request *request, const char *cookie, const char *body) {
  request_field(request, "Set-Cookie", cookie);
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, 200, "application/json", body, strlen(body));
}

/* ---- POST ---- */

static int set_cookie(const struct app *app, const struct sealed *session, int64_t now_s, struct arena *arena, const char **ret) {
  _cleanup_buffer_ struct buffer text, cookie;
  buffer_init(&text, SEAL_MAX_BYTES + 256);
  buffer_init(&cookie, SEAL_MAX_BYTES + 256);
  if (seal(&app->secrets, SEAL_SESSION, now_s, session, &text) < 0) return -1;
  session_set_cookie(&cookie, buffer_text(&text), session->exp_s - now_s);
  *ret = cookie.failed ? NULL : arena_strdup(arena, buffer_text(&cookie));
  return *ret ? 0 : -1;
}

/* Who may not use the session afterwards isn't given one. */
static bool refuse_origin(struct request *request) {
  struct span origin = request_header(&request->head, "origin");
  if (origin.at && origins_hold(&app_of(request)->settings->cors_allowed_origins, origin.at, origin.len)) return false;
  request_refuse(request, PROBLEM_FORBIDDEN,
                 "Sessions are for the origins that CORS_ALLOWED_ORIGINS names, and this request's Origin is none of them.");
  return true;
}

void session_post(struct request *request) {
  const struct app *app = app_of(request);
  const struct principal *who = &call_of(request)->who;
  struct sealed session = {.sub = who->sub, .kid = who->kid, .roles = who->roles, .exp_s = who->until_s, .until_s = who->until_s};
  int64_t now_s = clock_real_ms() / 1000;
  char csrf[SESSION_CSRF_SIZE];
  const char *cookie;
  if (refuse_origin(request)) return;
  random_id(session.id);
  if (session_csrf(&app->secrets, SECRET_CURRENT, session.id, csrf) < 0 || set_cookie(app, &session, now_s, request->arena, &cookie) < 0) {
    request_refuse(request, PROBLEM_FORBIDDEN, "The token's subject is too long for a cookie.");
    return;
  }
  char *body = arena_printf(request->arena, "{\"ok\":true,\"csrfToken\":\"%s\",\"exp\":%" PRId64 "}", csrf, session.exp_s);
  if (body)
    answer(request, cookie, body);
  else
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
}

/* ---- DELETE ---- */

struct ending {
  struct request *request;
  struct credential_call call;
};

static void on_revoked(struct db_query *query, const PGresult *result, const struct error *error) {
  struct request *request = CONTAINER_OF(query, struct ending, call.query)->request;
  _cleanup_buffer_ struct buffer cookie;
  (void)result;
  buffer_init(&cookie, 256);
  session_set_cookie(&cookie, "", 0);
  if (error)
    call_fail(request, error);
  else
    answer(request, buffer_text(&cookie), "{\"ok\":true}");
}

void session_delete(struct request *request) {
  struct call *call = call_of(request);
  struct ending *ending = call->own = arena_alloc(request->arena, sizeof *ending);
  struct error error;
  if (!ending) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  ending->request = request;
  ending->call.query.done = on_revoked;
  session_revoke_query(&ending->call, call->who.sid, call->who.until_s);
  if (db_submit(app_of(request)->db, &ending->call.query, &error) < 0) call_fail(request, &error);
}

void session_cancel(struct request *request) {
  struct ending *ending = call_of(request)->own;
  if (ending) db_cancel(&ending->call.query);
}
