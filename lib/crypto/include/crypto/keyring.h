/* The server's signing keys as files, as the Secret <stack>-jwks holds them and its volume shows them:
 *
 *     jwks.json     the public halves of all keys
 *     signing       the kid of the one that signs (one line)
 *     <kid>.pem     private halves (PKCS#8): of the one that signs, and of those that may sign next
 *
 * The server loads the directory; the operator makes the first one, and checks one that people made before it adopts it.
 *
 *     _cleanup_(keyring_freep) struct keyring *ring = NULL;
 *     if (keyring_load("/etc/supernova/keys", &ring, error) < 0) ...        "1760908689588.pem does not match its public half in jwks.json"
 *     jwt_sign(claims, "JWT", ring->signing, ring->signing_kid, &token, error);
 *
 * A kid is a file's name here: letters, digits, dot, dash and underscore, 64 at most, no dot in front.
 */
#pragma once

#include "crypto/jwks.h"

struct keyring {
  struct jwks *keys;       /* public halves */
  struct rsa_key *signing; /* private */
  char signing_kid[KID_SIZE];
};

/* Reads the directory as one state: through Kubernetes' ..data link where there is one, so that an update in between can't mix two. */
int keyring_load(const char *directory, struct keyring **ret, struct error *error) _must_check_;

/* The same from an object of file name to content. ERROR_INVALID names the file and says what is wrong with it. */
int keyring_parse(const cJSON *files, struct keyring **ret, struct error *error) _must_check_;
int keyring_check(const cJSON *files, struct error *error) _must_check_;

void keyring_free(struct keyring *ring); /* accepts NULL */
DEFINE_CLEANUP(struct keyring, keyring_freep, keyring_free)

/* The files of a ring with this one private key, which signs. The caller owns them (keyring_files_free). */
int keyring_make(const struct rsa_key *key, const char *kid, cJSON **ret_files, struct error *error) _must_check_;

/* Overwrites the contents first; accepts NULL. */
void keyring_files_free(cJSON *files);
DEFINE_CLEANUP(cJSON, keyring_files_freep, keyring_files_free)
