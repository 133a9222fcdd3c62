#include "base/log.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void keep(const char *line, size_t n, void *owner) { buffer_append(owner, line, n); }

/* The line's part behind the hostname, whose time, pid and hostname the test can't know. */
static const char *tail_of(const struct buffer *lines) {
  const char *found = strstr(buffer_text(lines), ",\"msg\":");
  return found ? found + 1 : "";
}

Test(log, is_one_line_of_json_in_pinos_shape) {
  _cleanup_buffer_ struct buffer lines = {0};
  buffer_init(&lines, 100000);
  log_set_sink(keep, &lines);
  struct error error = {.message = "it \"broke\""};
  log_info("stack is ready", log_str("stack", "supernova/shop"), log_int("revision", -4), log_bool("ok", true), log_str("none", NULL),
           log_raw("req", "{\"id\":1}"), log_raw("res", NULL), log_err(&error));
  cr_expect_str_eq(tail_of(&lines),
                   "\"msg\":\"stack is ready\",\"stack\":\"supernova/shop\",\"revision\":-4,\"ok\":true,\"none\":null,\"req\":{\"id\":1},"
                   "\"res\":null,\"err\":\"it \\\"broke\\\"\"}\n");
  long long level, time;
  int pid;
  cr_assert_eq(sscanf(lines.data, "{\"level\":%lld,\"time\":%lld,\"pid\":%d,\"hostname\":\"", &level, &time, &pid), 3);
  cr_expect_eq(level, 30);
  cr_expect_leq(time, clock_real_ms());
  cr_expect_gt(time, clock_real_ms() - 60000);
  cr_expect_eq(pid, getpid());
  log_set_sink(NULL, NULL);
}

Test(log, levels_below_are_not_composed) {
  _cleanup_buffer_ struct buffer lines = {0};
  buffer_init(&lines, 100000);
  log_set_sink(keep, &lines);
  log_debug("silent");
  cr_expect_eq(lines.len, 0);
  log_set_level(LOG_DEBUG);
  log_debug("heard");
  cr_expect_str_eq(tail_of(&lines), "\"msg\":\"heard\"}\n");
  log_set_level(LOG_FATAL);
  buffer_clear(&lines);
  log_error("silent");
  cr_expect_eq(lines.len, 0);
  log_fatal("heard");
  cr_expect_gt(lines.len, 0);
}

Test(log, what_is_too_long_loses_a_field_and_never_the_line) {
  static char text[40000];
  _cleanup_buffer_ struct buffer lines = {0};
  buffer_init(&lines, 100000);
  log_set_sink(keep, &lines);
  for (size_t n = 15000; n < 17000; n++) {
    memset(text, 'x', n);
    text[n] = 0;
    buffer_clear(&lines);
    log_info("long", log_str("text", text), log_int("after", 1));
    cr_expect_leq(lines.len, 16 * 1024);
    cr_expect(!strcmp(lines.data + lines.len - 2, "}\n"), "%zu", n);
  }
  cr_expect_str_eq(tail_of(&lines), "\"msg\":\"long\",\"after\":1}\n");
}

Test(log, a_message_too_long_is_cut) {
  static char text[40000];
  _cleanup_buffer_ struct buffer lines = {0};
  buffer_init(&lines, 100000);
  log_set_sink(keep, &lines);
  memset(text, '\x01', sizeof text - 1);
  log_info(text, log_int("after", 1));
  cr_expect_lt(lines.len, 16 * 1024);
  cr_expect_not_null(strstr(lines.data, "\\u0001\",\"after\":1}\n"));
}

Test(log, levels_have_names) {
  static const struct {
    const char *text;
    int rc;
    enum log_level level;
  } table[] = {{"trace", 0, LOG_TRACE}, {"debug", 0, LOG_DEBUG}, {"info", 0, LOG_INFO}, {"warn", 0, LOG_WARN}, {"error", 0, LOG_ERROR},
               {"fatal", 0, LOG_FATAL}, {"INFO", -1, 0},         {"", -1, 0},           {NULL, -1, 0}};
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    enum log_level level = 0;
    cr_expect_eq(parse_log_level(table[i].text, &level), table[i].rc);
    cr_expect_eq(level, table[i].level);
  }
}

Test(log, goes_to_standard_output) {
  int ends[2], saved = dup(STDOUT_FILENO);
  char line[1024] = "";
  cr_assert_eq(pipe(ends), 0);
  cr_assert_geq(dup2(ends[1], STDOUT_FILENO), 0);
  log_warn("to the pipe");
  cr_assert_geq(dup2(saved, STDOUT_FILENO), 0);
  cr_expect_gt(read(ends[0], line, sizeof line - 1), 0);
  cr_expect_not_null(strstr(line, "\"msg\":\"to the pipe\"}\n"));
  (void)close(ends[0]), (void)close(ends[1]), (void)close(saved);
}
