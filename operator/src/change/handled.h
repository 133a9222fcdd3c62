/* Which commands were handled: the memory that makes each of them take effect once.
 *
 * It is an annotation of the stack itself, because the command is one too: in one write the fact that a command leaves behind is set, the memory has its
 * id, and the command is gone. A merge patch with the observed resourceVersion makes that all or nothing, and a command that somebody changes at the same
 * moment a conflict. Tools that sync from Git leave annotations alone that Git does not have.
 *
 * A command is known by its id, without one by its text; in both cases a sighting is told from the next by the time at which the annotation was written
 * (managedFields). At most HANDLED_MAX are remembered, the oldest gives way. Pure.
 *
 *   seen first                              act, remember, remove
 *   seen again, with its id                 remove
 *   seen again, without one                 act, remember, remove: somebody wants it once more
 *   the third time, each within 5 minutes   leave it where it is, and say so once: something (Git) puts it back. It is looked at again when it has
 *   of the one before                       gone or says something else
 */
#pragma once

#include "codec/json.h"

enum { HANDLED_MAX = 16, HANDLED_TIMES = 3, HANDLED_WITHIN_MS = 5 * 60 * 1000 };

enum handled_verdict {
  COMMAND_NEW,        /* act */
  COMMAND_AGAIN,      /* it has had its effect: only remove it */
  COMMAND_COMES_BACK, /* from now on it is left */
  COMMAND_LEFT,       /* that was said: nothing to do */
};

/* The memory as a tree that the caller owns, from the annotation's text; empty where that is NULL or can't be read. NULL without memory. */
cJSON *handled_read(const char *text);

/* KEY: "id=…" or what stands for the text. AT: when the annotation was written, as managedFields say; NULL: unknown. */
enum handled_verdict handled_judge(const cJSON *memory, const char *command, const char *key, const char *at, int64_t now_ms);

/* Writes down what was judged. */
void handled_note(cJSON *memory, const char *command, const char *key, const char *at, int64_t now_ms);

/* Forgets that COMMAND is left where it is, unless KEY (NULL: it has gone) is the one that is. True when that changed anything. */
bool handled_release(cJSON *memory, const char *command, const char *key);
