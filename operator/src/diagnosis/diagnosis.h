/* What went wrong, in words: why pods don't serve, from evidence in the cluster, with the command that helps. Pure.
 *
 *     struct diagnosis d = diagnose(o, deployment, arena);
 *     d.reason     "OutOfMemory"; NULL: nothing is wrong that anybody could see
 *     d.message    "pod shop-7f-x was killed for using more memory than its limit of 2Gi; raise spec.resources.limits.memory: kubectl …"
 *
 * One table, the surest cause first; the first pod that shows it speaks for all that have the content
 * which the Deployment says. Evidence is what the API server holds of the Deployment, its
 * autoscaler and pods (kubernetes.io/docs/reference/kubernetes-api: PodStatus, ContainerState, DeploymentCondition, HorizontalPodAutoscalerCondition).
 * The words of containers are their termination message or last lines of log, cleaned of credentials; their last line is told. Numbers
 * that rise with each restart are left out: the same cause has the same words, and costs no further write.
 *
 *   QuotaExceeded, PodSecurityRefused, PodsRefused   the Deployment may make no pods
 *   Unschedulable                                    no node takes it
 *   ImageNotPulled                                   no such image, no credentials, registry away
 *   SecretMissing, SecretKeyMissing, ConfigMissing   what its environment refers to
 *   OutOfMemory                                      killed at its limit
 *   DatabaseRefused, RedisRefused                    it ended, and its last words say that a dependency would not have it
 *   CrashLoop                                        it ended with other words
 *   ContainerNotStarted                              the node could not start it
 *   ProbeFailing                                     it runs, and its start or readiness probe fails for DIAGNOSIS_PROBE_MS
 */
#pragma once

#include "base/arena.h"
#include "stack/observation.h"

enum { DIAGNOSIS_PROBE_MS = 45 * 1000 /* what a healthy server needs to start, and more */ };

struct diagnosis {
  const char *reason, *message; /* the message is in the arena */
  int64_t look_again_ms;        /* when time alone may tell more; 0: it will not */
};

/* DEPLOYMENT: NULL where there is none. */
struct diagnosis diagnose(const struct observation *o, const struct child *deployment, struct arena *arena);

/* The autoscaler has as many pods as it may, and wants more: the words; NULL where that is not so. */
const char *diagnose_autoscaler(const struct observation *o, struct arena *arena);
