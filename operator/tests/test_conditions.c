#include "stack/conditions.h"

#include <criterion/criterion.h>
#include <string.h>

static struct conditions c;

static void begin(void) { c = (struct conditions){.now_ms = 60000, .generation = 7, .list = cJSON_CreateArray()}; }
static void end(void) { cJSON_Delete(c.list); }

TestSuite(conditions, .init = begin, .fini = end);

Test(conditions, a_new_one_begins_now) {
  condition_set(&c, "Ready", "False", "RollingOut", "1 of 3");
  const cJSON *ready = condition_find(c.list, "Ready");
  cr_assert_str_eq(json_string(ready, "status", ""), "False");
  cr_assert_str_eq(json_string(ready, "reason", ""), "RollingOut");
  cr_assert_str_eq(json_string(ready, "message", ""), "1 of 3");
  cr_assert_str_eq(json_string(ready, "lastTransitionTime", ""), "1970-01-01T00:01:00Z");
  cr_assert_eq(json_int(ready, "observedGeneration", 0), 7);
}

Test(conditions, its_time_moves_only_with_its_status) {
  _cleanup_(json_freep) cJSON *before = cJSON_Parse(
      "[{\"type\": \"Ready\", \"status\": \"False\", \"reason\": \"A\", \"lastTransitionTime\": \"1970-01-01T00:00:01Z\"},"
      " {\"type\": \"Available\", \"status\": \"False\", \"lastTransitionTime\": \"1970-01-01T00:00:01Z\"}]");
  c.before = before;
  condition_set(&c, "Ready", "False", "B", "other words");
  condition_set(&c, "Available", "True", "A", "");
  cr_assert_str_eq(json_string(condition_find(c.list, "Ready"), "lastTransitionTime", ""), "1970-01-01T00:00:01Z");
  cr_assert_str_eq(json_string(condition_find(c.list, "Available"), "lastTransitionTime", ""), "1970-01-01T00:01:00Z");
}

Test(conditions, a_long_message_is_cut_where_a_character_begins) {
  char text[2048];
  memset(text, 'a', sizeof text);
  memcpy(text + 1023, "\u00e9", 2);
  text[sizeof text - 1] = 0;
  condition_set(&c, "Ready", "False", "A", text);
  cr_assert_eq(strlen(json_string(condition_find(c.list, "Ready"), "message", "")), 1023);
}

Test(conditions, what_is_not_there_is_not_found) {
  cr_assert_null(condition_find(NULL, "Ready"));
  cr_assert_null(condition_find(c.list, "Ready"));
}
