/* The OpenAPI 3.1 document of this server (https://spec.openapis.org/oas/v3.1.1.html), made from what it serves by.
 *
 * Paths, credentials, limits and the refusals that follow from them come from the routes' table; bodies from the handlers' rules; refusals from
 * the table of problems; limits and bounds from the settings; the rest from describe.c and components.json. Nothing of it is a secret.
 *
 *     _cleanup_buffer_ struct buffer text;
 *     buffer_init(&text, OPENAPI_MAX);
 *     if (openapi_write(routes, settings, &text, &error) < 0) ...
 */
#pragma once

#include "http/router.h"
#include "openapi/describe.h"

enum { OPENAPI_MAX = 1 << 20 };

/* -1 without memory, or ERROR_BUG where a route has no description. */
int openapi_write(const struct route *routes, const struct settings *settings, struct buffer *to, struct error *error) _must_check_;
