/* Runs a loop until the world is as a test expects it, or fails the test with a sentence.
 *
 *     wait_until(loop, 5000, request_is_done, &request, "the request is answered");
 *
 * Tests wait on conditions and never sleep: the deadline is only reached when something is wrong. It is what an idle machine would need at the very
 * most; so many times as long is waited, since the machine may have much else to do.
 */
#pragma once

#include "net/loop.h"

#include <stdbool.h>

enum { WAIT_BUSY_FACTOR = 10 };

/* Ends the test (Criterion's abort of one test) where CONDITION(OWNER) is still false after the deadline. */
void wait_until(struct loop *loop, int64_t deadline_ms, bool (*condition)(void *owner), void *owner, const char *what);

/* The same for a flag. */
void wait_for_flag(struct loop *loop, int64_t deadline_ms, const bool *flag, const char *what);

/* Lets the loop run for that long, and for at least two turns, the last one when the time is over: only to show that something does NOT happen. */
void run_for(struct loop *loop, int64_t duration_ms);

/* The environment variable, or the test ends with a sentence that names it. */
const char *required_variable(const char *name, const char *what_for);
