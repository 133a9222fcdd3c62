#include "openapi/operation.h"

#include "auth/secrets.h"
#include "openapi/bodies.h"
#include "routes/limits.h"

#include <stdio.h>
#include <string.h>

/* Of what the guard and the server themselves refuse (http/guard_refusals.c); 405 and its Allow stand here for the address as a whole. */
static const int common_refusals[] = {400, 405, 408, 413, 414, 431, 500, 503, 0};

enum { PATH_SIZE = 512 };

cJSON *openapi_ref(const char *kind, const char *name) {
  char text[128];
  cJSON *ref = cJSON_CreateObject();
  (void)snprintf(text, sizeof text, "#/components/%s/%s", kind, name);
  cJSON_AddStringToObject(ref, "$ref", text);
  return ref;
}

void openapi_path(const char *path, struct buffer *to) {
  for (const char *at = path; *at;) {
    size_t n = strcspn(at, "/");
    if (*at == ':')
      buffer_printf(to, "{%.*s}", (int)n - 1, at + 1);
    else
      buffer_append(to, at, n);
    at += n;
    if (*at) buffer_append(to, at++, 1);
  }
}

/* ---- parameters ---- */

static void put_path_parameters(cJSON *list, const char *path) {
  char name[64]; /* of a template: ours, and short */
  for (const char *at = strchr(path, ':'); at; at = strchr(at + 1, ':')) {
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "/"), at + 1);
    cJSON_AddItemToArray(list, openapi_ref("parameters", name));
  }
}

static cJSON *query_parameter(const struct field *rule) {
  cJSON *parameter = cJSON_CreateObject();
  cJSON_AddStringToObject(parameter, "name", rule->name);
  cJSON_AddStringToObject(parameter, "in", "query");
  if (rule->required) cJSON_AddBoolToObject(parameter, "required", true);
  cJSON_AddItemToObject(parameter, "schema", schema_of_field(rule, false));
  return parameter;
}

static bool answers(const struct description *about, int status) {
  for (const struct answer *answer = about->answers; answer->status; answer++)
    if (answer->status == status) return true;
  return false;
}

static void put_parameters(cJSON *operation, const struct description *about) {
  cJSON *list = cJSON_AddArrayToObject(operation, "parameters");
  put_path_parameters(list, about->path);
  for (const struct field *rule = about->query; rule && rule->name; rule++) cJSON_AddItemToArray(list, query_parameter(rule));
  for (size_t i = 0; i < NAMES_MAX && about->names[i]; i++) cJSON_AddItemToArray(list, openapi_ref("parameters", about->names[i]));
  if (answers(about, 304)) cJSON_AddItemToArray(list, openapi_ref("parameters", "If-None-Match"));
}

/* ---- credentials ---- */

/* enum credential; 0: of none that a token may be replaced by. */
static unsigned credentials_of(const struct route *route) {
  bool known = route->access == ACCESS_BEARER || route->access == ACCESS_VERIFIED;
  if (!known) return 0;
  return route->credentials ? route->credentials : CREDENTIAL_USUAL;
}

/* One of them is enough; those of one requirement are needed together. */
static void put_requirement(cJSON *list, const char *scheme, const char *beside) {
  cJSON *requirement = cJSON_CreateObject();
  cJSON_AddArrayToObject(requirement, scheme);
  if (beside) cJSON_AddArrayToObject(requirement, beside);
  cJSON_AddItemToArray(list, requirement);
}

static void put_security(cJSON *operation, const struct route *route, const struct description *about) {
  cJSON *list = cJSON_AddArrayToObject(operation, "security");
  unsigned taken = credentials_of(route);
  switch (route->access) {
    case ACCESS_ALL:
      if (about->scheme) put_requirement(list, about->scheme, NULL);
      break;
    case ACCESS_ISSUER: put_requirement(list, "issuer", NULL); break;
    case ACCESS_SIGNED: put_requirement(list, "collabSignature", NULL); break;
    case ACCESS_BEARER:
    case ACCESS_VERIFIED:
      if (taken & CREDENTIAL_BEARER) put_requirement(list, "bearer", NULL);
      if (taken & CREDENTIAL_SESSION) put_requirement(list, "session", route->method == HTTP_GET ? NULL : "csrf");
      if (taken & CREDENTIAL_TICKET) put_requirement(list, "ticket", NULL);
      break;
  }
}

/* ---- body ---- */

/* What EXTRA says as well, or more exactly. */
static void merge(cJSON *into, const cJSON *extra) {
  const cJSON *member;
  cJSON_ArrayForEach(member, extra) {
    cJSON *known = cJSON_GetObjectItemCaseSensitive(into, member->string);
    if (cJSON_IsObject(known) && cJSON_IsObject(member))
      merge(known, member);
    else if (known)
      cJSON_ReplaceItemInObjectCaseSensitive(into, member->string, cJSON_Duplicate(member, true));
    else
      cJSON_AddItemToObject(into, member->string, cJSON_Duplicate(member, true));
  }
}

