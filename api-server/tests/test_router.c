#include "http/router.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct route table[] = {
    {.method = HTTP_GET, .path = "/livez", .doors = DOOR_BOTH},
    {.method = HTTP_GET, .path = "/metrics", .doors = DOOR_METRICS},
    {.method = HTTP_GET, .path = "/api/things/:id", .doors = DOOR_PUBLIC},
    {.method = HTTP_POST, .path = "/api/things/new", .doors = DOOR_PUBLIC},
    {.method = HTTP_GET, .path = "/api/things", .doors = DOOR_PUBLIC},
    {.method = HTTP_POST, .path = "/api/things", .doors = DOOR_PUBLIC},
    {.method = HTTP_GET, .path = "/api/:kind/of/:id", .doors = DOOR_PUBLIC},
    {0},
};

Test(router, finds) {
  static const struct {
    enum door door;
    enum http_method method;
    const char *path;
    enum route_result result;
    const char *template, *first;
  } cases[] = {
      {DOOR_PUBLIC, HTTP_GET, "/livez", ROUTE_FOUND, "/livez", NULL},
      {DOOR_METRICS, HTTP_HEAD, "/livez", ROUTE_FOUND, "/livez", NULL},
      {DOOR_PUBLIC, HTTP_GET, "/metrics", ROUTE_ABSENT, NULL, NULL},
      {DOOR_METRICS, HTTP_GET, "/metrics", ROUTE_FOUND, "/metrics", NULL},
      {DOOR_METRICS, HTTP_GET, "/api/things", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/7", ROUTE_FOUND, "/api/things/:id", "7"},
      {DOOR_PUBLIC, HTTP_GET, "/api/th%69ngs/a%20b", ROUTE_FOUND, "/api/things/:id", "a b"},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/%C3%AB", ROUTE_FOUND, "/api/things/:id", "\xc3\xab"},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/", ROUTE_MALFORMED, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/..", ROUTE_MALFORMED, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/%2e", ROUTE_MALFORMED, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/a%2Fb", ROUTE_MALFORMED, NULL, NULL},
      {DOOR_PUBLIC, HTTP_POST, "/api/things/new", ROUTE_FOUND, "/api/things/new", NULL},
      {DOOR_PUBLIC, HTTP_POST, "/api/things/7", ROUTE_METHOD, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/api/things", ROUTE_FOUND, "/api/things", NULL},
      {DOOR_PUBLIC, HTTP_DELETE, "/api/things", ROUTE_METHOD, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/api/cars/of/me", ROUTE_FOUND, "/api/:kind/of/:id", "cars"},
      {DOOR_PUBLIC, HTTP_GET, "/api/things/7/8", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/livez/", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "//livez", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/LIVEZ", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "/", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_OPTIONS, "*", ROUTE_ABSENT, NULL, NULL},
      {DOOR_PUBLIC, HTTP_GET, "", ROUTE_ABSENT, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct route *route = NULL;
    struct route_parameters parameters = {0};
    unsigned allowed = 0;
    struct span path = {cases[i].path, strlen(cases[i].path)};
    enum route_result result = route_find(table, cases[i].door, cases[i].method, path, &route, &parameters, &allowed);
    cr_expect_eq(result, cases[i].result, "%s: %d", cases[i].path, (int)result);
    if (cases[i].template) cr_expect_str_eq(route->path, cases[i].template);
    if (cases[i].first) cr_expect_str_eq(parameters.values[0], cases[i].first);
  }
}

Test(router, tells_what_is_allowed) {
  const struct route *route;
  struct route_parameters parameters;
  unsigned allowed;
  char text[ALLOW_SIZE];
  cr_assert_eq(route_find(table, DOOR_PUBLIC, HTTP_PUT, SPAN("/api/things"), &route, &parameters, &allowed), ROUTE_METHOD);
  route_allow(allowed, text);
  cr_expect_str_eq(text, "GET, HEAD, POST, OPTIONS");
  cr_assert_eq(route_find(table, DOOR_PUBLIC, HTTP_PUT, SPAN("/api/things/new"), &route, &parameters, &allowed), ROUTE_METHOD);
  route_allow(allowed, text);
  cr_expect_str_eq(text, "GET, HEAD, POST, OPTIONS", "both templates that match count");
}

Test(router, a_long_parameter_is_malformed) {
  char path[400] = "/api/things/";
  const struct route *route;
  struct route_parameters parameters;
  unsigned allowed;
  memset(path + 12, 'a', 300);
  cr_expect_eq(route_find(table, DOOR_PUBLIC, HTTP_GET, (struct span){path, 12 + 256}, &route, &parameters, &allowed), ROUTE_FOUND);
  cr_expect_eq(route_find(table, DOOR_PUBLIC, HTTP_GET, (struct span){path, 12 + 257}, &route, &parameters, &allowed), ROUTE_MALFORMED);
}
