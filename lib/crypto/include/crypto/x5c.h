/* Texts that bear their own certificates (RFC 7515, 4.1.6): a JWS in compact form, signed with ES256, whose key is in the first of three
 * certificates that lead to a root which the caller has pinned. The App Store signs so.
 *
 *     struct x5c_rules rules = {.roots_pem = pem, .leaf_oid = "1.2.840.113635.100.6.11.1", .issuer_oid = "1.2.840.113635.100.6.2.1",
 *                               .date_member = "signedDate"};
 *     _cleanup_(x5c_freep) struct x5c *x5c = x5c_new(&rules, error);
 *     _cleanup_(json_freep) cJSON *payload = NULL;
 *     enum x5c_refusal why;
 *     if (x5c_verify(x5c, jws, n, &payload, &why, error) < 0) ...           why: a metric's label
 *
 * Refused are: more than 128 kB; anything but three parts of strict base64url; JSON that isn't strict or has a key twice; alg other than
 * ES256; crit, jwk, jku, x5u; anything but exactly three certificates; a first one without an elliptic key on P-256; a chain that isn't
 * exactly first, second, pinned root, or one of whose first two lacks its extension; a date outside the life of any of the three. The third
 * certificate is what the sender says the root is, and is not looked at. X509_V_FLAG_X509_STRICT is not set: Apple's own test chain
 * has no subject key identifiers. Nothing of the payload but its date is looked at before the signature is right.
 *
 * The chain's time is the payload's date: what was signed while the certificates lived stays right. Chains that were found right are kept,
 * 16 at most, by the SHA-256 of their first two certificates; a new one on P-384 (as Apple's) costs about 2 ms, a known one 0.1 ms.
 *
 * Owner: whoever called x5c_new. One thread at a time.
 */
#pragma once

#include "codec/json.h"

enum { X5C_MAX_BYTES = 128 * 1024, X5C_CERTIFICATES = 3, X5C_CHAINS_KEPT = 16 };

enum x5c_refusal {
  X5C_ACCEPTED,
  X5C_MALFORMED,      /* too long, not three parts, not base64url, not JSON, no object */
  X5C_REFUSED_HEADER, /* algorithm, number of certificates, or a member that could change how it is read */
  X5C_WRONG_CHAIN,    /* a certificate is damaged, lacks its extension, or doesn't lead to a pinned root */
  X5C_WRONG_DATE,     /* none, or outside the certificates' life */
  X5C_WRONG_SIGNATURE,
};

/* "wrong_chain": a label. */
const char *x5c_refusal_name(enum x5c_refusal refusal);

struct x5c_rules {
  const char *roots_pem;             /* one certificate or more */
  const char *leaf_oid, *issuer_oid; /* extensions that the first and the second certificate must have */
  const char *date_member;           /* of the payload: milliseconds since 1970 */
};

struct x5c;

/* The texts of RULES are copied. ERROR_INVALID where the roots or the OIDs can't be read. */
struct x5c *x5c_new(const struct x5c_rules *rules, struct error *error);
void x5c_free(struct x5c *x5c); /* accepts NULL */
DEFINE_CLEANUP(struct x5c, x5c_freep, x5c_free)

/* ERROR_INVALID with a sentence that holds nothing of the payload. RET_REFUSAL may be NULL. The caller owns the payload, an object. */
int x5c_verify(struct x5c *x5c, const char *jws, size_t n, cJSON **ret_payload, enum x5c_refusal *ret_refusal,
               struct error *error) _must_check_;
