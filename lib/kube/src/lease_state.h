/* What a candidate does next, from what it has seen of the Lease and when. Pure; all times are one candidate's own clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lease_view {
  bool exists, ours, vacant;
  int64_t duration_ms; /* that the record names */
  int64_t seen_ms;     /* when the record was first seen as it is now */
};

struct lease_terms {
  int64_t confirmed_ms; /* when the last renewal that was confirmed had been sent; 0: we don't lead */
  int64_t renew_deadline_ms;
};

enum lease_move { LEASE_WAIT, LEASE_CREATE, LEASE_TAKE, LEASE_RENEW };

enum lease_move lease_next_move(const struct lease_view *view, int64_t now_ms);

/* After which time a candidate that waits looks again: PAUSE_MS, but not a moment later than the record expires. */
int64_t lease_look_in_ms(const struct lease_view *view, int64_t pause_ms, int64_t now_ms);
bool lease_term_valid(const struct lease_terms *terms, int64_t now_ms);
