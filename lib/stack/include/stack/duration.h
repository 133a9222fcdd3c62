/* Durations as Kubernetes writes them: "2160h", "10m", "1h30m", "45s". Hours, minutes and seconds in that order, each at most once.
 *
 *     int64_t ms;
 *     if (!duration_parse(stack->spec.jwks.overlap, &ms)) ...
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whole seconds, at most ten years. False, and *RET as it was, where TEXT is no such duration. */
bool duration_parse(const char *text, int64_t *ret_ms);
