#include "verify/verdict.h"

enum { POLL_MS = 2000, SOON_MS = 250 };

static const char *words(const char *text) { return text ? text : ""; }

static struct verdict wait(const char *message, int64_t look_again_ms) {
  return (struct verdict){.state = VERDICT_WAIT, .reason = "", .message = words(message), .look_again_ms = look_again_ms};
}

static struct verdict good(const char *message) { return (struct verdict){.state = VERDICT_GOOD, .reason = "", .message = words(message)}; }

/* What time alone changes comes after LEFT_MS; what pods say is looked at as often as that is needed. */
static int64_t pause_ms(const struct verdict_rules *rules, int64_t left_ms) {
  bool polls = rules->smoke || !rules->silent;
  return polls && left_ms > POLL_MS ? POLL_MS : left_ms;
}

static struct verdict bad(const char *reason, const char *message) {
  return (struct verdict){.state = VERDICT_BAD, .reason = reason, .message = words(message)};
}

static struct verdict inconclusive(const char *message) {
  return (struct verdict){.state = VERDICT_INCONCLUSIVE, .reason = "Inconclusive", .message = words(message)};
}

static double error_rate(const struct reading *served) { return served->requests > 0 ? served->errors / served->requests : 0; }

static bool says_enough(const struct verdict_rules *rules, const struct verdict_evidence *e) {
  return e->served.requests >= (double)rules->min_requests && e->served.requests > 0;
}

static struct verdict too_many_errors(const struct verdict_rules *rules, const struct reading *served, struct arena *arena) {
  return bad("ErrorRate", arena_printf(arena, "%.0f of %.0f requests failed (%.1f%%; at most %.1f%%: rollout.verification.maxErrorRate)",
                                       served->errors, served->requests, 100 * error_rate(served), 100 * rules->max_error_rate));
}

static struct verdict too_slow(const struct verdict_rules *rules, double p95_ms, struct arena *arena) {
  return bad("Latency", arena_printf(arena, "95%% of the requests took up to %.0f ms (at most %lld: rollout.verification.maxP95Ms)", p95_ms,
                                     (long long)rules->max_p95_ms));
}

/* The window is over, and the smoke questions were answered: what the pods say of their requests decides, once they say enough. */
static struct verdict judge_requests(const struct verdict_rules *rules, const struct verdict_evidence *e, int64_t passed_ms,
                                     struct arena *arena) {
  double p95_ms = 1000 * reading_quantile_s(&e->served, 0.95);
  bool whole = e->read == e->pods && says_enough(rules, e), patient = passed_ms < 2 * rules->window_ms;
  if (says_enough(rules, e) && p95_ms > (double)rules->max_p95_ms) return too_slow(rules, p95_ms, arena);
  if (whole) {
    const char *text = arena_printf(arena, "%.0f requests, %.1f%% failed, 95%% took up to %.0f ms", e->served.requests,
                                    100 * error_rate(&e->served), p95_ms < 0 ? 0 : p95_ms);
    return good(text);
  }
  if (patient)
    return wait("there were too few requests to judge by; waiting as long again", pause_ms(rules, 2 * rules->window_ms - passed_ms));
  if (e->read < e->pods)
    return inconclusive(arena_printf(arena, "the metrics of %zu of %zu pods could not be read%s%s", e->pods - e->read, e->pods,
                                     e->unread ? ": " : "", words(e->unread)));
  return inconclusive(arena_printf(arena, "%.0f requests in %lld s are too few to judge by (rollout.verification.minRequests: %lld)",
                                   e->served.requests, (long long)(passed_ms / 1000), (long long)rules->min_requests));
}

struct verdict verdict_of(const struct verdict_rules *rules, const struct verdict_evidence *e, int64_t now_ms, struct arena *arena) {
  if (e->restarted) return bad("Restarted", arena_printf(arena, "pod %s has restarted", e->restarted));
  if (says_enough(rules, e) && error_rate(&e->served) > rules->max_error_rate) return too_many_errors(rules, &e->served, arena);
  if (!e->ready_since_ms) return wait("not all pods are ready", pause_ms(rules, POLL_MS));
  int64_t passed_ms = now_ms - e->ready_since_ms;
  if (passed_ms < rules->window_ms)
    return wait(
        arena_printf(arena, "%zu pod%s watched for %lld s", e->pods, e->pods == 1 ? " is" : "s are", (long long)(rules->window_ms / 1000)),
        pause_ms(rules, rules->window_ms - passed_ms));
  if ((rules->smoke || !rules->silent) && e->unseen) return wait("the pods have yet to be asked", SOON_MS);
  if (rules->smoke && !e->smoke_answered) {
    if (passed_ms < 2 * rules->window_ms)
      return wait("the smoke questions have no answer yet", pause_ms(rules, 2 * rules->window_ms - passed_ms));
    return bad("Smoke",
               arena_printf(arena, "the smoke questions could not be put%s%s", e->smoke_failure ? ": " : "", words(e->smoke_failure)));
  }
  if (rules->smoke && e->smoke_failure) return bad("Smoke", arena_printf(arena, "a smoke question failed: %s", e->smoke_failure));
  if (rules->silent)
    return good(arena_printf(arena, "%zu pod%s stayed ready and did not restart; requests are not judged: %s", e->pods,
                             e->pods == 1 ? "" : "s", rules->silent));
  return judge_requests(rules, e, passed_ms, arena);
}
