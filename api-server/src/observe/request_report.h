/* What Sentry is told of a request: its failure, where it is a 500, and its trace, where that is recorded. */
#pragma once

#include "http/request.h"
#include "observe/sentry.h"

/* FAILURE: what went wrong, NULL where that isn't known; EVENT_ID: under which it was promised, "" where it wasn't. */
void request_report(struct sentry *sentry, const struct request *request, const struct trace *trace, const char *failure,
                    const char *event_id);
