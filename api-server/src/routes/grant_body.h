/* The body of POST /api/entitlements/grant: what is wrong with it, and what it asks for. Pure.
 *
 *     struct wrong_fields wrong = {.arena = request->arena};
 *     grant_body_check(json, &wrong);
 *     if (fields_answer(request, &wrong)) return;
 *     struct grant grant = grant_body_read(json, call->who.sub, sha256);
 */
#pragma once

#include "crypto/digest.h"
#include "routes/fields.h"
#include "store/entitlements.h"

/* What a grant may hold, and what `grant` in it. */
extern const struct field grant_body_rules[], grant_rules[];

/* JSON is an object. */
void grant_body_check(const cJSON *json, struct wrong_fields *wrong);

/* Of a body in which nothing was wrong. Borrows from all three. */
struct grant grant_body_read(const cJSON *json, const char *actor, const char *body_sha256);

/* Of the body without its reference: what must be the same when it comes again. -1 without memory. */
int grant_body_digest(const cJSON *json, char to[SHA256_HEX_SIZE]);
