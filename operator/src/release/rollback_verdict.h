/* Whether a revision that was Deployed before can serve again: the one question before anything goes back to it. Pure.
 *
 *     struct rollback_evidence e = rollback_evidence_of(o, revision, current, secrets_ok);
 *     enum rollback_verdict verdict = rollback_judge(&e);
 *     rollback_verdict_name(verdict)              "schema-ahead": status.history
 *     rollback_explain(&e, arena)                 "the database's schema is 12 and serves images from 11 on, but its image accepts 8 to 10"
 *
 * The schema fits when the database's current one is at least the oldest that the image accepts, and the newest that the image accepts is at least the
 * oldest that the database still serves: the test that the server makes of itself. What the database has is what the last migration told; what the
 * image accepts is what its migration or preflight told, or that of another revision with the same image. Where nobody told, a revision is safe as long
 * as the last migration was its image's own, or none ever ran and its image is the one that serves now. A migration that was begun since, and told
 * nothing, leaves the schema unknown.
 */
#pragma once

#include "stack/plan.h"

enum rollback_verdict {
  ROLLBACK_SAFE,
  ROLLBACK_SCHEMA_AHEAD,
  ROLLBACK_SECRET_GONE,   /* the Secret, or a key that the server can't do without */
  ROLLBACK_IMAGE_MISSING, /* a pull of it failed */
  ROLLBACK_UNKNOWN,       /* nobody told what the image accepts, or what the database has */
};

/* Of schemas, -1 is what nobody told. */
struct rollback_evidence {
  bool secret_ok, image_missing;
  int64_t current, serves_from;     /* of the database */
  int64_t accepts_min, accepts_max; /* of the image */
  bool unsettled;                   /* a migration was begun, or failed, since the database's was told */
  bool schema_is_its_own;           /* whoever told: the last migration was its image's, or there was none since that image served */
};

enum rollback_verdict rollback_judge(const struct rollback_evidence *evidence);

/* CURRENT: what was Deployed last, or NULL. */
struct rollback_evidence rollback_evidence_of(const struct observation *o, const struct child *revision, const struct child *current,
                                              bool secret_ok);

const char *rollback_verdict_name(enum rollback_verdict verdict);

/* Why it is not safe, as a clause without its end, in ARENA or constant. */
const char *rollback_explain(const struct rollback_evidence *evidence, struct arena *arena);
