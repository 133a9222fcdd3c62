#include "verify/exposition.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct series one(const char *text) {
  struct exposition e = exposition_of(text, strlen(text));
  struct series s = {0};
  cr_assert(exposition_next(&e, &s), "%s", text);
  return s;
}

Test(exposition, samples_are_found_past_comments) {
  static const char text[] =
      "# HELP a_total Requests \"answered\".\n# TYPE a_total counter\n\na_total 1\n  a_total{x=\"1\"}\t2 1760908689588\r_\n";
  struct exposition e = exposition_of(text, strcspn(text, "\r"));
  struct series s;
  cr_assert(exposition_next(&e, &s) && series_is(&s, "a_total") && s.value == 1);
  cr_assert(exposition_next(&e, &s) && series_is(&s, "a_total") && s.value == 2);
  cr_assert(!series_is(&s, "a_tota") && !series_is(&s, "a_total_"));
  cr_assert(!exposition_next(&e, &s) && !e.wrong_line);
}

Test(exposition, numbers) {
  static const struct {
    const char *text;
    double value;
  } rows[] = {{"a 0", 0}, {"a -1.5", -1.5}, {"a 1e3", 1000}, {"a +Inf", INFINITY}, {"a -Inf", -INFINITY}, {"a 1 -5", 1}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) cr_expect_eq(one(rows[i].text).value, rows[i].value, "%s", rows[i].text);
  cr_expect(isnan(one("a NaN").value));
}

Test(exposition, labels) {
  static const struct {
    const char *text, *value; /* of route; NULL: absent */
  } rows[] = {{"a{route=\"/x\"} 1", "/x"},
              {"a{method=\"GET\",route=\"/x\",status=\"200\",} 1", "/x"},
              {"a { method = \"GET\" , route = \"/x\" } 1", "/x"},
              {"a{route=\"\"} 1", ""},
              {"a{route=\"a\\\\b\\\"c\\nd}\"} 1", "a\\b\"c\nd}"},
              {"a{routes=\"/x\"} 1", NULL},
              {"a{x=\"route\"} 1", NULL},
              {"a{} 1", NULL},
              {"a 1", NULL},
              {"a{route=\"01234567890123456789\"} 1", NULL}};
  char value[20];
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct series s = one(rows[i].text);
    cr_expect_eq(series_label(&s, "route", value, sizeof value), rows[i].value != NULL, "%s", rows[i].text);
    cr_expect_str_eq(value, rows[i].value ? rows[i].value : "", "%s", rows[i].text);
  }
}

Test(exposition, a_wrong_line_ends_it_and_is_named) {
  static const char *const wrong[] = {"a",           "a ",
                                      "a x",         "a 1 x",
                                      "a 1 2 3",     "1a 1",
                                      "{x=\"1\"} 1", "a{x=1} 1",
                                      "a{x=\"1} 1",  "a{x=\"1\" 1",
                                      "a{x\"1\"} 1", "a{x=\"1\"y=\"2\"} 1",
                                      "a{,} 1",      "a{x=\"1\\\"} 1",
                                      "<html>",      "a 12345678901234567890123456789012345678901234567890123456789012345"};
  for (size_t i = 0; i < ELEMENTS(wrong); i++) {
    char text[256];
    (void)snprintf(text, sizeof text, "ok 1\n%s\nok 2\n", wrong[i]);
    struct exposition e = exposition_of(text, strlen(text));
    struct series s;
    cr_expect(exposition_next(&e, &s) && !exposition_next(&e, &s), "%s", wrong[i]);
    cr_expect_eq(e.wrong_line, 2, "%s", wrong[i]);
    cr_expect_not(exposition_next(&e, &s), "it stays at its end");
  }
}
