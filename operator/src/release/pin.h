/* What a rollback by hand leaves behind: the revision that people went back to is pinned, in an annotation of it.
 *
 *     platform.supernova.com/pinned-against: {"against":"0c1d2e3f40","by":"alice","reason":"5xx","forced":true,"at":"2026-01-01T10:00:00Z"}
 *     platform.supernova.com/pinned-against: {"image":"r:v2","content":"99aa00bb11","by":"alice","at":"…"}
 *
 * A whole pin holds while the spec is the one that was rolled back from (AGAINST: its release hash), however often something applies that again. An
 * image's pin holds while the spec asks for the bad IMAGE: the spec is then released with the image of the pinned revision, so that other edits go
 * through; CONTENT is what it made of the spec on the day that it was pinned. Once the spec has moved on the pin says nothing, and goes when what the
 * spec says begins. The newest pin counts. Pure.
 */
#pragma once

#include "release/content.h"
#include "stack/plan.h"

#define ANNOTATION_PINNED STACK_GROUP "/pinned-against"

struct pin {
  const struct child *revision; /* that is gone back to; NULL: none is */
  const char *against;          /* of a whole pin */
  const char *image, *content;  /* of an image's */
  const char *by, *reason;      /* NULL where nobody said */
  bool forced;                  /* whatever the verdict says */
  int64_t at_ms;
};

/* Strings borrow from the revision. */
struct pin pin_find(const struct observation *o);

/* Whether it holds for what the spec says now. */
bool pin_holds(const struct pin *pin, const struct content *asked);

/* It is the leave to go back to what the spec itself says, although the verdict is against it. */
bool pin_permits(const struct pin *pin, const struct content *asked);

/* As a member of ANNOTATIONS, of a patch of the revision. */
void pin_annotate(const struct pin *pin, cJSON *annotations);

/* Removes all pins but that of KEPT (NULL: all). NEEDS: what has to be written before. Returns the bits of its actions. */
uint64_t pin_clean(const struct observation *o, const struct child *kept, uint64_t needs, struct plan *plan);

/* For projections: the annotation's tree, NULL where there is none that can be read. The caller owns it. */
cJSON *pin_collect(const char *object_name, const cJSON *annotations);
