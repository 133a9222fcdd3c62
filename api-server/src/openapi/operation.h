/* One operation of the document: what a route takes and answers. */
#pragma once

#include "http/problem.h"
#include "http/router.h"
#include "openapi/describe.h"

/* The caller owns it. EXTRAS is x-bodies of components.json. */
cJSON *openapi_operation(const struct route *route, const struct description *about, const cJSON *extras, const struct settings *settings);

/* "#/components/KIND/NAME" as {"$ref": …}. */
cJSON *openapi_ref(const char *kind, const char *name);

/* "/api/things/{id}"; TO is at least twice as long as PATH. */
void openapi_path(const char *path, struct buffer *to);
