#include "release/job_memory.h"

#include "base/log.h"
#include "stack/child.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char logged[4096];

static void sink(const char *line, size_t n, void *owner) {
  (void)owner;
  size_t used = strlen(logged);
  if (used + n < sizeof logged) memcpy(logged + used, line, n);
}

static void begin(void) { log_set_sink(sink, NULL); }

TestSuite(job_memory, .init = begin);

static struct child revision_with(cJSON *annotations) {
  return (struct child){.revision = {.jobs = job_memory_collect("shop-1", annotations)}};
}

/* {PREFIX SERIES: TEXT} */
static cJSON *annotation(const char *series, const char *text) {
  char name[96];
  cJSON *annotations = cJSON_CreateObject();
  (void)snprintf(name, sizeof name, ANNOTATION_JOB_PREFIX "%s", series);
  cJSON_AddStringToObject(annotations, name, text);
  return annotations;
}

Test(job_memory, what_is_written_is_read_back) {
  const struct job_memory memory = {.attempt = 3,
                                    .settled = 2,
                                    .asked = 3,
                                    .purpose = "a@b",
                                    .purpose_key = "key",
                                    .done = "c@d",
                                    .done_ms = 1767225600000,
                                    .failed = "key2",
                                    .failed_ms = 1767225601000,
                                    .message = "it said \"no\"\n",
                                    .schema_version = 12,
                                    .serves_from = 11,
                                    .accepts_min = 10,
                                    .accepts_max = 12};
  cJSON *annotations = cJSON_CreateObject();
  job_memory_write(&memory, "warm-up", annotations);
  struct child revision = revision_with(annotations);
  struct job_memory read = job_memory_of(&revision, "warm-up");
  cr_assert(read.attempt == 3 && read.settled == 2 && read.asked == 3);
  cr_assert_str_eq(read.purpose, "a@b");
  cr_assert_str_eq(read.purpose_key, "key");
  cr_assert_str_eq(read.done, "c@d");
  cr_assert_str_eq(read.failed, "key2");
  cr_assert_str_eq(read.message, memory.message);
  cr_assert(read.done_ms == memory.done_ms && read.failed_ms == memory.failed_ms);
  cr_assert(read.schema_version == 12 && read.serves_from == 11 && read.accepts_min == 10 && read.accepts_max == 12);
  cr_assert_null(job_memory_of(&revision, "migrate").done, "each series has its own");
  cr_assert_str_empty(logged);
  cJSON_Delete(revision.revision.jobs);
  cJSON_Delete(annotations);
}

Test(job_memory, nothing_is_remembered_of_what_never_ran) {
  struct child revision = {0};
  const struct child *const revisions[] = {NULL, &revision};
  for (size_t i = 0; i < ELEMENTS(revisions); i++) {
    struct job_memory memory = job_memory_of(revisions[i], "migrate");
    cr_assert(!memory.attempt && !memory.settled && !memory.done && !memory.failed && !memory.done_ms);
    cr_assert(memory.schema_version == -1 && memory.serves_from == -1 && memory.accepts_min == -1 && memory.accepts_max == -1);
  }
}

Test(job_memory, what_does_not_decode_counts_as_absent_and_is_logged) {
  static const char *const texts[] = {"",
                                      "no JSON",
                                      "[]",
                                      "7",
                                      "{\"attempt\":\"1\"}",
                                      "{\"attempt\":1.5}",
                                      "{\"attempt\":1,\"settled\":2}",
                                      "{\"attempt\":-1,\"settled\":-1}",
                                      "{\"attempt\":1000001}",
                                      "{\"attempt\":1,\"asked\":3}",
                                      "{\"done\":7}",
                                      "{\"done\":\"x\",\"doneAt\":\"yesterday\"}",
                                      "{\"failed\":\"x\",\"failedAt\":\"2026-13-01T00:00:00Z\"}",
                                      "{\"attempt\":1,\"attempt\":2}"};
  for (size_t i = 0; i < ELEMENTS(texts); i++) {
    memset(logged, 0, sizeof logged);
    cJSON *annotations = annotation("migrate", texts[i]);
    struct child revision = revision_with(annotations);
    cr_assert_null(revision.revision.jobs, "%s", texts[i]);
    cr_assert_eq(job_memory_of(&revision, "migrate").attempt, 0);
    cr_assert(strstr(logged, "job-migrate") && strstr(logged, "shop-1"), "%s: %s", texts[i], logged);
    cJSON_Delete(annotations);
  }
}

Test(job_memory, a_range_that_is_none_is_unknown) {
  static const char *const texts[] = {"{\"accepts\":[1]}", "{\"accepts\":{}}", "{\"accepts\":[\"1\",2]}"};
  for (size_t i = 0; i < ELEMENTS(texts); i++) {
    cJSON *annotations = annotation("migrate", texts[i]);
    struct child revision = revision_with(annotations);
    struct job_memory memory = job_memory_of(&revision, "migrate");
    cr_assert(memory.accepts_min < 0 || memory.accepts_max < 0, "%s", texts[i]);
    cJSON_Delete(revision.revision.jobs);
    cJSON_Delete(annotations);
  }
}
