/* What this server signs for itself alone: session cookies and tickets, as HS256 tokens (RFC 7515; RFC 7518, 3.2).
 *
 *     session   typ session+jwt   aud <AUTH_AUDIENCE>/session   SESSION_SECRET
 *     ticket    typ ticket+jwt    aud <AUTH_AUDIENCE>/ticket    APP_JWT_SECRET
 *
 * Kind, audience and key are different for each, and for bearer tokens (RS256), so that none passes for another. The header is one constant
 * text a kind: what doesn't begin with exactly that is refused unread, so nobody can choose an algorithm. The key is derived from the secret
 * by the kind's name (secrets.h).
 *
 *     struct sealed ticket = {.sub = who->sub, .roles = who->roles, .kid = who->kid, .exp_s = now_s + 60, .until_s = who->exp_s};
 *     random_id(ticket.id);
 *     seal(&secrets, SEAL_TICKET, now_s, &ticket, &text);
 *     ...
 *     if (seal_open(&secrets, SEAL_TICKET, text, now_s, arena, &ticket, &version, &why_not) < 0) ...          "expired"
 */
#pragma once

#include "auth/secrets.h"
#include "auth/token_cache.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/random.h"

enum seal_kind { SEAL_SESSION, SEAL_TICKET };
enum {
  SEAL_ID_SIZE = RANDOM_ID_SIZE,
  SEAL_MAX_BYTES = 3072 /* a browser keeps cookies of up to 4096 bytes, name and attributes included */
};

struct sealed {
  char id[SEAL_ID_SIZE]; /* of random_id() */
  const char *sub;
  const char *kid; /* of the key that signed the bearer token in which this began */
  const char *sid; /* of the session with which a ticket was bought; NULL: with a bearer token. A session's own is its id */
  unsigned roles;  /* enum role */
  int64_t exp_s;   /* when this ends */
  int64_t until_s; /* when what it was bought with ends: of a session the same */
};

/* Appends the text. -1 where the secret isn't set or the subject is too long for SEAL_MAX_BYTES; what was appended is then no token. */
int seal(const struct secrets *secrets, enum seal_kind kind, int64_t now_s, const struct sealed *what, struct buffer *to) _must_check_;

/* -1: RET_WHY_NOT is a word. At NOW_S 0 nothing has expired yet: for who asks about a ticket that was used, and looks at until_s itself. The texts of RET are in the arena; VERSION is that of the secret which verified it. */
int seal_open(const struct secrets *secrets, enum seal_kind kind, struct span text, int64_t now_s, struct arena *arena, struct sealed *ret,
              enum secret_version *ret_version, const char **ret_why_not) _must_check_;
