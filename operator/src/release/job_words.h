/* What the pods of a Job have to say (the contract: termination message and exit status). Pure. */
#pragma once

#include "release/job_memory.h"
#include "stack/plan.h"

enum { JOB_EXIT_NEVER = 65 /* trying again will not help */ };

/* The pod of that Job that tells most: one that has ended before one that has not; NULL when none is left. */
const struct pod_facts *job_last_pod(const struct observation *o, const char *job);

/* Its kubelet says that no pod of it ever had a container (an image that can't be pulled): it has done nothing. */
bool job_did_nothing(const struct observation *o, const char *job);

/* Why it failed, cleaned of credentials, in ARENA: {"error": …, "file": …, "line": …}, else the last lines as they are, else what Kubernetes says. JOB and
 * POD may be NULL. BLOCK names the part of the spec whose deadline it had; NULL: none. */
const char *job_explain(const struct child *job, const struct pod_facts *pod, const struct stack_job *settings, const char *block,
                        struct arena *arena);

/* What keeps a pod that has not ended from working (an image that can't be pulled, no node for it), cleaned, in ARENA; NULL: nothing. */
const char *job_hindrance(const struct pod_facts *pod, struct arena *arena);

/* {"schemaVersion": 12, "servesFrom": 11, "accepts": [10, 12]} into MEMORY, as told at NOW_MS. What is not told stays as it was. */
void job_learn(const struct pod_facts *pod, int64_t now_ms, struct job_memory *memory);
