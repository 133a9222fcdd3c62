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

Test(lease_state, a_term_lasts_from_when_its_renewal_was_sent) {
  struct lease_terms none = {0, 10000}, term = {5000, 10000};
  cr_expect(!lease_term_valid(&none, 0));
  cr_expect(lease_term_valid(&term, 14999));
  cr_expect(!lease_term_valid(&term, 15000));
  cr_expect(!lease_term_valid(&term, 500000), "after a night of sleep");
}
