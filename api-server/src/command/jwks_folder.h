/* A folder of keys as tools/gen-jwks.mjs kept it, from before keys were a Secret:
 *
 *     jwks.json                 the public halves
 *     <kid>/private.pem         of each key; public.pem beside it is in jwks.json already
 *
 *     cJSON *files = NULL;
 *     char kid[KID_SIZE];
 *     if (jwks_folder_read("server/auth/jwks/keys", &files, kid, error) < 0) ...
 *
 * The newest of the keys that have a private half signs: kids are times in milliseconds, so the largest number; a kid that is no number is older than any.
 * Private halves of the others are left out: they only verify.
 */
#pragma once

#include "crypto/keyring.h"

/* The files of a ring (keyring.h), which the caller owns (keyring_files_free), and the kid that signs. ERROR_INVALID names what is wrong. */
int jwks_folder_read(const char *folder, cJSON **ret_files, char ret_kid[KID_SIZE], struct error *error) _must_check_;
