/* Whether a document is one of design tokens: the W3C Design Tokens Format Module (designtokens.org, 2025.10), strictly.
 *
 *     {"color": {"$type": "color", "ink": {"$value": "#102030"}, "text": {"$value": "{color.ink}"}}}
 *
 * A group holds groups and tokens; a token is what has a $value. Names neither begin with "$" (but $root) nor hold one of "{}.". A token has a
 * type: its own $type, that of the token which its whole value names, or that of the nearest group around it. References in braces, also
 * within composite values, name tokens of the same document, of the type that is wanted, not in a circle, and at most
 * DESIGN_TOKENS_CHAIN_MAX in a row. Of a value its JSON type is checked; what is in a composite one belongs to those who draw with it. $ref
 * and $extends are not taken.
 *
 *     struct wrong_fields wrong = {.arena = request->arena};
 *     design_tokens_check(json, &wrong);            // each fault by its path: "color.text.$value"
 */
#pragma once

#include "routes/fields.h"

enum { DESIGN_TOKENS_CHAIN_MAX = 64 };

/* JSON is an object, and stays as it is. Without memory that is said as a fault too. */
void design_tokens_check(const cJSON *json, struct wrong_fields *wrong);
