/* Where a live client was, as the id of the last event that it got: "<position>.<until>.<mac>".
 *
 * A browser's EventSource comes back by itself, to the same address and with that id in Last-Event-ID (HTML, 9.2.3). The ticket in the address
 * is used and over by then; the id stands in for it: it was signed (HMAC-SHA256, a key derived from APP_JWT_SECRET) for this ticket and this
 * subject, and is good until the credential ends with which the ticket was bought. Who comes with a token or a cookie is let in by that,
 * and the id only says where to go on.
 */
#pragma once

#include "auth/secrets.h"

enum { RESUME_SIZE = 80 };

/* TICKET: its id, or "" where there is none. Without APP_JWT_SECRET the text is one that nobody can resume from. */
void resume_print(const struct secrets *secrets, const char *ticket, const char *sub, int64_t position, int64_t until_s,
                  char to[RESUME_SIZE]);

/* False: it is none of ours, or not of this ticket and subject. Whether it is over is for the caller to see. */
bool resume_read(const struct secrets *secrets, struct span text, const char *ticket, const char *sub, int64_t *ret_position,
                 int64_t *ret_until_s);
