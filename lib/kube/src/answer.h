/* What an answer of the API server means, by its status and its Status object (meta/v1). Pure. */
#pragma once

#include "net/http_client.h"

/* NONE for any 2xx; METHOD and PATH are for the sentence where the API server gave none. */
void answer_error(const struct http_response *response, const char *method, const char *path, struct error *ret_error);

/* The same for a Status object within a watch. */
void answer_error_of_status(int code, const char *reason, const char *message, int64_t retry_after_ms, struct error *ret_error);
