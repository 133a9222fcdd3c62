/* The grammar of commands: an annotation of a stack that asks for something once.
 *
 *     value[;id=<nonce>][;by=<who>][;reason=<text>][;force]
 *
 *     struct command command;
 *     if (command_parse("now;id=7f3a;by=alice", arena, &command, &error) < 0) ...      "`by` is given twice"
 *
 * Parts are separated by ';', spaces around them do not count. What the operator keeps of a command in an annotation of its own (an approval, an
 * override) has the same form. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct command {
  const char *value;            /* never empty */
  const char *id, *by, *reason; /* NULL where not given */
  bool force;
};

/* All of RET lives in ARENA. ERROR_INVALID with a sentence. */
int command_parse(const char *text, struct arena *arena, struct command *ret, struct error *error) _must_check_;

/* VALUE with who and why of a command, in the same form; NULL without memory. */
const char *command_record(const struct command *command, const char *value, struct arena *arena);
