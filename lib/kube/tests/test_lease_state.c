#include "../src/lease_state.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>

Test(lease_state, what_a_candidate_does) {
  static const struct {
    const char *when;
    struct lease_view view;
    int64_t now_ms;
    enum lease_move move;
  } cases[] = {
      {"there is none", {.exists = false}, 0, LEASE_CREATE},
      {"it is ours", {true, true, false, 15000, 0}, 99999, LEASE_RENEW},
      {"it was given up", {true, false, true, 1000, 50}, 50, LEASE_TAKE},
      {"somebody holds it, just seen", {true, false, false, 15000, 1000}, 1000, LEASE_WAIT},
      {"a moment before it expires", {true, false, false, 15000, 1000}, 15999, LEASE_WAIT},
      {"it expired", {true, false, false, 15000, 1000}, 16000, LEASE_TAKE},
      {"its record names a longer time", {true, false, false, 60000, 1000}, 16000, LEASE_WAIT},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++)
    cr_expect_eq(lease_next_move(&cases[i].view, cases[i].now_ms), cases[i].move, "%s", cases[i].when);
}

Test(lease_state, who_waits_is_there_when_it_expires) {
  static const struct {
    const char *when;
    int64_t duration_ms, seen_ms, pause_ms, now_ms, in_ms;
  } cases[] = {
      {"just seen", 15000, 1000, 1000, 1000, 1000},
      {"a pause before it expires", 15000, 1000, 1000, 15000, 1000},
      {"within a pause of its end", 15000, 1000, 1000, 15250, 751},
      {"a moment before its end", 15000, 1000, 1000, 15999, 2},
      {"at its end", 15000, 1000, 1000, 16000, 1},
      {"long after it", 15000, 1000, 1000, 99999, 1},
      {"its record names a shorter time than the pause", 1000, 0, 30000, 0, 1001},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct lease_view view = {true, false, false, cases[i].duration_ms, cases[i].seen_ms};
    cr_expect_eq(lease_look_in_ms(&view, cases[i].pause_ms, cases[i].now_ms), cases[i].in_ms, "%s", cases[i].when);
  }
}

Test(lease_state, a_term_lasts_from_when_its_renewal_was_sent) {
  struct lease_terms none = {0, 10000}, term = {5000, 10000};
  cr_expect(!lease_term_valid(&none, 0));
  cr_expect(lease_term_valid(&term, 14999));
  cr_expect(!lease_term_valid(&term, 15000));
  cr_expect(!lease_term_valid(&term, 500000), "after a night of sleep");
}
