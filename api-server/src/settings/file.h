/* A whole file, within the buffer's bound. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Appends it. ERROR_NOT_FOUND, ERROR_FORBIDDEN, or ERROR_INVALID where it is too large. */
int file_read(const char *path, struct buffer *to, struct error *error) _must_check_;
