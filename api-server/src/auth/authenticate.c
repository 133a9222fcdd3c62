#include "auth/authenticate.h"

#include "auth/bearer.h"
#include "auth/resume.h"
#include "auth/session.h"
#include "base/clock.h"
#include "crypto/jwks.h"

static bool decide(struct authentication *a, enum auth_outcome outcome, const char *why_not) {
  a->outcome = outcome;
  a->why_not = why_not;
  return true;
}

/* ---- which credential ---- */

static void choose(struct authentication *a) {
  const struct credentials *given = &a->given;
  struct span token = given->accepted & CREDENTIAL_BEARER ? bearer_of(given->authorization) : (struct span){0};
  struct span cookie = given->accepted & CREDENTIAL_SESSION ? session_cookie(given->cookie) : (struct span){0};
  if (given->accepted & CREDENTIAL_TICKET && given->ticket.at) {
    a->credential = CREDENTIAL_TICKET;
    a->text = given->ticket;
  } else if (token.at) {
    a->credential = CREDENTIAL_BEARER;
    a->text = token;
  } else if (cookie.at) {
    a->credential = CREDENTIAL_SESSION;
    a->text = cookie;
  }
}

/* ---- the first step ---- */

static struct principal principal_of(const struct authentication *a) {
  const struct sealed *sealed = a->sealed;
  return (struct principal){.sub = sealed->sub,
                            .roles = sealed->roles,
                            .verified = true,
                            .credential = a->credential,
                            .kid = sealed->kid,
                            .until_s = sealed->until_s,
                            .sid = a->credential == CREDENTIAL_SESSION ? sealed->id : sealed->sid};
}

/* NULL, or why a session may not be used for this request. */
static const char *misuse(const struct authentication *a, enum secret_version version) {
  const struct credentials *given = &a->given;
  if (!given->changes && !given->upgrades) return NULL;
  if (!given->origin.at || !origins_hold(&a->auth->settings->cors_allowed_origins, given->origin.at, given->origin.len))
    return "A session is good for the origins that CORS_ALLOWED_ORIGINS names, and this request's Origin is none of them.";
  if (given->changes && !session_csrf_matches(a->auth->secrets, version, a->sealed->id, given->csrf))
    return "The field x-csrf-token is missing, or isn't the one of this session.";
  return NULL;
}

/* A used ticket, together with the id of the last event that it has brought. */
static bool resumes(struct authentication *a) {
  enum secret_version version;
  const char *why_not;
  int64_t position, until_s;
  if (!a->given.resume.at || seal_open(a->auth->secrets, SEAL_TICKET, a->text, 0, a->arena, a->sealed, &version, &why_not) < 0)
    return false;
  if (!resume_read(a->auth->secrets, a->given.resume, a->sealed->id, a->sealed->sub, &position, &until_s)) return false;
  return until_s == a->sealed->until_s && until_s > clock_real_ms() / 1000;
}

static bool open_seal(struct authentication *a, enum seal_kind kind) {
  enum secret_version version;
  const char *why_not;
  a->sealed = arena_alloc(a->arena, sizeof *a->sealed);
  if (!a->sealed) return decide(a, AUTH_REFUSED, "out of memory");
  a->resumed = kind == SEAL_TICKET && resumes(a);
  if (!a->resumed && seal_open(a->auth->secrets, kind, a->text, clock_real_ms() / 1000, a->arena, a->sealed, &version, &why_not) < 0)
    return decide(a, AUTH_REFUSED, why_not);
  a->unknown_key = !bearer_knows_key(a->auth, a->sealed->kid);
  if (a->unknown_key) return decide(a, AUTH_REFUSED, "unknown_key");
  why_not = kind == SEAL_SESSION ? misuse(a, version) : NULL;
  if (why_not) return decide(a, AUTH_FORBIDDEN, why_not);
  a->who = principal_of(a);
  return decide(a, AUTH_ACCEPTED, NULL);
}

static bool verify_token(struct authentication *a) {
  const char *why_not;
  if (bearer_verify(a->auth, a->text, clock_real_ms() / 1000, a->arena, &a->who, &a->unknown_key, &why_not) < 0)
    return decide(a, AUTH_REFUSED, why_not);
  return decide(a, AUTH_ACCEPTED, NULL);
}

static bool attempt(struct authentication *a) {
  a->unknown_key = false;
  switch (a->credential) {
    case CREDENTIAL_BEARER: return verify_token(a);
    case CREDENTIAL_SESSION: return open_seal(a, SEAL_SESSION);
    case CREDENTIAL_TICKET: return open_seal(a, SEAL_TICKET);
    case CREDENTIAL_USUAL: break; /* a set, never one of them */
  }
  return decide(a, AUTH_ABSENT, NULL);
}

static void on_fetched(struct foreign_wait *wait) {
  struct authentication *a = CONTAINER_OF(wait, struct authentication, wait);
  (void)attempt(a);
  a->done(a);
}

static bool copy(struct authentication *a, struct span *span) {
  if (span->at) span->at = arena_strndup(a->arena, span->at, span->len);
  return span->at || !span->len;
}

/* What is read again after the wait: the request's buffer may have moved until then. */
static bool keep(struct authentication *a) {
  return copy(a, &a->text) && copy(a, &a->given.origin) && copy(a, &a->given.csrf) && copy(a, &a->given.resume);
}

bool authenticate(struct authenticator *auth, struct authentication *a, const struct credentials *given, struct arena *arena) {
  a->auth = auth;
  a->arena = arena;
  a->given = *given;
  a->wait.done = on_fetched;
  choose(a);
  return attempt(a) && !(a->unknown_key && keep(a) && foreign_keys_wait(auth->foreign, &a->wait));
}

/* ---- the second step ---- */

static void finish(struct authentication *a, const struct error *error, const char *why_not) {
  if (error) a->error = *error;
  (void)decide(a, error ? AUTH_UNAVAILABLE : why_not ? AUTH_REFUSED : AUTH_ACCEPTED, why_not);
  a->done(a);
}

static void on_session(struct db_query *query, const PGresult *result, const struct error *error) {
  finish(CONTAINER_OF(query, struct authentication, call.query), error, !error && session_is_revoked(result) ? "revoked" : NULL);
}

static void on_ticket(struct db_query *query, const PGresult *result, const struct error *error) {
  static const char *const words[] = {[TICKET_REDEEMED] = NULL, [TICKET_USED] = "used", [TICKET_REVOKED] = "revoked"};
  enum ticket_outcome outcome = TICKET_REDEEMED;
  struct error failure;
  if (!error && ticket_redeem_read(result, &outcome, &failure) < 0) error = &failure;
  finish(CONTAINER_OF(query, struct authentication, call.query), error, words[outcome]);
}

bool authenticate_confirm(struct authentication *a) {
  bool of_session = a->credential == CREDENTIAL_SESSION || (a->resumed && a->who.sid);
  if (a->credential == CREDENTIAL_BEARER || (a->resumed && !of_session)) return true;
  a->call.query = (struct db_query){.done = of_session ? on_session : on_ticket};
  if (of_session)
    session_check_query(&a->call.query, a->who.sid);
  else
    ticket_redeem_query(&a->call, a->sealed->id, a->sealed->exp_s, a->sealed->sid);
  if (db_submit(a->auth->db, &a->call.query, &a->error) == 0) return false;
  return decide(a, AUTH_UNAVAILABLE, NULL);
}

void authenticate_cancel(struct authentication *a) {
  foreign_wait_cancel(&a->wait);
  db_cancel(&a->call.query);
}
