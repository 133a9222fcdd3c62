#include "lease_state.h"

enum lease_move lease_next_move(const struct lease_view *view, int64_t now_ms) {
  if (!view->exists) return LEASE_CREATE;
  if (view->ours) return LEASE_RENEW;
  if (view->vacant || now_ms - view->seen_ms >= view->duration_ms) return LEASE_TAKE;
  return LEASE_WAIT;
}

int64_t lease_look_in_ms(const struct lease_view *view, int64_t pause_ms, int64_t now_ms) {
  int64_t left_ms = view->seen_ms + view->duration_ms - now_ms + 1; /* clocks round down: a timer may be that much early */
  return left_ms < 1 ? 1 : left_ms < pause_ms ? left_ms : pause_ms;
}

bool lease_term_valid(const struct lease_terms *terms, int64_t now_ms) {
  return terms->confirmed_ms && now_ms - terms->confirmed_ms < terms->renew_deadline_ms;
}
