/* POST /api/test-error: a failure to order, to see whether Sentry hears of one. It means nothing: no objective, alert or verdict counts its route. */
#include "routes/call.h"
#include "routes/handlers.h"

void test_error_post(struct request *request) {
  struct call *call = call_of(request);
  bool told = sentry_is_on(app_of(request)->sentry);
  call->failure = "This error was asked for: nothing is wrong.";
  request_problem(request, &(struct problem){.type = PROBLEM_INTERNAL,
                                             .detail = told ? "This error was asked for, and Sentry is told of it."
                                                            : "This error was asked for; SENTRY_DSN is not set, so nobody is told of it.",
                                             .event_id = call_event_id(call)});
}
