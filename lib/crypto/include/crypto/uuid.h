/* Names as UUIDs, version 5 (RFC 9562, 5.5): the same namespace and name give the same UUID, everywhere.
 *
 *     char account[UUID_SIZE];
 *     if (uuid_v5(namespace, "user-123", 8, account) < 0) return error_oom(error);          "af73a6d6-9df1-5213-9d2b-c0a55d32dbb1"
 */
#pragma once

#include "base/cleanup.h"

#include <stddef.h>

enum { UUID_BYTES = 16, UUID_SIZE = 37 }; /* of the text, with the NUL */

/* Lower-case text. -1 only without memory. */
int uuid_v5(const unsigned char namespace[UUID_BYTES], const void *name, size_t n, char to[UUID_SIZE]) _must_check_;
