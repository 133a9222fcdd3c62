#include "stack/memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct memory memory;
static const char *shown; /* the version that the cache shows of everything; NULL: not there */

static const char *find(void *owner, enum resource resource, const char *name) {
  (void)owner;
  (void)resource;
  (void)name;
  return shown;
}

static void end(void) { memory_done(&memory); }

TestSuite(memory, .fini = end);

static bool caught_up(const char *version, int64_t now_ms) {
  shown = version;
  return memory_caught_up(&memory, find, NULL, now_ms);
}

Test(memory, nothing_is_waited_for_at_first) { cr_assert(caught_up(NULL, 0)); }

Test(memory, a_write_is_waited_for_until_that_version_or_a_newer_one_is_shown) {
  static const struct {
    const char *shown;
    bool done;
  } rows[] = {{NULL, false}, {"9", false}, {"10", true}, {"11", true}, {"9007199254740993", true}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    memory_expect(&memory, RESOURCE_SERVICE, "shop", "10", 1000);
    cr_assert_eq(caught_up(rows[i].shown, 1000), rows[i].done, "row %zu", i);
    memory_done(&memory);
  }
}

Test(memory, the_newest_of_two_writes_counts) {
  memory_expect(&memory, RESOURCE_SERVICE, "shop", "12", 0);
  memory_expect(&memory, RESOURCE_SERVICE, "shop", "10", 0);
  cr_assert_eq(memory.expected_count, 1);
  cr_assert(!caught_up("11", 0));
  cr_assert(caught_up("12", 0));
}

Test(memory, a_deletion_is_waited_for_until_nothing_is_shown) {
  memory_expect(&memory, RESOURCE_SERVICE, "shop", NULL, 0);
  cr_assert(!caught_up("10", 0));
  cr_assert(caught_up(NULL, 0));
}

Test(memory, it_does_not_wait_for_ever) {
  memory_expect(&memory, RESOURCE_SERVICE, "shop", "10", 1000);
  cr_assert(!caught_up(NULL, 5999));
  cr_assert(caught_up(NULL, 6000));
  cr_assert_eq(memory.expected_count, 0);
}

Test(memory, a_version_that_is_no_number_is_not_waited_for) {
  memory_expect(&memory, RESOURCE_SERVICE, "shop", "opaque", 0);
  cr_assert(caught_up(NULL, 0));
}

Test(memory, it_is_bounded) {
  char name[16];
  for (int i = 0; i < 2 * MEMORY_MAX_EXPECTED; i++) {
    (void)snprintf(name, sizeof name, "job-%d", i);
    memory_expect(&memory, RESOURCE_JOB, name, "1", 0);
    memory_fetch(&memory, RESOURCE_JOB, name);
  }
  cr_assert_eq(memory.expected_count, MEMORY_MAX_EXPECTED);
  cr_assert_eq(memory.fetched_count, MEMORY_MAX_FETCHED);
}

Test(memory, what_is_met_again_is_read_again) {
  memory_fetch(&memory, RESOURCE_SERVICE, "shop");
  memory.fetched[0].read_ms = 77;
  memory_fetch(&memory, RESOURCE_SERVICE, "shop");
  cr_assert_eq(memory.fetched_count, 1);
  cr_assert_eq(memory.fetched[0].read_ms, 0);
  memory_forget_fetched(&memory, 0);
  cr_assert_eq(memory.fetched_count, 0);
}

Test(memory, another_stack_of_that_name_starts_anew) {
  memory_begin(&memory, "first");
  memory_expect(&memory, RESOURCE_SERVICE, "shop", "10", 0);
  (void)error_set(&memory.last_error, ERROR_RETRY, "no");
  memory.secret_as = strdup("read");
  memory_begin(&memory, "first");
  cr_assert_eq(memory.expected_count, 1);
  memory_begin(&memory, "second");
  cr_assert_eq(memory.expected_count, 0);
  cr_assert_eq(memory.last_error.kind, ERROR_NONE);
  cr_assert_null(memory.secret_as);
}
