/* The trace that a request belongs to (W3C Trace Context, traceparent), and the part of it that is ours: one span a request.
 *
 *     struct trace trace;
 *     trace_begin(&trace, request_header(&head, "traceparent"), 0.1);
 *     trace_print(&trace, text);                     // what we pass on: "00-<trace>-<our span>-01"
 *
 * Whether a trace is recorded is decided once, by its id: so whoever decides alike, with the same rate, records the same traces, and all parts of
 * one. What the caller has decided isn't followed, since anybody may call.
 */
#pragma once

#include "http/span.h"

#include <stdbool.h>

enum { TRACE_ID_SIZE = 33, TRACE_SPAN_SIZE = 17, TRACEPARENT_SIZE = 56 };

struct trace {
  char id[TRACE_ID_SIZE], span[TRACE_SPAN_SIZE];
  char parent[TRACE_SPAN_SIZE]; /* "": it begins here */
  bool sampled;
};

/* TRACEPARENT as it came; one that is absent or malformed is none, and a trace begins. RATE: 0 to 1. */
void trace_begin(struct trace *trace, struct span traceparent, double rate);
void trace_print(const struct trace *trace, char to[TRACEPARENT_SIZE]);
