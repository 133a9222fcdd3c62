#include "verify/verdict.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { READY = 1000000, WINDOW = 60000 };

static const struct verdict_rules rules = {
    .smoke = true, .window_ms = WINDOW, .max_p95_ms = 2000, .min_requests = 20, .max_error_rate = 0.05};

/* So many requests, of which so many failed and so many took more than 2.5 s. */
static struct reading served(double requests, double errors, double slow) {
  return (struct reading){.requests = requests,
                          .errors = errors,
                          .bucket_count = 3,
                          .buckets = {{1, requests - slow}, {5, requests - slow}, {INFINITY, requests}}};
}

struct row {
  const char *what;
  struct verdict_evidence e;
  int64_t passed_ms;
  enum verdict_state state;
  const char *reason, *message;
};

#define POD .pods = 1, .read = 1, .ready_since_ms = READY, .smoke_answered = true

static void check(const struct row *row, const struct verdict_rules *by) {
  _cleanup_(arena_freep) struct arena *arena = arena_new(1 << 16);
  struct verdict v = verdict_of(by, &row->e, READY + row->passed_ms, arena);
  cr_expect_eq(v.state, row->state, "%s: %d %s", row->what, v.state, v.message);
  cr_expect_str_eq(v.reason, row->reason, "%s", row->what);
  cr_expect_str_eq(v.message, row->message, "%s", row->what);
  cr_expect_eq(v.look_again_ms > 0, v.state == VERDICT_WAIT, "%s", row->what);
}

Test(verdict, each_kind_of_evidence) {
  const struct row rows[] = {
      {"not ready", {.pods = 1}, WINDOW, VERDICT_WAIT, "", "not all pods are ready"},
      {"a moment before the end", {POD, .served = served(100, 0, 0)}, WINDOW - 1, VERDICT_WAIT, "", "1 pod is watched for 60 s"},
      {"at the end", {POD, .served = served(100, 0, 0)}, WINDOW, VERDICT_GOOD, "", "100 requests, 0.0% failed, 95% took up to 950 ms"},
      {"a restart, at once", {.pods = 2, .restarted = "shop-1"}, 0, VERDICT_BAD, "Restarted", "pod shop-1 has restarted"},
      {"failures, at once",
       {POD, .served = served(20, 2, 0)},
       1,
       VERDICT_BAD,
       "ErrorRate",
       "2 of 20 requests failed (10.0%; at most 5.0%: rollout.verification.maxErrorRate)"},
      {"failures before they are ready",
       {.pods = 1, .read = 1, .served = served(20, 20, 0)},
       1,
       VERDICT_BAD,
       "ErrorRate",
       "20 of 20 requests failed (100.0%; at most 5.0%: rollout.verification.maxErrorRate)"},
      {"just as many as allowed",
       {POD, .served = served(20, 1, 0)},
       WINDOW,
       VERDICT_GOOD,
       "",
       "20 requests, 5.0% failed, 95% took up to 950 ms"},
      {"failures of too few",
       {POD, .served = served(19, 19, 0)},
       WINDOW,
       VERDICT_WAIT,
       "",
       "there were too few requests to judge by; waiting as long again"},
      {"slow, while it warms up", {POD, .served = served(100, 0, 50)}, WINDOW - 1, VERDICT_WAIT, "", "1 pod is watched for 60 s"},
      {"slow",
       {POD, .served = served(100, 0, 50)},
       WINDOW,
       VERDICT_BAD,
       "Latency",
       "95% of the requests took up to 5000 ms (at most 2000: rollout.verification.maxP95Ms)"},
      {"nobody asks, waiting", {POD}, 2 * WINDOW - 1, VERDICT_WAIT, "", "there were too few requests to judge by; waiting as long again"},
      {"nobody asks",
       {POD, .served = served(3, 0, 0)},
       2 * WINDOW,
       VERDICT_INCONCLUSIVE,
       "Inconclusive",
       "3 requests in 120 s are too few to judge by (rollout.verification.minRequests: 20)"},
      {"unread",
       {.pods = 2, .read = 1, .unread = "shop-2: timeout", .ready_since_ms = READY, .smoke_answered = true, .served = served(100, 0, 0)},
       2 * WINDOW,
       VERDICT_INCONCLUSIVE,
       "Inconclusive",
       "the metrics of 1 of 2 pods could not be read: shop-2: timeout"},
      {"what was read is bad enough",
       {.pods = 2, .read = 1, .ready_since_ms = READY, .smoke_answered = true, .served = served(100, 0, 50)},
       WINDOW,
       VERDICT_BAD,
       "Latency",
       "95% of the requests took up to 5000 ms (at most 2000: rollout.verification.maxP95Ms)"},
      {"smoke failed",
       {POD, .served = served(100, 0, 0), .smoke_failure = "GET /readyz: 503"},
       WINDOW,
       VERDICT_BAD,
       "Smoke",
       "a smoke question failed: GET /readyz: 503"},
      {"smoke unasked",
       {.pods = 1, .read = 1, .ready_since_ms = READY, .served = served(100, 0, 0)},
       WINDOW,
       VERDICT_WAIT,
       "",
       "the smoke questions have no answer yet"},
      {"smoke never asked",
       {.pods = 1, .read = 1, .ready_since_ms = READY, .served = served(100, 0, 0), .smoke_failure = "connection refused"},
       2 * WINDOW,
       VERDICT_BAD,
       "Smoke",
       "the smoke questions could not be put: connection refused"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) check(&rows[i], &rules);
}

Test(verdict, without_smoke_questions_nobody_waits_for_them) {
  struct verdict_rules quiet = rules;
  quiet.smoke = false;
  check(&(struct row){"",
                      {.pods = 1, .read = 1, .ready_since_ms = READY, .served = served(100, 0, 0)},
                      WINDOW,
                      VERDICT_GOOD,
                      "",
                      "100 requests, 0.0% failed, 95% took up to 950 ms"},
        &quiet);
}

Test(verdict, a_minimum_of_none_still_divides_by_nothing) {
  struct verdict_rules any = rules;
  any.min_requests = 0;
  check(&(struct row){"",
                      {POD},
                      2 * WINDOW,
                      VERDICT_INCONCLUSIVE,
                      "Inconclusive",
                      "0 requests in 120 s are too few to judge by (rollout.verification.minRequests: 0)"},
        &any);
}
