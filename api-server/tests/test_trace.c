#include "observe/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ID    "0af7651916cd43dd8448eb211c80319c"
#define SPAN_ "b7ad6b7169203331"

static struct trace begin(const char *text, double rate) {
  struct trace trace;
  trace_begin(&trace, (struct span){text, text ? strlen(text) : 0}, rate);
  cr_expect_eq(strlen(trace.id), 32);
  cr_expect_eq(strlen(trace.span), 16);
  return trace;
}

Test(trace, goes_on) {
  static const char *const good[] = {"00-" ID "-" SPAN_ "-00", "00-" ID "-" SPAN_ "-01", "00-" ID "-" SPAN_ "-ff", "cc-" ID "-" SPAN_ "-01",
                                     "cc-" ID "-" SPAN_ "-01-what-comes-later"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct trace trace = begin(good[i], 0);
    cr_expect_str_eq(trace.id, ID, "%s", good[i]);
    cr_expect_str_eq(trace.parent, SPAN_);
    cr_expect_str_neq(trace.span, SPAN_);
    cr_expect_not(trace.sampled, "what the caller decided isn't followed");
  }
}

Test(trace, begins_where_there_is_none) {
  static const char *const bad[] = {NULL,
                                    "",
                                    "00",
                                    "00-" ID "-" SPAN_,
                                    "00-" ID "-" SPAN_ "-0",
                                    "00-" ID "-" SPAN_ "-0g",
                                    "00-" ID "-" SPAN_ "-01-",
                                    "00-" ID "-" SPAN_ "-01 ",
                                    "cc-" ID "-" SPAN_ "-01.",
                                    "ff-" ID "-" SPAN_ "-01",
                                    "0G-" ID "-" SPAN_ "-01",
                                    "00-0AF7651916CD43DD8448EB211C80319C-" SPAN_ "-01",
                                    "00-00000000000000000000000000000000-" SPAN_ "-01",
                                    "00-" ID "-0000000000000000-01",
                                    "00_" ID "_" SPAN_ "_01"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct trace trace = begin(bad[i], 1), other = begin(bad[i], 1);
    cr_expect_str_eq(trace.parent, "", "%s", bad[i] ? bad[i] : "none");
    cr_expect_str_neq(trace.id, other.id);
    cr_expect(trace.sampled);
  }
}

Test(trace, is_chosen_by_its_id) {
  static const struct {
    const char *last;
    double rate;
    bool sampled;
  } cases[] = {{"0000000000000", 0, false},   {"0000000000000", 0.0001, true}, {"7ffffffffffff", 0.5, true},
               {"8000000000000", 0.5, false}, {"fffffffffffff", 1, true},      {"fffffffffffff", 0.9999, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[TRACEPARENT_SIZE];
    (void)snprintf(text, sizeof text, "00-1111111111111111111%s-" SPAN_ "-00", cases[i].last);
    cr_expect_eq(begin(text, cases[i].rate).sampled, cases[i].sampled, "%s at %f", cases[i].last, cases[i].rate);
  }
}

Test(trace, is_passed_on_with_our_span) {
  char text[TRACEPARENT_SIZE], expected[TRACEPARENT_SIZE];
  struct trace trace = begin("00-" ID "-" SPAN_ "-00", 1);
  trace_print(&trace, text);
  (void)snprintf(expected, sizeof expected, "00-" ID "-%s-01", trace.span);
  cr_expect_str_eq(text, expected);
}
