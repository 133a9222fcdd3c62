/* Cross-origin requests (Fetch, 3.2): exact origins from CORS_ALLOWED_ORIGINS. They alone are told that they may read answers, and send the
 * session's cookie; any other origin is told nothing. */
#pragma once

#include "http/request.h"
#include "settings/settings.h"

/* The fields that every answer of the API bears. */
void cors_mark(struct request *request, const struct origins *allowed);

/* Answers OPTIONS for a path whose methods are in request->allowed: with Allow, and as a preflight where it is one. */
void cors_answer_options(struct request *request, const struct origins *allowed);
