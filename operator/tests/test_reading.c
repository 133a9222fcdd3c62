#include "verify/reading.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct reading take(const char *text) {
  struct reading r = {0};
  struct error error = {0};
  cr_assert_eq(reading_take(text, strlen(text), &r, &error), 0, "%s", error.message);
  return r;
}

#define COUNT(route, status, n) "http_requests_total{method=\"GET\",route=\"" route "\",status=\"" status "\"} " n "\n"
#define BUCKET(route, le, n)    "http_request_duration_seconds_bucket{method=\"GET\",route=\"" route "\",le=\"" le "\"} " n "\n"

Test(reading, what_users_asked_counts_and_nothing_else) {
  struct reading r =
      take("# TYPE http_requests_total counter\n" COUNT("/api/a", "200", "90") COUNT("/api/b", "500", "3") COUNT("/api/b", "503", "2")
               COUNT("/api/b", "429", "5") COUNT("/livez", "500", "1000") COUNT("/readyz", "503", "1000") COUNT("/healthz", "503", "7")
                   COUNT("/metrics", "500", "1000") COUNT("/api/test-error", "500", "1000") COUNT("none", "404", "1") "other_total 5\n");
  cr_expect_eq(r.requests, 101);
  cr_expect_eq(r.errors, 5);
  cr_expect_eq(r.bucket_count, 0);
}

Test(reading, buckets_of_all_routes_are_one) {
  struct reading r = take(BUCKET("/a", "0.1", "10") BUCKET("/a", "+Inf", "20") BUCKET("/b", "0.1", "1") BUCKET("/b", "0.5", "2") BUCKET(
      "/b", "+Inf", "3") BUCKET("/a", "0.5", "15") BUCKET("/livez", "0.1", "99") BUCKET("/livez", "+Inf", "99"));
  cr_assert_eq(r.bucket_count, 3);
  cr_expect(r.buckets[0].le_s == 0.1 && r.buckets[0].count == 11);
  cr_expect(r.buckets[1].le_s == 0.5 && r.buckets[1].count == 17);
  cr_expect(isinf(r.buckets[2].le_s) && r.buckets[2].count == 23);
}

Test(reading, a_pod_that_says_nothing_of_requests) {
  struct reading r = take("");
  cr_expect(r.requests == 0 && reading_quantile_s(&r, 0.95) == -1);
}

