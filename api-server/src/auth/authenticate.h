/* Who asks: by a bearer token, a session's cookie, or a ticket, as the route allows; verified.
 *
 * In two steps, with the rate limit between them. The first proves who made the credential, for whom, and until when; it costs the database
 * nothing, and waits only for a foreign key that nobody knows yet (foreign_keys.h). The second asks the database what only it knows: that the
 * session wasn't ended, that the ticket is used for the first time. It is asked each time, by one indexed read: what was ended or used counts for
 * every worker of every replica from the commit on.
 *
 *     call->auth.done = on_authenticated;                                  // call->auth is zeroed memory
 *     if (authenticate(auth, &call->auth, &given, arena)) ...              // decided at once; else `done` is called later, once
 *     if (call->auth.outcome == AUTH_ACCEPTED) limit(call->auth.who.sub) ...
 *     call->auth.done = on_confirmed;
 *     if (authenticate_confirm(&call->auth)) ...                           // the same way; the outcome may have changed
 *
 * Of several credentials the ticket counts before the token, the token before the cookie; where that one is refused no other is tried.
 * A session that is to change something, or to open a WebSocket, must come from an origin of CORS_ALLOWED_ORIGINS, exactly; to change
 * something it must also bear x-csrf-token.
 *
 * What stays open longer than a request (a stream, a WebSocket) ends at who.until_s, when bearer_knows_key() doesn't know who.kid any more, and
 * when the session who.sid, where there is one, is ended (session_check_query).
 *
 * One authenticator a worker; made after fork.
 */
#pragma once

#include "auth/bypass.h"
#include "auth/foreign_keys.h"
#include "auth/keys.h"
#include "auth/secrets.h"
#include "auth/token_cache.h"
#include "base/arena.h"
#include "http/router.h"
#include "store/credentials.h"

struct authenticator {
  const struct settings *settings;
  const struct keys *keys;
  struct foreign_keys *foreign;
  const struct secrets *secrets;
  struct token_cache *cache;
  struct db *db;
  struct bypass bypass;
  struct series *hits, *misses;
};

/* What a request brought; spans of fields that are absent have no `at`. */
struct credentials {
  unsigned accepted; /* enum credential: all others are not looked at */
  struct span authorization, cookie, origin, csrf;
  struct span ticket;
  struct span resume; /* of an EventSource that comes back with its old ticket (resume.h) */
  bool changes;       /* its method is none of the safe ones (RFC 9110, 9.2.1) */
  bool upgrades;      /* to a WebSocket: browsers let any origin ask for one, with cookies, and can't send other fields */
};

struct principal {
  const char *sub; /* in the arena; "anonymous" without a token while the bypass is open */
  unsigned roles;  /* enum role */
  bool verified;   /* false: the bypass let it in, and nothing of it is certain; nothing below is set */
  enum credential credential;
  const char *kid; /* of the key that signed the bearer token in which it began: gone with that key */
  int64_t until_s; /* when it ends: of a ticket, when that ends with which it was bought */
  const char *sid; /* of the session that this is, or with which the ticket was bought; else NULL */
};

enum auth_outcome {
  AUTH_ABSENT, /* no credential of an accepted kind: 401 */
  AUTH_ACCEPTED,
  AUTH_REFUSED,     /* 401; why_not is a word */
  AUTH_FORBIDDEN,   /* 403; why_not is a sentence: a session from elsewhere */
  AUTH_UNAVAILABLE, /* the database can't be asked: `error` says why */
};

struct authentication {
  void (*done)(struct authentication *authentication);
  enum auth_outcome outcome;
  struct principal who;       /* with AUTH_ACCEPTED */
  enum credential credential; /* that was looked at; 0 with AUTH_ABSENT */
  const char *why_not;
  struct error error;

  /* its own */
  struct authenticator *auth;
  struct arena *arena;
  struct credentials given;
  struct span text;
  bool unknown_key;
  struct foreign_wait wait;
  struct sealed *sealed; /* of a session or a ticket */
  bool resumed;          /* the ticket was redeemed before, and its end is known */
  struct credential_call call;
};

/* True: decided. GIVEN is copied as far as it is needed later. */
bool authenticate(struct authenticator *auth, struct authentication *authentication, const struct credentials *given,
                  struct arena *arena) _must_check_;
bool authenticate_confirm(struct authentication *authentication) _must_check_; /* only after AUTH_ACCEPTED */
void authenticate_cancel(struct authentication *authentication);               /* fine when nothing is under way */

/* What the bypass takes from a token that couldn't be verified, or from none: its subject, no role. */
struct principal authenticate_unverified(struct span authorization, struct arena *arena);
