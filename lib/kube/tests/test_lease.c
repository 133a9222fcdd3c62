#include "kube/lease.h"

#include "base/clock.h"
#include "script.h"

/* A clock that only the test moves. */
static int64_t now_ms = 1000000;
static int64_t clock_ms(void) { return now_ms; }

struct candidate {
  struct script *script;
  struct lease *lease;
  int gained, lost;
  bool released;
};

static void on_change(void *owner, bool leads) {
  struct candidate *candidate = owner;
  candidate->gained += leads;
  candidate->lost += !leads;
}
static void on_released(void *owner) { ((struct candidate *)owner)->released = true; }

static struct candidate *start_with(const struct step *steps, int64_t retry_ms, int64_t (*clock)(void)) {
  struct candidate *candidate = calloc(1, sizeof *candidate);
  cr_assert_not_null(candidate);
  candidate->script = script_new(steps, 0);
  candidate->lease = lease_new(candidate->script->client,
                               &(struct lease_options){.namespace = "ns",
                                                       .name = "op",
                                                       .identity = "me",
                                                       .duration_ms = 15000,
                                                       .renew_deadline_ms = 10000,
                                                       .retry_ms = retry_ms,
                                                       .clock_ms = clock,
                                                       .on_change = on_change,
                                                       .owner = candidate},
                               NULL);
  cr_assert_not_null(candidate->lease);
  return candidate;
}

static struct candidate *start(const struct step *steps) { return start_with(steps, 400, clock_ms); }

static void stop(struct candidate *candidate) {
  lease_free(candidate->lease);
  script_free(candidate->script);
  free(candidate);
}

/* Until the script is played and the last answer has been taken in: the next request is there, or a while has passed. */
static bool is_asked_more(void *owner) { return ((struct script *)owner)->unasked > 0; }

static void play(struct candidate *candidate) {
  script_play(candidate->script);
  wait_until(candidate->script->loop, 10000, is_asked_more, candidate->script, "it goes on asking");
}

static bool has_gained(void *owner) { return ((struct candidate *)owner)->gained > 0; }
static bool first_was_asked(void *owner) { return ((struct script *)owner)->at >= 1; }
static bool second_was_asked(void *owner) { return ((struct script *)owner)->at >= 2; }

#define RECORD(holder, version)                                                                \
  "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"spec\":{\"holderIdentity\":\"" holder \
  "\",\"leaseDurationSeconds\":15,\"leaseTransitions\":3,\"renewTime\":\"2001-01-01T00:00:00.000000Z\"}}"
#define PATH "/apis/coordination.k8s.io/v1/namespaces/ns/leases"

Test(lease, made_where_there_is_none_and_renewed) {
  static const struct step steps[] = {{"GET " PATH "/op", NULL, 404, NULL, "{}", ANSWER},
                                      {"POST " PATH, "/op", 201, NULL, RECORD("me", "1"), ANSWER},
                                      {"PATCH " PATH "/op", NULL, 200, NULL, RECORD("me", "2"), ANSWER},
                                      {0}};
  struct candidate *candidate = start(steps);
  play(candidate);
  cr_expect_eq(candidate->gained, 1);
  cr_expect(lease_held(candidate->lease));
  now_ms += 9999;
  cr_expect(lease_held(candidate->lease));
  now_ms += 1;
  cr_expect(!lease_held(candidate->lease), "told by the clock, before any timer");
  stop(candidate);
}

/* The record's own times are old; what counts is when we saw it change. */
Test(lease, somebody_elses_is_taken_only_after_it_stood_still) {
  static const struct step steps[] = {{"GET", NULL, 200, NULL, RECORD("other", "0"), ANSWER},
                                      {"GET", NULL, 200, NULL, RECORD("other", "1"), ANSWER},
                                      {"GET", NULL, 200, NULL, RECORD("other", "1"), ANSWER},
                                      {"PATCH", NULL, 200, NULL, RECORD("me", "3"), ANSWER},
                                      {0}};
  struct candidate *candidate = start_with(steps, 3000, clock_ms); /* more than a second between two looks */
  wait_until(candidate->script->loop, 5000, first_was_asked, candidate->script, "it has looked once");
  run_for(candidate->script->loop, 100);
  now_ms += 15000; /* and yet it has changed since */
  wait_until(candidate->script->loop, 5000, second_was_asked, candidate->script, "it has looked twice");
  run_for(candidate->script->loop, 100);
  cr_expect_eq(candidate->gained, 0);
  now_ms += 15000;
  script_play(candidate->script);
  cr_expect(
      strstr(candidate->script->last_body, "\"leaseTransitions\":4") && strstr(candidate->script->last_body, "\"resourceVersion\":\"1\""),
      "%s", candidate->script->last_body);
  wait_until(candidate->script->loop, 5000, has_gained, candidate, "it leads");
  stop(candidate);
}