Test(reading, who_lies_is_not_believed_and_nothing_is_changed) {
  static const struct {
    const char *text, *why;
  } rows[] = {
      {COUNT("/a", "200", "NaN"), "http_requests_total is nan, and a counter is never that"},
      {COUNT("/a", "200", "-1"), "http_requests_total is -1, and a counter is never that"},
      {COUNT("/a", "200", "+Inf"), "http_requests_total is inf, and a counter is never that"},
      {COUNT("/a", "200", "1e300"), "http_requests_total is 1e+300, and a counter is never that"},
      {BUCKET("/a", "+Inf", "-1"), "http_request_duration_seconds_bucket is -1, and a counter is never that"},
      {BUCKET("/a", "fast", "1"), "a bucket of http_request_duration_seconds has no number as its bound \"le\""},
      {"http_request_duration_seconds_bucket 1\n", "a bucket of http_request_duration_seconds has no number as its bound \"le\""},
      {BUCKET("/a", "0.1", "5") BUCKET("/a", "+Inf", "4"), "http_request_duration_seconds has fewer requests below inf s than below 0.1 s"},
      {BUCKET("/a", "0.1", "5"), "http_request_duration_seconds has no bucket le=\"+Inf\""},
      {"ok 1\n<html>\n", "line 2 of its metrics is not of the text format"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct reading r = {.requests = 7};
    struct error error = {0};
    cr_expect_eq(reading_take(rows[i].text, strlen(rows[i].text), &r, &error), -1, "%s", rows[i].text);
    cr_expect_str_eq(error.message, rows[i].why);
    cr_expect(error.kind == ERROR_INVALID && r.requests == 7);
  }
}

Test(reading, more_buckets_than_anybody_has_are_refused) {
  char text[8192] = "";
  for (size_t i = 0, n = 0; i <= READING_MAX_BUCKETS; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "http_request_duration_seconds_bucket{le=\"%zu\"} 1\n", i);
  struct reading r = {0};
  struct error error = {0};
  cr_expect_eq(reading_take(text, strlen(text), &r, &error), -1);
  cr_expect_str_eq(error.message, "http_request_duration_seconds has more than 32 buckets");
}

Test(reading, pods_are_added_up) {
  struct reading sum = {0};
  struct reading a = take(COUNT("/a", "200", "8") COUNT("/a", "500", "2") BUCKET("/a", "0.1", "5") BUCKET("/a", "+Inf", "10"));
  struct reading idle = take("");
  struct reading b = take(COUNT("/a", "200", "10") BUCKET("/a", "0.1", "10") BUCKET("/a", "+Inf", "10"));
  reading_add(&sum, &idle);
  reading_add(&sum, &a);
  reading_add(&sum, &b);
  cr_expect(sum.requests == 20 && sum.errors == 2);
  cr_expect(sum.bucket_count == 2 && sum.buckets[0].count == 15 && sum.buckets[1].count == 20);
  struct reading other = take(COUNT("/a", "200", "1") BUCKET("/a", "0.2", "1") BUCKET("/a", "+Inf", "1"));
  reading_add(&sum, &other);
  cr_expect(sum.requests == 21 && sum.bucket_count == 0, "different bounds say nothing together");
  reading_add(&sum, &b);
  cr_expect_eq(sum.bucket_count, 0);
}

Test(reading, quantiles_as_histogram_quantile_estimates_them) {
  static const struct {
    const char *text;
    double p95_s;
  } rows[] = {
      {BUCKET("/a", "0.1", "100") BUCKET("/a", "0.5", "100") BUCKET("/a", "+Inf", "100"), 0.095},
      {BUCKET("/a", "0.1", "90") BUCKET("/a", "0.5", "100") BUCKET("/a", "+Inf", "100"), 0.3},
      {BUCKET("/a", "0.1", "90") BUCKET("/a", "0.5", "90") BUCKET("/a", "+Inf", "100"), 0.5},
      {BUCKET("/a", "0.1", "0") BUCKET("/a", "0.5", "0") BUCKET("/a", "+Inf", "0"), -1},
      {BUCKET("/a", "+Inf", "10"), -1},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct reading r = take(rows[i].text);
    cr_expect(fabs(reading_quantile_s(&r, 0.95) - rows[i].p95_s) < 1e-9, "row %zu: %g", i, reading_quantile_s(&r, 0.95));
  }
}

#define KEY(kid, state, n) "supernova_jwks_key{kid=\"" kid "\",state=\"" state "\"} " n "\n"

Test(reading, a_key_is_there_when_every_worker_has_it) {
  struct reading r = take("supernova_workers 2\n" KEY("1", "signing", "2") KEY("2", "published", "1") KEY("3", "published", "1")
                              KEY("3", "signing", "1") KEY("4", "published", "-1") "supernova_jwks_key 5\n");
  static const struct {
    const char *kid;
    bool loaded, signs;
  } rows[] = {{"1", true, true}, {"2", false, false}, {"3", true, false}, {"4", false, false}, {"5", false, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cr_assert_eq(reading_has_key(&r, rows[i].kid, false), rows[i].loaded, "%s", rows[i].kid);
    cr_assert_eq(reading_has_key(&r, rows[i].kid, true), rows[i].signs, "%s", rows[i].kid);
  }
  r = take(KEY("1", "signing", "0"));
  cr_assert_not(reading_has_key(&r, "1", false), "no worker has it, however many there are");
}
