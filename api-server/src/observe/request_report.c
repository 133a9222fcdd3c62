#include "observe/request_report.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static void tell(struct sentry *sentry, enum sentry_kind kind, const struct request *request, const struct trace *trace,
                 const char *failure, const char *id) {
  char transaction[160];
  const char *method = http_method_name(request->head.method), *route = request->route ? request->route->path : "none";
  int64_t now_ms = clock_real_ms();
  (void)snprintf(transaction, sizeof transaction, "%s %s", method, route);
  sentry_tell(sentry, &(struct sentry_report){.kind = kind,
                                              .id = id,
                                              .began_ms = now_ms - request->duration_us / 1000,
                                              .ended_ms = now_ms,
                                              .level = "error",
                                              .type = "InternalError",
                                              .value = failure,
                                              .transaction = transaction,
                                              .method = method,
                                              .route = route,
                                              .req_id = request->id,
                                              .status = request->status,
                                              .trace = trace});
}

void request_report(struct sentry *sentry, const struct request *request, const struct trace *trace, const char *failure,
                    const char *event_id) {
  char id[SENTRY_ID_SIZE];
  if (!sentry_is_on(sentry)) return;
  if (request->status == 500) {
    random_id(id);
    tell(sentry, SENTRY_EVENT, request, trace, failure ? failure : "An answer could not be made.", *event_id ? event_id : id);
  }
  if (trace->sampled && request->route && !request->route->quiet) {
    random_id(id);
    tell(sentry, SENTRY_TRANSACTION, request, trace, NULL, id);
  }
}
