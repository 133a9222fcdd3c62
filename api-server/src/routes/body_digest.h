/* What a body says, as one digest: equal for bodies that differ in spaces, the order of members, or how a text is escaped. */
#pragma once

#include "codec/json.h"
#include "crypto/digest.h"

/* SHA-256 over the canonical form of JSON, an object, without its member WITHOUT (NULL: whole). -1 without memory. */
int body_digest(const cJSON *json, const char *without, char to[SHA256_HEX_SIZE]) _must_check_;
