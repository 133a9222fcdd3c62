#include "verify/reading.h"

#include "verify/exposition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 1e15 /* beyond it a double counts no longer one by one */

enum { LABEL_MAX_BYTES = 128 };

static bool means_nothing(const struct series *s) {
  static const char *const routes[] = {"/livez", "/readyz", "/healthz", "/metrics", "/api/test-error"};
  char route[LABEL_MAX_BYTES];
  (void)series_label(s, "route", route, sizeof route);
  for (size_t i = 0; i < ELEMENTS(routes); i++)
    if (!strcmp(route, routes[i])) return true;
  return false;
}

static bool is_failure(const struct series *s) {
  char status[8];
  return series_label(s, "status", status, sizeof status) && status[0] == '5' && strlen(status) == 3;
}

/* Adds to the bucket of that bound, which is put into its place where it is new. */
static int add_to_bucket(struct reading *r, double le_s, double count, struct error *error) {
  size_t at = 0;
  while (at < r->bucket_count && r->buckets[at].le_s < le_s) at++;
  bool is_new = at == r->bucket_count || r->buckets[at].le_s != le_s;
  if (is_new && r->bucket_count == READING_MAX_BUCKETS)
    return error_set(error, ERROR_INVALID, "http_request_duration_seconds has more than %d buckets", READING_MAX_BUCKETS);
  if (is_new) {
    memmove(&r->buckets[at + 1], &r->buckets[at], (r->bucket_count - at) * sizeof r->buckets[0]);
    r->bucket_count++;
    r->buckets[at].le_s = le_s;
    r->buckets[at].count = 0;
  }
  r->buckets[at].count += count;
  return 0;
}

static int take_bucket(const struct series *s, struct reading *r, struct error *error) {
  char bound[LABEL_MAX_BYTES], *rest;
  bool has_bound = series_label(s, "le", bound, sizeof bound);
  double le_s = strtod(bound, &rest);
  if (!has_bound || rest == bound || *rest || isnan(le_s))
    return error_set(error, ERROR_INVALID, "a bucket of http_request_duration_seconds has no number as its bound \"le\"");
  return add_to_bucket(r, le_s, s->value, error);
}

/* Keys beyond those that a set may have are no news. */
static void take_key(const struct series *s, struct reading *r) {
  char kid[READING_KID_SIZE], state[16];
  size_t at = 0;
  bool told = series_label(s, "kid", kid, sizeof kid) && series_label(s, "state", state, sizeof state);
  if (!told || !(s->value >= 0 && s->value <= COUNT_MAX)) return;
  while (at < r->key_count && strcmp(r->keys[at].kid, kid) != 0) at++;
  if (at == READING_MAX_KEYS) return;
  if (at == r->key_count) {
    r->key_count++;
    r->keys[at].loaded = r->keys[at].signs = 0;
    memcpy(r->keys[at].kid, kid, sizeof kid);
  }
  r->keys[at].loaded += s->value;
  if (!strcmp(state, "signing")) r->keys[at].signs += s->value;
}

static int take_series(const struct series *s, struct reading *r, struct error *error) {
  if (series_is(s, "supernova_jwks_key")) return take_key(s, r), 0;
  if (series_is(s, "supernova_workers")) return r->workers = s->value, 0;
  bool counts = series_is(s, "http_requests_total"), times = series_is(s, "http_request_duration_seconds_bucket");
  if ((!counts && !times) || means_nothing(s)) return 0;
  if (!(s->value >= 0 && s->value <= COUNT_MAX))
    return error_set(error, ERROR_INVALID, "%.*s is %g, and a counter is never that", (int)s->name_n, s->name, s->value);
  if (times) return take_bucket(s, r, error);
  r->requests += s->value;
  if (is_failure(s)) r->errors += s->value;
  return 0;
}

static int check_buckets(const struct reading *r, struct error *error) {
  for (size_t i = 1; i < r->bucket_count; i++)
    if (r->buckets[i].count < r->buckets[i - 1].count)
      return error_set(error, ERROR_INVALID, "http_request_duration_seconds has fewer requests below %g s than below %g s",
                       r->buckets[i].le_s, r->buckets[i - 1].le_s);
  if (r->bucket_count && !isinf(r->buckets[r->bucket_count - 1].le_s))
    return error_set(error, ERROR_INVALID, "http_request_duration_seconds has no bucket le=\"+Inf\"");
  return 0;
}

int reading_take(const char *text, size_t n, struct reading *ret, struct error *error) {
  struct reading r = {0};
  struct exposition e = exposition_of(text, n);
  struct series s;
  while (exposition_next(&e, &s))
    if (take_series(&s, &r, error) < 0) return -1;
  if (e.wrong_line) return error_set(error, ERROR_INVALID, "line %zu of its metrics is not of the text format", e.wrong_line);
  if (check_buckets(&r, error) < 0) return -1;
  *ret = r;
  return 0;
}

bool reading_has_key(const struct reading *r, const char *kid, bool signs) {
  for (size_t i = 0; i < r->key_count; i++) {
    double by = signs ? r->keys[i].signs : r->keys[i].loaded;
    if (!strcmp(r->keys[i].kid, kid)) return by >= 1 && by >= r->workers;
  }
  return false;
}

static bool same_bounds(const struct reading *a, const struct reading *b) {
  if (a->bucket_count != b->bucket_count) return false;
  for (size_t i = 0; i < a->bucket_count; i++)
    if (a->buckets[i].le_s != b->buckets[i].le_s) return false;
  return true;
}

void reading_add(struct reading *sum, const struct reading *of) {
  bool first = sum->requests == 0 && !sum->bucket_count;
  sum->requests += of->requests;
  sum->errors += of->errors;
  if (first) {
    sum->bucket_count = of->bucket_count;
    memcpy(sum->buckets, of->buckets, sizeof sum->buckets);
  } else if (of->requests > 0 && !same_bounds(sum, of)) {
    sum->bucket_count = 0;
  } else if (of->requests > 0) {
    for (size_t i = 0; i < sum->bucket_count; i++) sum->buckets[i].count += of->buckets[i].count;
  }
}

double reading_quantile_s(const struct reading *r, double q) {
  size_t last = r->bucket_count ? r->bucket_count - 1 : 0, at = 0;
  double rank = q * r->buckets[last].count;
  if (!last || r->buckets[last].count <= 0) return -1;
  while (r->buckets[at].count < rank) at++;
  if (at == last) return r->buckets[last - 1].le_s;
  double below_s = at ? r->buckets[at - 1].le_s : 0, below = at ? r->buckets[at - 1].count : 0, within = r->buckets[at].count - below;
  return within > 0 ? below_s + (r->buckets[at].le_s - below_s) * (rank - below) / within : r->buckets[at].le_s;
}