/* The record lives for a second; without that, the next look would be a minute away. */
Test(lease, whose_leader_died_is_taken_when_it_expires) {
  static const char record[] =
      "{\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":1}}";
  static const struct step steps[] = {{"GET", NULL, 200, NULL, record, ANSWER},
                                      {"GET", NULL, 200, NULL, record, ANSWER},
                                      {"PATCH", NULL, 200, NULL, RECORD("me", "8"), ANSWER},
                                      {0}};
  struct candidate *candidate = start_with(steps, 120000, clock_boottime_ms);
  wait_until(candidate->script->loop, 5000, first_was_asked, candidate->script, "it has looked once");
  int64_t began_ms = clock_boottime_ms();
  wait_until(candidate->script->loop, 10000, has_gained, candidate, "it leads");
  cr_expect_geq(clock_boottime_ms() - began_ms, 500, "not before the Lease has expired");
  stop(candidate);
}

Test(lease, a_renewal_that_was_overtaken_looks_again_and_loses) {
  static const struct step steps[] = {{"GET", NULL, 404, NULL, "{}", ANSWER},
                                      {"POST", NULL, 201, NULL, RECORD("me", "1"), ANSWER},
                                      {"PATCH", NULL, 409, NULL, "{\"reason\":\"Conflict\",\"message\":\"changed\"}", ANSWER},
                                      {"GET", NULL, 200, NULL, RECORD("other", "2"), ANSWER},
                                      {0}};
  struct candidate *candidate = start(steps);
  play(candidate);
  cr_expect_eq(candidate->gained, 1);
  cr_expect_eq(candidate->lost, 1);
  cr_expect(!lease_held(candidate->lease));
  cr_expect_str_eq(lease_holder(candidate->lease), "other");
  stop(candidate);
}

static bool has_lost(void *owner) { return ((struct candidate *)owner)->lost > 0; }

Test(lease, failures_are_borne_until_the_deadline) {
  static const struct step steps[] = {{"GET", NULL, 404, NULL, "{}", ANSWER},
                                      {"POST", NULL, 201, NULL, RECORD("me", "1"), ANSWER},
                                      {"PATCH", NULL, 500, NULL, "{}", ANSWER},
                                      {"GET", NULL, 500, NULL, "{}", ANSWER},
                                      {0}};
  struct candidate *candidate = start(steps);
  play(candidate);
  cr_expect(lease_held(candidate->lease), "within the deadline");
  now_ms += 10001;
  wait_until(candidate->script->loop, 15000, has_lost, candidate, "it has lost");
  cr_expect_eq(candidate->lost, 1);
  stop(candidate);
}

Test(lease, an_answer_that_comes_too_late_makes_no_leader) {
  static const struct step steps[] = {{"GET", NULL, 404, NULL, "{}", ANSWER}, {"POST", NULL, 201, NULL, "", STREAM}, {0}};
  struct candidate *candidate = start(steps);
  script_play(candidate->script);
  now_ms += 10000;
  static const char body[] = RECORD("me", "1");
  http_server_piece(candidate->script->stream, body, strlen(body));
  http_server_end(candidate->script->stream);
  run_for(candidate->script->loop, 100);
  cr_expect_eq(candidate->gained, 0);
  cr_expect(!lease_held(candidate->lease));
  stop(candidate);
}

Test(lease, released_it_is_vacant_with_a_second_to_live) {
  static const struct step steps[] = {{"GET", NULL, 404, NULL, "{}", ANSWER}, {"POST", NULL, 201, NULL, RECORD("me", "1"), ANSWER}, {0}};
  static const struct step more[] = {
      {"GET", NULL, 200, NULL, RECORD("me", "1"), ANSWER}, {"PATCH", NULL, 200, NULL, RECORD("", "2"), ANSWER}, {0}};
  struct candidate *candidate = start(steps);
  wait_until(candidate->script->loop, 5000, has_gained, candidate, "it leads");
  candidate->script->steps = more;
  candidate->script->at = 0;
  lease_release(candidate->lease, on_released, candidate);
  cr_expect(!lease_held(candidate->lease) && !candidate->released);
  wait_for_flag(candidate->script->loop, 5000, &candidate->released, "it is released");
  cr_expect(strstr(candidate->script->last_body, "\"holderIdentity\":\"\"") &&
                strstr(candidate->script->last_body, "\"leaseDurationSeconds\":1,"),
            "%s", candidate->script->last_body);
  cr_expect_eq(candidate->lost, 0, "whoever releases knows");
  stop(candidate);
}

Test(lease, released_without_leading_nothing_is_written) {
  static const struct step steps[] = {{"GET", NULL, 200, NULL, RECORD("other", "1"), ANSWER}, {0}};
  struct candidate *candidate = start(steps);
  script_play(candidate->script);
  lease_release(candidate->lease, on_released, candidate);
  wait_for_flag(candidate->script->loop, 5000, &candidate->released, "it is released");
  run_for(candidate->script->loop, 100);
  cr_expect_eq(candidate->script->unasked, 0);
  stop(candidate);
}
