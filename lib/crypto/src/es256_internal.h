/* A key from OpenSSL's own, for the module that finds it in a certificate. */
#pragma once

#include "crypto/es256.h"

#include <openssl/evp.h>

/* Takes PKEY in every case. */
int es256_key_wrap(EVP_PKEY *pkey, bool private_half, struct es256_key **ret, struct error *error) _must_check_;
