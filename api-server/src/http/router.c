#include "http/router.h"

#include "http/percent.h"

#include <stdio.h>
#include <string.h>

enum match { MATCH_NO, MATCH_YES, MATCH_MALFORMED };

static bool literal_matches(struct span template, struct span raw) {
  if (!memchr(raw.at, '%', raw.len)) return span_equal(template, raw);
  char decoded[ROUTE_PARAMETER_SIZE];
  int n = percent_segment(raw, decoded, sizeof decoded);
  return n >= 0 && span_equal(template, (struct span){decoded, (size_t)n});
}

/* Both begin with "/"; RAW has the same number of segments or it doesn't match. */
static enum match match(const char *path, struct span raw, struct route_parameters *parameters) {
  struct span template = {path + 1, strlen(path) - 1}, rest = {raw.at + 1, raw.len - 1};
  enum match result = MATCH_YES;
  size_t taken = 0;
  while (template.at && rest.at) {
    struct span wanted = span_cut(&template, '/'), segment = span_cut(&rest, '/');
    if (!wanted.len || *wanted.at != ':') {
      if (!literal_matches(wanted, segment)) return MATCH_NO;
    } else if (percent_segment(segment, parameters->values[taken++], ROUTE_PARAMETER_SIZE) <= 0) {
      result = MATCH_MALFORMED;
    }
  }
  return template.at || rest.at ? MATCH_NO : result;
}

enum route_result route_find(const struct route *routes, enum door door, enum http_method method, struct span path,
                             const struct route **ret_route, struct route_parameters *ret_parameters, unsigned *ret_allowed) {
  enum http_method served = method == HTTP_HEAD ? HTTP_GET : method;
  unsigned allowed = 0;
  if (!path.len || *path.at != '/') return ROUTE_ABSENT;
  for (; routes->path; routes++) {
    enum match matched = routes->doors & (unsigned)door ? match(routes->path, path, ret_parameters) : MATCH_NO;
    if (matched == MATCH_NO) continue;
    if (routes->method == served) {
      *ret_route = routes;
      return matched == MATCH_YES ? ROUTE_FOUND : ROUTE_MALFORMED;
    }
    allowed |= 1U << routes->method;
  }
  if (!allowed) return ROUTE_ABSENT;
  *ret_allowed = allowed;
  return ROUTE_METHOD;
}

void route_allow(unsigned allowed, char to[ALLOW_SIZE]) {
  if (allowed & 1U << HTTP_GET) allowed |= 1U << HTTP_HEAD;
  allowed |= 1U << HTTP_OPTIONS;
  size_t n = 0;
  *to = 0;
  for (unsigned method = 0; method < HTTP_METHODS && n < ALLOW_SIZE; method++)
    if (allowed & 1U << method)
      n += (size_t)snprintf(to + n, ALLOW_SIZE - n, "%s%s", n ? ", " : "", http_method_name((enum http_method)method));
}
