/* What is learnt of a revision after it was made, kept as annotations of its ControllerRevision: the operator's durable memory.
 * Intents are written before the deed, outcomes before the evidence is cleaned up. What its series of Jobs came to: job_memory.h. */
#pragma once

#include "stack/stack.h"

#include <cjson/cJSON.h>
#include <stdint.h>

#define ANNOTATION_DEPLOYED_AT   STACK_GROUP "/deployed-at"
#define ANNOTATION_BEGAN_AT      STACK_GROUP "/began-at"      /* change control let its release begin; gone when that is over */
#define ANNOTATION_APPROVED_BY   STACK_GROUP "/approved-by"   /* who approved the release */
#define ANNOTATION_OVERRIDDEN_BY STACK_GROUP "/overridden-by" /* "who: why": it began outside of the windows */

#define ANNOTATION_VERIFIED   STACK_GROUP "/verified" /* what its new pods have shown before it was Deployed */
#define VERIFIED_INCONCLUSIVE ": inconclusive: "      /* in it, where they have shown too little */

/* A merge patch of an object that carries RESOURCE_VERSION, the observed one, and in it the annotations to be added. The caller owns the patch. */
cJSON *annotations_patch(const char *resource_version, cJSON **ret_annotations);

/* The object that the annotation's text says, which the operator wrote as JSON; NULL where there is none, or none that can be read: that is logged.
 * The caller owns it. */
cJSON *annotations_collect(const char *object_name, const cJSON *annotations, const char *name);
void annotations_add_time(cJSON *annotations, const char *name, int64_t real_ms);
