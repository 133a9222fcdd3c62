/* The words of messages about changes, as the runbook has people write them. Pure; all texts are in the arena.
 *
 *     Subject: [Supernova] Production Deployment - v1.2.3          Subject: [Supernova] Deployment Complete - v1.2.3
 *     When: 2025-10-19 12:00 UTC                                   Status: ✅ Successful
 *     Duration: ~4 minutes (the last ones took 4, 3, 5 minutes)    Deployed: 2025-10-19 12:04 UTC
 *     Impact: None expected (rolling update)                       Duration: 4 minutes
 *     Changes:                                                     Verification:
 *       - …                                                          ✅ All pods healthy
 *     Rollback: kubectl … (< 2 minutes)                              ✅ Migrations completed
 *     On-call: @ada
 */
#pragma once

#include "stack/status.h"

#define ANNOTATION_DESCRIPTION STACK_GROUP "/change-description" /* no command: people put it there, and messages quote it line by line */

enum { WORDS_MAX_BYTES = 2400 /* of a text: what one block of Slack holds, and sixteen of them a status */ };

struct words {
  const char *subject, *text;
  int64_t revision; /* 0: it has yet to be made */
};

/* TOLD: status.told as it is, for how long the last releases took; may be NULL. */
struct words words_for(const struct observation *o, const struct judgement *j, const char *event, const cJSON *told, struct arena *arena);

/* The hash of the revision that is released, rolled back to or kept; NULL: there is none yet. */
const char *words_release_hash(const struct judgement *j);

/* The override's command record while it rules, else NULL: "until=…;by=…;reason=…" */
const char *words_override_rules(const struct observation *o, struct arena *arena);
