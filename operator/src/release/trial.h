/* The new pods of a release on trial: the canary first, where there is one, and all of them at the end. Pure.
 *
 *   the Deployment says something else ──> written with a canary ──> it holds ──(judged good)──> goes on to the last pod ──> all are judged ──> passed
 *                 └──> written without ────────────────────────────────────────────────────────────────┘
 *   judged bad, or past the deadline: failed, at any of these; what becomes of it then is the round's to say
 *
 * Where a release is in this is read from the Deployment alone: which content it says, and whether minReadySeconds holds it. So a process that
 * begins anew goes on. A revision that was once Deployed is on no trial: going back must be fast. A first install has nobody to harm: it is asked the smoke
 * questions, and not watched.
 */
#pragma once

#include "release/failure.h"
#include "release/history.h"
#include "release/hooks.h"
#include "release/rollout.h"
#include "stack/standing.h"
#include "verify/verdict.h"

struct trial {
  struct rollout rollout;
  int64_t canary;                 /* how the Deployment is to be written: the number of new pods it holds at; 0: it goes on to the last */
  bool passed;                    /* all of its pods are there, and have shown what they have to */
  const char *words;              /* what they have shown, once passed, and of a canary that goes on; NULL: nothing was asked */
  struct release_failure failure; /* that is seen now, or is remembered and still counts; NULL reason: none */
  struct verdict verdict;         /* of those that are on trial now */
  bool judges;                    /* a verdict is being waited for */
};

/* HOOKS: how the release's Jobs stand. REMEMBERED: of this release, as failure_read tells it: pods that were judged bad are on no trial again. The plan is asked for looks at pods, and to look again. */
struct trial trial_judge(const struct observation *o, const struct history *history, const struct content *target,
                         const struct child *deployment, const struct hooks *hooks, const struct release_failure *remembered,
                         struct plan *plan);

/* Where the stack stands while a release is on trial; NULL reason: something else says where. */
struct standing trial_standing(const struct trial *trial, struct arena *arena);
