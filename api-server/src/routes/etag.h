/* Conditional reads (RFC 9110, 13.1.2): answers 304 where the client has what would be sent. */
#pragma once

#include "http/request.h"

/* ETAG with its quotes, weak or strong. Compared weakly, as If-None-Match wants it. */
bool etag_matches(const struct request *request, const char *etag);

/* Sets the fields ETag and Cache-Control, and answers 304, or 200 with the body. All texts must live until the answer. */
void etag_answer(struct request *request, const char *etag, const char *cache_control, const char *content_type, const char *body,
                 size_t n);
