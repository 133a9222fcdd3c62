#include "stack/mends.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct mends mends;
static void end(void) { mends_done(&mends); }

TestSuite(mends, .fini = end);

enum { SECOND = 1000 };

static int64_t wait_s(int64_t now_s, const char *render) {
  return mends_wait_ms(&mends, RESOURCE_SERVICE, "shop", render, now_s * SECOND) / SECOND;
}
static void note(int64_t now_s, const char *render) { mends_note(&mends, RESOURCE_SERVICE, "shop", render, "spec.type", now_s * SECOND); }

/* Somebody undoes each mend at once. */
Test(mends, a_fight_is_waged_less_and_less_often) {
  static const int64_t pauses_s[] = {0, 0, 0, 0, 10, 20, 40, 80, 160, 300, 300, 300};
  int64_t now_s = 1000;
  for (size_t i = 0; i < ELEMENTS(pauses_s); i++) {
    cr_assert_eq(wait_s(now_s, "a"), 0, "mend %zu", i);
    note(now_s, "a");
    cr_assert_eq(wait_s(now_s, "a"), pauses_s[i], "after mend %zu", i + 1);
    now_s += pauses_s[i];
  }
}

Test(mends, what_ends_a_row) {
  static const struct {
    const char *when;
    int64_t after_s;
    const char *render;
    int64_t wait_s; /* once the next mend was noted */
  } rows[] = {{"at the end of its pause", 10, "a", 20},
              {"within the minute after it", 70, "a", 20},
              {"calm for longer", 71, "a", 0},
              {"the spec renders something else", 1, "b", 0},
              {"the clock was set back", -500, "a", 20}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    for (int n = 0; n < MENDS_AT_ONCE; n++) note(1000, "a");
    note(1000 + rows[i].after_s, rows[i].render);
    cr_expect_eq(wait_s(1000 + rows[i].after_s, rows[i].render), rows[i].wait_s, "%s", rows[i].when);
    mends_done(&mends);
  }
}

Test(mends, a_drift_now_and_then_is_always_set_back_at_once) {
  for (int64_t now_s = 0; now_s < 100000; now_s += 61) {
    cr_assert_eq(wait_s(now_s, "a"), 0);
    note(now_s, "a");
  }
}

Test(mends, the_contested_child_is_named_until_its_pause_ends) {
  int64_t left_ms = 0;
  cr_assert_null(mends_contested(NULL, 0, &left_ms));
  for (int n = 0; n < MENDS_AT_ONCE - 1; n++) note(1000, "a");
  cr_assert_null(mends_contested(&mends, 1000 * SECOND, &left_ms));
  note(1000, "a");
  mends_note(&mends, RESOURCE_INGRESS, "shop", "c", "spec.rules", 1000 * SECOND);
  const struct mend *mend = mends_contested(&mends, 1004 * SECOND, &left_ms);
  cr_assert(mend && mend->resource == RESOURCE_SERVICE);
  cr_assert_eq(left_ms, 6 * SECOND);
  cr_assert_null(mends_contested(&mends, 1010 * SECOND, &left_ms));
}

Test(mends, the_oldest_gives_way) {
  char name[16];
  for (int n = 0; n < MENDS_AT_ONCE; n++) note(1, "a");
  for (int i = 0; i < MENDS_MAX; i++) {
    (void)snprintf(name, sizeof name, "env-%d", i);
    mends_note(&mends, RESOURCE_CONFIG_MAP, name, "a", "data", 2 * SECOND);
  }
  cr_assert_eq(mends.count, MENDS_MAX);
  cr_assert_eq(wait_s(2, "a"), 0);
}
