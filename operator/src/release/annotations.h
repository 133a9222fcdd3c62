/* What is learnt of a revision after it was made, kept as annotations of its ControllerRevision: the operator's durable memory.
 * Intents (attempts) are written before the deed, outcomes before the evidence is cleaned up. */
#pragma once

#include "stack/stack.h"

#include <cjson/cJSON.h>
#include <stdint.h>

#define ANNOTATION_ATTEMPTS       STACK_GROUP "/attempts"         /* number of the last migration attempt that was begun */
#define ANNOTATION_ATTEMPT_FOR    STACK_GROUP "/attempt-for"      /* migration_identity that the attempt was begun for */
#define ANNOTATION_ATTEMPT_KEY    STACK_GROUP "/attempt-key"      /* what a failure of it would be remembered under */
#define ANNOTATION_SETTLED        STACK_GROUP "/attempts-settled" /* attempts up to this one have had their outcome recorded */
#define ANNOTATION_MIGRATED       STACK_GROUP "/migrated"         /* migration_identity of the success */
#define ANNOTATION_MIGRATED_AT    STACK_GROUP "/migrated-at"      /* RFC 3339 */
#define ANNOTATION_SCHEMA_VERSION STACK_GROUP "/schema-version"   /* as the migration told */
#define ANNOTATION_FAILED         STACK_GROUP "/failed"           /* the key under which the failure is remembered */
#define ANNOTATION_FAILED_AT      STACK_GROUP "/failed-at"
#define ANNOTATION_FAILED_MESSAGE STACK_GROUP "/failed-message"
#define ANNOTATION_DEPLOYED_AT    STACK_GROUP "/deployed-at"
#define ANNOTATION_BEGAN_AT       STACK_GROUP "/began-at"      /* change control let its release begin; gone when that is over */
#define ANNOTATION_APPROVED_BY    STACK_GROUP "/approved-by"   /* who approved the release */
#define ANNOTATION_OVERRIDDEN_BY  STACK_GROUP "/overridden-by" /* "who: why": it began outside of the windows */

/* A merge patch of an object that carries RESOURCE_VERSION, the observed one, and in it the annotations to be added. The caller owns the patch. */
cJSON *annotations_patch(const char *resource_version, cJSON **ret_annotations);
void annotations_add_number(cJSON *annotations, const char *name, int64_t value);
void annotations_add_time(cJSON *annotations, const char *name, int64_t real_ms);
