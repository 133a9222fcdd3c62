/* Sessions: the cookie that browsers at the console's origins send in place of a bearer token.
 *
 * It is sealed (seal.h), holds what the bearer token said, ends with it at the latest, and dies with the key that signed that token. It is
 * revoked in the database (store/credentials.h). The cookie is Secure, HttpOnly, SameSite=Strict, and bound to this host by its name
 * (RFC 6265bis, 4.1.3.2). What changes something must come from an allowed origin, exactly, and bear in x-csrf-token what the session's maker
 * was told: HMAC of the session's id, with the version of SESSION_SECRET that signed the cookie.
 *
 *     struct span cookie = session_cookie(request_header(&head, "cookie"));        // at NULL: none, or two of them
 *     session_csrf(&secrets, SECRET_CURRENT, sid, csrf);                           // for the answer to the maker
 *     if (!session_csrf_matches(&secrets, version, sid, given)) ...
 */
#pragma once

#include "auth/seal.h"

enum { SESSION_CSRF_SIZE = SHA256_HEX_SIZE };

/* The cookie's value within the field Cookie (RFC 6265, 4.2.1). */
struct span session_cookie(struct span field);

/* Appends the value of Set-Cookie. An empty VALUE takes the cookie back. */
void session_set_cookie(struct buffer *to, const char *value, int64_t max_age_s);

int session_csrf(const struct secrets *secrets, enum secret_version version, const char *sid, char to[SESSION_CSRF_SIZE]) _must_check_;
bool session_csrf_matches(const struct secrets *secrets, enum secret_version version, const char *sid, struct span given);
