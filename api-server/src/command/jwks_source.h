/* Public keys for a command, wherever they are.
 *
 *     jwks_from("https://…/jwks.json", NULL, &keys, &error);      // or a file: "archive/jwks.json"
 *     jwks_from(NULL, "/etc/supernova/keys", &keys, &error);      // the server's own set; NULL where there is none
 */
#pragma once

#include "crypto/jwks.h"

/* SOURCE is an http or https URL, or a file; NULL: jwks.json in DIRECTORY, and *RET is NULL where that isn't there. */
int jwks_from(const char *source, const char *directory, struct jwks **ret, struct error *error) _must_check_;
