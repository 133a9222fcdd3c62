/* Base64 (RFC 4648): the standard alphabet with padding, and the URL-safe one without, as JOSE uses it. Strict both ways. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

void base64_encode(const void *bytes, size_t n, struct buffer *to);
void base64url_encode(const void *bytes, size_t n, struct buffer *to);

/* -1 at a byte outside the alphabet, wrong padding, or non-zero bits behind the end; TO then keeps what it had. */
int base64_decode(const char *text, size_t n, struct buffer *to) _must_check_;
int base64url_decode(const char *text, size_t n, struct buffer *to) _must_check_;
