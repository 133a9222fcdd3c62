#include "testing/wait.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void turn(struct loop *loop, int64_t until_ms) {
  struct error error = {0};
  int64_t left = until_ms - clock_monotonic_ms();
  int turned = loop_turn(loop, left < 0 ? 0 : left > 50 ? 50 : (int)left, &error);
  cr_assert_eq(turned, 0, "the loop broke: %s", error.message);
}

void wait_until(struct loop *loop, int64_t deadline_ms, bool (*condition)(void *owner), void *owner, const char *what) {
  int64_t waited_ms = deadline_ms * WAIT_BUSY_FACTOR, until = clock_monotonic_ms() + waited_ms;
  while (!condition(owner)) {
    cr_assert(clock_monotonic_ms() < until, "after %lld ms it is still not so that %s", (long long)waited_ms, what);
    turn(loop, until);
  }
}

static bool is_set(void *owner) { return *(const bool *)owner; }

void wait_for_flag(struct loop *loop, int64_t deadline_ms, const bool *flag, const char *what) {
  wait_until(loop, deadline_ms, is_set, (void *)(uintptr_t)flag, what);
}

void run_for(struct loop *loop, int64_t duration_ms) {
  int64_t until = clock_monotonic_ms() + duration_ms;
  do turn(loop, until);
  while (clock_monotonic_ms() < until);
  turn(loop, until);
}

const char *required_variable(const char *name, const char *what_for) {
  const char *value = getenv(name);
  cr_assert(value && *value, "%s is not set: this test needs it as %s", name, what_for);
  return value;
}
