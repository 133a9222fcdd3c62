/* Runs a loop until the world is as a test expects it, or fails the test with a sentence.
 *
 *     wait_until(loop, 5000, request_is_done, &request, "the request is answered");
 *
 * Tests wait on conditions and never sleep: the deadline is only reached when something is wrong.
 */
#pragma once

#include "net/loop.h"

#include <stdbool.h>

/* Ends the test (Criterion's abort of one test) where CONDITION(OWNER) is still false after DEADLINE_MS. */
void wait_until(struct loop *loop, int64_t deadline_ms, bool (*condition)(void *owner), void *owner, const char *what);

/* The same for a flag. */
void wait_for_flag(struct loop *loop, int64_t deadline_ms, const bool *flag, const char *what);

/* Lets the loop run for that long: only to show that something does NOT happen. */
void run_for(struct loop *loop, int64_t duration_ms);

/* The environment variable, or the test ends with a sentence that names it. */
const char *required_variable(const char *name, const char *what_for);
