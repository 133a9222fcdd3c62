/* What a request leaves behind: its line in the log and its counts. */
#pragma once

#include "http/request.h"
#include "observe/metrics.h"
#include "observe/trace.h"

enum { REQUEST_SERIES = 512 };

struct request_metrics {
  struct metrics *metrics;
  /* series that were looked up before, by route, method and status; others that share a place are looked up again */
  struct {
    const struct route *route;
    enum http_method method;
    int status;
    struct series *requests, *durations;
  } known[REQUEST_SERIES];
};

void request_metrics_init(struct request_metrics *m, struct metrics *metrics);

/* TRACE and SUBJECT may be NULL; BYPASSED says that nobody has verified it. */
void request_observe(struct request_metrics *m, const struct request *request, const struct trace *trace, const char *subject,
                     bool bypassed);
