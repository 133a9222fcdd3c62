/* A release that failed, and how that is remembered: in an annotation of its revision, which was never Deployed.
 *
 *     platform.supernova.com/failed: {"key":"0c1d2e3f40","reason":"RolloutStuck","message":"1 of 3 …","at":"2026-01-01T10:00:00Z","bySecret":true,
 *                                   "because":"ImageNotPulled"}
 *
 * The key stands for all that could mend it: the revision's content, the blocks migrations, seeds, hooks and rollout of the spec, and, where BY_SECRET,
 * what the Secret holds. As long as none of these changes, and nobody says `retry`, the release is not tried again.
 *
 * Whatever judges a release reports it in this one way. A new source of failure is a module of its own that says how things stand; the trial
 * (release/trial.c) turns what is bad into
 *
 *     return (struct release_failure){.reason = "VerificationFailed", .message = "12 of 40 requests failed …"};
 *
 * and everything else follows from that: it is recorded, told, put back or held, and shows as status.failed. A series of Jobs records its own
 * in the write that ends the series (failure_annotate). Pure.
 */
#pragma once

#include "release/content.h"
#include "stack/plan.h"

#define ANNOTATION_FAILED STACK_GROUP "/failed"

struct release_failure {
  const char *reason;  /* CamelCase, as conditions and events have it; NULL: nothing has failed */
  const char *message; /* what went wrong, cleaned of credentials, as one sentence without its full stop */
  bool by_secret; /* another Secret could mend it: pods never became ready, or a Job failed. Pods that become ready after all end it. */
  const char *because; /* what its pods showed then, a reason of diagnosis/diagnosis.h; NULL: nothing */
  int64_t at_ms;       /* set by failure_read */
};

/* Its image could not be pulled when it was tried last. */
bool failure_lacked_image(const struct child *revision);

/* What is remembered of REVISION and still counts; borrows from it. REVISION may be NULL. */
struct release_failure failure_read(const struct observation *o, const struct child *revision, const struct content *content);

/* Records FAILURE and tells it: an ACTION_MERGE of REVISION. */
void failure_plan(const struct observation *o, const struct child *revision, const struct content *content,
                  const struct release_failure *failure, struct plan *plan);

/* ---- for what writes to a revision anyway: annotations of a patch of it (annotations_patch) ---- */

/* That its release is over goes with it: the next try begins anew, at a time when it may. */
void failure_annotate(const struct release_failure *failure, const char *key, int64_t now_ms, cJSON *annotations);

/* Forgets what failed; false where nothing is remembered. */
bool failure_forget(const struct child *revision, cJSON *annotations);

/* What a failure that is observed now is remembered under. */
void failure_key(const struct observation *o, const struct content *content, bool by_secret, char to[16]);

/* For projections: the annotation's tree, NULL where there is none that can be read. The caller owns it. */
cJSON *failure_collect(const char *object_name, const cJSON *annotations);