static void put_body(cJSON *operation, const struct description *about, const cJSON *extras, const struct settings *settings) {
  cJSON *body = cJSON_AddObjectToObject(operation, "requestBody");
  cJSON_AddBoolToObject(body, "required", true);
  cJSON *media = cJSON_AddObjectToObject(cJSON_AddObjectToObject(body, "content"), "application/json");
  cJSON *schema = about->body(settings);
  merge(schema, cJSON_GetObjectItemCaseSensitive(extras, about->id));
  cJSON_AddItemToObject(media, "schema", schema);
}

/* ---- answers ---- */

static void put_header(cJSON *headers, const char *name) { cJSON_AddItemToObject(headers, name, openapi_ref("headers", name)); }

static void put_headers(cJSON *response, const struct route *route, const struct description *about) {
  cJSON *headers = cJSON_AddObjectToObject(response, "headers");
  put_header(headers, "X-Request-Id");
  if (answers(about, 304)) put_header(headers, "ETag");
  for (size_t i = 0; i < HEADERS_MAX && about->headers[i]; i++) put_header(headers, about->headers[i]);
  if (route->limit != LIMIT_NONE) {
    put_header(headers, "RateLimit");
    put_header(headers, "RateLimit-Policy");
  }
}

/* Several answers of one status are its media types. */
static void put_answer(cJSON *responses, const struct route *route, const struct description *about, const struct answer *answer) {
  char status[8];
  (void)snprintf(status, sizeof status, "%d", answer->status);
  cJSON *response = cJSON_GetObjectItemCaseSensitive(responses, status);
  if (!response) {
    response = cJSON_AddObjectToObject(responses, status);
    cJSON_AddStringToObject(response, "description", response_reason(answer->status));
    put_headers(response, route, about);
    if (answer->schema) cJSON_AddObjectToObject(response, "content");
  }
  if (!answer->schema) return;
  cJSON *media =
      cJSON_AddObjectToObject(cJSON_GetObjectItemCaseSensitive(response, "content"), answer->type ? answer->type : "application/json");
  cJSON_AddItemToObject(media, "schema", openapi_ref("schemas", answer->schema));
}

static void put_refusal(cJSON *responses, int wanted) {
  char status[8];
  (void)snprintf(status, sizeof status, "%d", wanted);
  if (cJSON_HasObjectItem(responses, status)) return;
  cJSON_AddItemToObject(responses, status, openapi_ref("responses", problem_kind(problem_of_status(wanted))->slug));
}

/* What follows from how the route is. */
static void put_refusals(cJSON *responses, const struct route *route, const struct description *about) {
  for (const int *status = about->refusals; status < about->refusals + REFUSALS_MAX && *status; status++) put_refusal(responses, *status);
  for (const int *status = common_refusals; *status; status++) put_refusal(responses, *status);
  if (route->access != ACCESS_ALL || about->scheme) put_refusal(responses, 401);
  if (credentials_of(route) & CREDENTIAL_SESSION && route->method != HTTP_GET) put_refusal(responses, 403);
  if (route->limit != LIMIT_NONE) put_refusal(responses, 429);
  if (!route->takes_json) return;
  put_refusal(responses, 411);
  put_refusal(responses, 415);
}

static void put_responses(cJSON *operation, const struct route *route, const struct description *about) {
  cJSON *responses = cJSON_AddObjectToObject(operation, "responses");
  for (const struct answer *answer = about->answers; answer < about->answers + ANSWERS_MAX && answer->status; answer++)
    put_answer(responses, route, about, answer);
  put_refusals(responses, route, about);
}

/* ---- all ---- */

static void put_limit(cJSON *operation, const struct route *route, const struct settings *settings) {
  if (route->limit == LIMIT_NONE) return;
  cJSON *limit = cJSON_AddObjectToObject(operation, "x-rate-limit");
  cJSON_AddStringToObject(limit, "class", limit_name(route->limit));
  cJSON_AddNumberToObject(limit, "max", (double)limit_max(route->limit, settings));
  cJSON_AddNumberToObject(limit, "windowMs", (double)limit_window_ms(route->limit, settings));
}

cJSON *openapi_operation(const struct route *route, const struct description *about, const cJSON *extras, const struct settings *settings) {
  cJSON *operation = cJSON_CreateObject(), *tags = cJSON_AddArrayToObject(operation, "tags");
  cJSON_AddItemToArray(tags, cJSON_CreateString(about->tag));
  cJSON_AddStringToObject(operation, "operationId", about->id);
  cJSON_AddStringToObject(operation, "summary", about->summary);
  if (about->more) cJSON_AddStringToObject(operation, "description", about->more);
  if (about->roles) cJSON_AddStringToObject(operation, "x-roles", about->roles);
  if (route->secret) cJSON_AddStringToObject(operation, "x-needs-setting", secret_setting((enum secret)route->secret));
  put_limit(operation, route, settings);
  put_security(operation, route, about);
  put_parameters(operation, about);
  if (about->body) put_body(operation, about, extras, settings);
  put_responses(operation, route, about);
  return operation;
}
