#include "change/handled.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE = 60 * 1000 };

static cJSON *memory;

static void begin(void) { memory = handled_read(NULL); }
static void end(void) { cJSON_Delete(memory); }

TestSuite(handled, .init = begin, .fini = end);

static const int64_t start_ms = INT64_C(1767225600000);

/* Judges a command that was written and is seen after AFTER_MS, and writes it down as the operator does. */
static enum handled_verdict see(const char *key, int64_t after_ms) {
  char at[RFC3339_SIZE];
  format_rfc3339(start_ms + after_ms, at);
  enum handled_verdict verdict = handled_judge(memory, "restart", key, at, start_ms + after_ms);
  if (verdict != COMMAND_LEFT) handled_note(memory, "restart", key, at, start_ms + after_ms);
  return verdict;
}

Test(handled, an_id_has_its_effect_once) {
  cr_assert_eq(see("id=1", 0), COMMAND_NEW);
  cr_assert_eq(see("id=1", 10 * MINUTE), COMMAND_AGAIN);
  cr_assert_eq(see("id=1", 20 * MINUTE), COMMAND_AGAIN);
  cr_assert_eq(see("id=2", 20 * MINUTE), COMMAND_NEW);
}

Test(handled, without_one_each_writing_is_a_command) {
  cr_assert_eq(see("text=now", 0), COMMAND_NEW);
  cr_assert_eq(see("text=now", 0), COMMAND_AGAIN, "the removal is yet to be seen");
  cr_assert_eq(see("text=now", 6 * MINUTE), COMMAND_NEW);
  cr_assert_eq(see("text=now", 12 * MINUTE), COMMAND_NEW);
}

Test(handled, the_third_time_in_a_row_it_is_left_until_it_goes) {
  static const char *const keys[] = {"id=1", "text=now"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    (void)see(keys[i], 0);
    (void)see(keys[i], 3 * MINUTE);
    cr_assert_eq(see(keys[i], 6 * MINUTE), COMMAND_COMES_BACK, "%s", keys[i]);
    cr_assert_eq(see(keys[i], 6 * MINUTE), COMMAND_LEFT);
    cr_assert_eq(see(keys[i], 60 * MINUTE), COMMAND_LEFT, "even when its manager writes something else");
    cr_assert(!handled_release(memory, "restart", keys[i]), "it is still there");
    cr_assert(!handled_release(memory, "approve", NULL), "another command is of no matter");
    cr_assert(handled_release(memory, "restart", NULL));
    cr_assert_eq(see(keys[i], 61 * MINUTE), COMMAND_NEW);
  }
}

Test(handled, another_text_frees_what_was_left) {
  (void)see("text=now", 0);
  (void)see("text=now", MINUTE);
  (void)see("text=now", 2 * MINUTE);
  cr_assert(handled_release(memory, "restart", "id=3"));
  cr_assert_eq(see("id=3", 3 * MINUTE), COMMAND_NEW);
}

Test(handled, it_is_bounded_and_the_oldest_gives_way) {
  char key[32];
  for (int i = 0; i <= HANDLED_MAX; i++) {
    (void)snprintf(key, sizeof key, "id=%d", i);
    cr_assert_eq(see(key, i), COMMAND_NEW);
  }
  cr_assert_eq(cJSON_GetArraySize(memory), HANDLED_MAX);
  cr_assert_eq(see("id=1", MINUTE), COMMAND_AGAIN);
  cr_assert_eq(see("id=0", MINUTE), COMMAND_NEW);
}

Test(handled, what_people_made_of_the_annotation_is_no_matter) {
  static const char *const texts[] = {"", "now", "{}", "[1, null, {\"command\": 7}]",
                                      "[{\"command\": \"restart\", \"key\": \"id=1\", \"at\": 5}]"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cJSON_Delete(memory);
    memory = handled_read(texts[i]);
    cr_assert(cJSON_IsArray(memory));
    (void)see("id=1", 0);
    (void)handled_release(memory, "restart", NULL);
  }
}
