#include "lease_state.h"

enum lease_move lease_next_move(const struct lease_view *view, int64_t now_ms) {
  if (!view->exists) return LEASE_CREATE;
  if (view->ours) return LEASE_RENEW;
  if (view->vacant || now_ms - view->seen_ms >= view->duration_ms) return LEASE_TAKE;
  return LEASE_WAIT;
}

bool lease_term_valid(const struct lease_terms *terms, int64_t now_ms) {
  return terms->confirmed_ms && now_ms - terms->confirmed_ms < terms->renew_deadline_ms;
}
