/* Chains of three certificates, and those that were found right. */
#pragma once

#include "crypto/es256.h"
#include "crypto/x5c.h"

#include <openssl/x509.h>

/* A chain that was found right, whatever the date. */
struct x5c_chain {
  unsigned char digest[32]; /* of the first two certificates */
  struct es256_key *key;    /* the first one's */
  int64_t from_s, until_s;  /* when all three live */
};

struct x5c {
  X509_STORE *roots;
  ASN1_OBJECT *leaf_oid, *issuer_oid;
  char *date_member;
  struct x5c_chain kept[X5C_CHAINS_KEPT];
  size_t next; /* is replaced by the next new one */
};

/* CERTIFICATES are DER; borrowed chain until the next call. NULL: refused, with a sentence. */
const struct x5c_chain *x5c_chain_check(struct x5c *x5c, const struct buffer certificates[2], struct error *error);

void x5c_chain_done(struct x5c_chain *chain);
