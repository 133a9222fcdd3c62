/* Three clocks, and RFC 3339 times.
 *
 * Decisions never read a clock: they are given the time in what they observe. Timers use the monotonic clock; leases the boot-time clock,
 * which goes on while the machine sleeps; what people and other machines see is real time.
 */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);
int64_t clock_boottime_ms(void);
int64_t clock_real_ms(void); /* since 1970-01-01T00:00:00Z */

enum { RFC3339_SIZE = 32 };

/* "2026-11-23T12:58:00Z"; the micro form has six digits of fraction, as Kubernetes' MicroTime (meta/v1) wants them. */
void format_rfc3339(int64_t real_ms, char to[RFC3339_SIZE]);
void format_rfc3339_micro(int64_t real_us, char to[RFC3339_SIZE]);

/* Any RFC 3339 time, with fraction and offset; rounds down to ms. -1 when TEXT is NULL or not such a time. */
int parse_rfc3339(const char *text, int64_t *ret_real_ms) _must_check_;
