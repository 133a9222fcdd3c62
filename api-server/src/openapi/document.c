#include "openapi/document.h"

#include "openapi/operation.h"

#include <stdio.h>
#include <string.h>

/* components.json, by embed.cmake. */
extern const char openapi_components[], openapi_components_end[];

static const struct json_limits own_limits = {.max_bytes = OPENAPI_MAX, .max_depth = 32, .no_duplicate_keys = true, .exact_integers = true};

static const char about[] =
    "The product's HTTP API. Each GET serves HEAD too, and OPTIONS tells the methods of an address. Whatever is refused is answered with "
    "`application/problem+json` (RFC 9457), also what is refused before any route is looked for: 417, 501, 505. Request bodies are JSON of "
    "at "
    "most 256 kB in UTF-8, without repeated members, with at most 32 levels and integers of at most 2^53 - 1; a member that isn't known is "
    "refused, "
    "except by webhooks. Texts are counted in bytes. A request may bear `x-request-id` and `traceparent`; the answer's `instance` is that "
    "id. "
    "Limits are counted by the verified subject, else by address.";

static void put_info(cJSON *document) {
  cJSON_AddStringToObject(document, "openapi", "3.1.0");
  cJSON *info = cJSON_AddObjectToObject(document, "info");
  cJSON_AddStringToObject(info, "title", "Supernova API");
  cJSON_AddStringToObject(info, "version", SUPERNOVA_VERSION);
  cJSON_AddStringToObject(info, "description", about);
  cJSON *server = cJSON_CreateObject();
  cJSON_AddStringToObject(server, "url", "/");
  cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "servers"), server);
}

/* In the order in which they first come. */
static void put_tags(cJSON *document) {
  cJSON *tags = cJSON_AddArrayToObject(document, "tags");
  const char *last = "";
  for (const struct description *row = descriptions; row->path; row++) {
    if (!strcmp(row->tag, last)) continue;
    cJSON *tag = cJSON_CreateObject();
    cJSON_AddStringToObject(tag, "name", last = row->tag);
    cJSON_AddItemToArray(tags, tag);
  }
}

/* ---- refusals ---- */

static cJSON *example_of(enum problem_type type, const struct problem_kind *kind) {
  static const struct problem_error wrong = {"grant.amount", "must be a whole number from 1 to 9007199254740991"};
  struct problem problem = {.type = type, .instance = "3f6c0a5e9d1b2748-2a", .retry_after_s = kind->status == 429 ? 17 : 0};
  if (type == PROBLEM_INVALID_FIELDS) problem.errors = &wrong, problem.error_count = 1;
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 4096);
  problem_write(&text, &problem);
  return cJSON_Parse(buffer_text(&text));
}

static void put_refusal_headers(cJSON *response, int status) {
  static const struct {
    int status;
    const char *name, *of;
  } fields[] = {{401, "WWW-Authenticate", "WWW-Authenticate"}, {405, "Allow", "Allow"},
                {429, "Retry-After", "Retry-After"},           {429, "RateLimit", "RateLimit"},
                {429, "RateLimit-Policy", "RateLimit-Policy"}, {503, "Retry-After", "Retry-Later"}};
  cJSON *headers = cJSON_AddObjectToObject(response, "headers");
  cJSON_AddItemToObject(headers, "X-Request-Id", openapi_ref("headers", "X-Request-Id"));
  for (size_t i = 0; i < ELEMENTS(fields); i++)
    if (fields[i].status == status) cJSON_AddItemToObject(headers, fields[i].name, openapi_ref("headers", fields[i].of));
}

static cJSON *refusal(enum problem_type type) {
  const struct problem_kind *kind = problem_kind(type);
  cJSON *response = cJSON_CreateObject();
  cJSON_AddStringToObject(response, "description", kind->title);
  put_refusal_headers(response, kind->status);
  cJSON *media = cJSON_AddObjectToObject(cJSON_AddObjectToObject(response, "content"), problem_content_type);
  cJSON_AddItemToObject(media, "schema", openapi_ref("schemas", "Problem"));
  cJSON_AddItemToObject(media, "example", example_of(type, kind));
  return response;
}

static void put_components(cJSON *document, cJSON *components) {
  cJSON *responses = cJSON_AddObjectToObject(components, "responses");
  for (unsigned type = 0; type < PROBLEM_TYPES; type++)
    cJSON_AddItemToObject(responses, problem_kind((enum problem_type)type)->slug, refusal((enum problem_type)type));
  cJSON_AddItemToObject(document, "components", components);
}

/* ---- paths ---- */

static int put_route(cJSON *paths, const struct route *route, const cJSON *extras, const struct settings *settings, struct error *error) {
  const struct description *row = describe(route->method, route->path);
  static const char *const methods[HTTP_METHODS] = {
      [HTTP_GET] = "get", [HTTP_POST] = "post", [HTTP_PUT] = "put", [HTTP_DELETE] = "delete", [HTTP_PATCH] = "patch"};
  _cleanup_buffer_ struct buffer path;
  if (!row) return error_set(error, ERROR_BUG, "%s %s has no description", http_method_name(route->method), route->path);
  buffer_init(&path, 1024);
  openapi_path(route->path, &path);
  cJSON *item = cJSON_GetObjectItemCaseSensitive(paths, buffer_text(&path));
  if (!item) item = cJSON_AddObjectToObject(paths, buffer_text(&path));
  cJSON *operation = openapi_operation(route, row, extras, settings);
  if (!(route->doors & DOOR_PUBLIC)) cJSON_AddStringToObject(operation, "x-port", "METRICS_PORT");
  cJSON_AddItemToObject(item, methods[route->method], operation);
  return 0;
}

static int put_paths(cJSON *document, const struct route *routes, const cJSON *extras, const struct settings *settings,
                     struct error *error) {
  cJSON *paths = cJSON_AddObjectToObject(document, "paths");
  for (const struct route *route = routes; route->path; route++)
    if (put_route(paths, route, extras, settings, error) < 0) return -1;
  return 0;
}

int openapi_write(const struct route *routes, const struct settings *settings, struct buffer *to, struct error *error) {
  _cleanup_(json_freep) cJSON *document = cJSON_CreateObject(), *components = NULL, *extras = NULL;
  size_t n = (size_t)(openapi_components_end - openapi_components);
  if (json_parse(openapi_components, n, &own_limits, &components, error) < 0) return error_wrap(error, "components.json");
  extras = cJSON_DetachItemFromObjectCaseSensitive(components, "x-bodies");
  put_info(document);
  put_tags(document);
  if (put_paths(document, routes, extras, settings, error) < 0) return -1;
  put_components(document, TAKE(components));
  json_print(document, to);
  return to->failed ? error_oom(error) : 0;
}
