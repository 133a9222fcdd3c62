/* Conditional writes (RFC 9110, 13.1.1 and 13.1.2) of resources whose entity tags are their revisions: "7".
 *
 * Decided where the write happens, behind its lock: the fields become what a function of the database compares. As text of a bigint[], one
 * number a tag, 0 for "*"; NULL where the field is absent. Tags that are none of ours match nothing, so a field full of them is "{}".
 *
 *     const char *match, *unless;
 *     if (precondition_read(request, "if-match", &match) < 0 || …) ...      without memory
 */
#pragma once

#include "http/request.h"

/* NAME is "if-match", where weak tags match nothing, or "if-none-match". RET lives in the request's arena. -1: no memory. */
int precondition_read(const struct request *request, const char *name, const char **ret) _must_check_;
