/* Signed texts in compact form (RFC 7515, 7.1), as far as they are alike whoever signs them: header, payload and signature, in base64url between dots.
 *
 *     const char *wrong = jws_split(text, n, &jws);                            "does not have three parts": the end of a sentence
 *     if (!wrong) wrong = jws_read(&jws.header, &limits, &header);
 *     if (!wrong && !jws_is_plain(header)) wrong = JWS_NOT_PLAIN;
 */
#pragma once

#include "codec/json.h"

#define JWS_NOT_PLAIN "has crit, jwk, jku or x5u in its header"

struct jws_part {
  const char *text; /* borrowed */
  size_t n;
};

struct jws {
  struct jws_part header, payload, signature;
  struct jws_part covered; /* what is signed: everything before the second dot */
};

/* NULL, or what is wrong. */
const char *jws_split(const char *text, size_t n, struct jws *ret);

/* An object of a part; the caller owns it. NULL, or what is wrong; *RET may be set all the same. */
const char *jws_read(const struct jws_part *part, const struct json_limits *limits, cJSON **ret);

bool jws_has_alg(const cJSON *header, const char *alg);

/* Nothing in it could change how the text is read, or bring a key of its own (4.1.2 to 4.1.5, 4.1.11). */
bool jws_is_plain(const cJSON *header);
