#include "openapi/document.h"

#include "openapi/bodies.h"
#include "openapi/operation.h"
#include "routes/docs.h"
#include "routes/routes.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct settings settings = {.google_package_name = "com.example", .jwt_max_ttl_s = 600, .rate_limit_read_max = 7};

static const struct route *route_of(const struct description *row) {
  for (const struct route *route = development_routes; route->path; route++)
    if (route->method == row->method && !strcmp(route->path, row->path)) return route;
  return NULL;
}

static cJSON *document_of(const struct route *table) {
  struct buffer text;
  struct error error = {0};
  cJSON *document;
  buffer_init(&text, OPENAPI_MAX);
  cr_assert_eq(openapi_write(table, &settings, &text, &error), 0, "%s", error.message);
  cr_assert_not_null(document = cJSON_Parse(buffer_text(&text)));
  buffer_done(&text);
  return document;
}

Test(openapi, every_route_is_described_and_nothing_else) {
  for (const struct route *route = development_routes; route->path; route++)
    cr_expect_not_null(describe(route->method, route->path), "%s %s", http_method_name(route->method), route->path);
  for (const struct description *row = descriptions; row->path; row++) {
    cr_expect_not_null(route_of(row), "%s %s", http_method_name(row->method), row->path);
    cr_expect_eq(describe(row->method, row->path), row, "%s is described twice", row->path);
    for (const struct description *other = row + 1; other->path; other++) cr_expect_str_neq(row->id, other->id);
  }
}

Test(openapi, a_description_fits_its_route) {
  for (const struct description *row = descriptions; row->path; row++) {
    const struct route *route = route_of(row);
    cr_assert_not_null(route);
    cr_expect_eq(route->takes_json, row->body != NULL, "%s: a body is described just where one is taken", row->id);
    cr_expect(row->tag && row->summary && row->answers[0].status, "%s", row->id);
    cr_expect(row->summary[strlen(row->summary) - 1] != '.', "%s", row->id);
    if (row->roles) cr_expect_eq(route->access, ACCESS_VERIFIED, "%s", row->id);
  }
}

Test(openapi, the_document_has_every_route) {
  cJSON *document = document_of(routes), *paths = cJSON_GetObjectItem(document, "paths");
  for (const struct route *route = routes; route->path; route++) {
    struct buffer path;
    buffer_init(&path, 1024);
    openapi_path(route->path, &path);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(paths, buffer_text(&path));
    cr_expect_not_null(cJSON_GetObjectItem(item, http_method_name(route->method)), "%s", buffer_text(&path));
    buffer_done(&path);
  }
  cJSON_Delete(document);
}

Test(openapi, what_components_say_of_bodies_is_of_operations_that_have_one) {
  cJSON *document = document_of(routes);
  cr_expect_null(json_get(document, "components.x-bodies"));
  for (const struct description *row = descriptions; row->path; row++) {
    if (!row->body) continue;
    struct buffer path;
    buffer_init(&path, 1024);
    openapi_path(row->path, &path);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItem(document, "paths"), buffer_text(&path));
    const cJSON *content = json_get(cJSON_GetObjectItem(item, http_method_name(row->method)), "requestBody.content");
    cr_expect_not_null(json_get(json_member(content, "application/json"), "schema.example"), "%s has no example", row->id);
    buffer_done(&path);
  }
  cJSON_Delete(document);
}

Test(openapi, paths) {
  static const struct {
    const char *path, *expected;
  } cases[] = {{"/", "/"}, {"/a", "/a"}, {"/a/:b", "/a/{b}"}, {"/a/:b/c", "/a/{b}/c"}, {"/:a/:b", "/{a}/{b}"}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct buffer text;
    buffer_init(&text, 64);
    openapi_path(cases[i].path, &text);
    cr_expect_str_eq(buffer_text(&text), cases[i].expected);
    buffer_done(&text);
  }
}

Test(openapi, a_schema_says_what_the_rules_say) {
  static const struct field rules[] = {{"name", FIELD_TEXT, true, 1, 4},    {"age", FIELD_INTEGER, false, 0, 9007199254740991},
                                       {"at", FIELD_TIME, false, 0, 0},     {"tags", FIELD_TEXTS, false, 0, 2},
                                       {"more", FIELD_OBJECT, false, 0, 0}, {0}};
  static const char expected[] =
      "{\"type\":\"object\",\"properties\":{"
      "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4,\"pattern\":\"^[^\\\\x00-\\\\x1f\\\\x7f]*$\"},"
      "\"age\":{\"type\":[\"integer\",\"null\"],\"minimum\":0,\"maximum\":9007199254740991},"
      "\"at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
      "\"tags\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,"
      "\"pattern\":\"^[^\\\\x00-\\\\x1f\\\\x7f]*$\"},\"maxItems\":2},"
      "\"more\":{\"type\":[\"object\",\"null\"]}},\"required\":[\"name\"],\"additionalProperties\":false}";
  cJSON *schema = schema_of_fields(rules, BODY_STRICT);
  struct buffer text;
  buffer_init(&text, 4096);
  json_print(schema, &text);
  cr_expect_str_eq(buffer_text(&text), expected);
  buffer_done(&text);
  cJSON_Delete(schema);
}

Test(openapi, the_page_may_run_what_is_in_it_alone) {
  /* printf abc | openssl dgst -sha256 -binary | base64 */
  static const char abc[] = "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='";
  char policy[DOCS_POLICY_SIZE];
  struct error error = {0};
  cr_assert_eq(docs_policy("<style>abc</style><script>abc</script>", policy, &error), 0);
  cr_expect(strstr(policy, "default-src 'none'") == policy);
  const char *style = strstr(policy, "; style-src "), *script = strstr(policy, "; script-src ");
  cr_assert(style && script);
  cr_expect_eq(strncmp(style + strlen("; style-src "), abc, strlen(abc)), 0, "%s", policy);
  cr_expect_str_eq(script + strlen("; script-src "), abc);
  cr_expect_eq(docs_policy("<style>abc</style>", policy, &error), -1);
}
