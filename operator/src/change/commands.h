/* Commands that people give a stack by annotating it: which there are, and what each leaves behind. Pure.
 *
 *     if (commands_plan(&question, plan)) ...      this round takes a command and does nothing else
 *
 * A command becomes a durable fact, which the rounds after it act on: `approve`, `change-override` and `restart` become annotations of the stack
 * (below, and restarted-at of render.h), `retry` forgets what the spec's revision remembers of its failures,
 * `migrate` makes the migration of what is wanted due again, `rollback-to` pins a revision (rollback_order.h). A fact of the stack is written in the very write that removes the command
 * and remembers its id (handled.h). A fact that belongs elsewhere is written before, and twice is as good as once: no round does anything else before the
 * command has gone.
 *
 * What can't be read is answered by an event that says how it should look, and removed. Annotations of our group that are not in the table are none of
 * ours: they get no answer.
 */
#pragma once

#include "release/target.h"
#include "render/render.h"

#define ANNOTATION_APPROVED STACK_GROUP "/approved"         /* "<release hash>;by=…": an approval that has yet to be used */
#define ANNOTATION_OVERRIDE STACK_GROUP "/overridden"       /* "until=<RFC 3339>;by=…;reason=…": the last override, over or not */
#define ANNOTATION_HANDLED  STACK_GROUP "/handled-commands" /* handled.h */
#define ANNOTATION_TICKET   STACK_GROUP "/change-ticket"    /* no command: people put it there and it stays */

enum { OVERRIDE_MAX_HOURS = 24 };

struct commands_question {
  const struct observation *o;
  const struct target *target; /* what is wanted now */
  const struct content *asked; /* what the spec says */
  bool secret_ok;
};

/* Takes the first command that there is. False: none is there, or none that asks for a write. */
bool commands_plan(const struct commands_question *question, struct plan *plan);
