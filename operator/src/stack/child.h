/* What the operator remembers of an object that belongs to a stack: a projection of a few hundred bytes, made when a watch delivers it.
 *
 *     struct child *child = child_project(CHILD_VIEW_DEPLOYMENT, object, &error);
 *     child_free(child);
 *
 * Owner: the cache. Everything in it is its own copy; the object may go. Pure.
 */
#pragma once

#include "base/error.h"
#include "stack/fingerprint.h"

#include <stdint.h>

/* Whose additional facts a projection carries. */
enum child_view {
  CHILD_VIEW_PLAIN,
  CHILD_VIEW_DEPLOYMENT,
  CHILD_VIEW_JOB,
  CHILD_VIEW_REVISION,
  CHILD_VIEW_POD,
  CHILD_VIEW_HPA,
  CHILD_VIEW_METADATA, /* Secrets and ConfigMaps that stacks refer to: no content at all */
};

struct deployment_facts {
  int64_t generation, observed_generation;
  int64_t replicas;                           /* wanted: spec.replicas */
  int64_t current, updated, ready, available; /* status */
  int64_t applied_replicas;                   /* what the operator last set; -1: unknown */
  char *replica_failure;                      /* message of ReplicaFailure (quota, admission), or NULL */
  char *content_hash, *secret_hash;           /* of the pod template, or NULL */
  char *restarted_at;                         /* likewise: the last restart that it has had */
  char *template_hash;                        /* of the pod template as the operator last wrote it, or NULL */
  bool rolling_back;                          /* as the operator noted it: its pods are replaced all at once */
  char *rolling_since;                        /* when it did (RFC 3339), or let the canary go on; NULL: not noted */
  int64_t min_ready_s;                        /* above 0: it holds at a canary */
};

enum job_state { JOB_RUNNING, JOB_COMPLETE, JOB_FAILED };

struct job_facts {
  enum job_state state;
  int64_t finished_ms; /* real time; 0 while running */
  bool pods_left;      /* something of it is active or terminating */
  char *reason;        /* of the failure: BackoffLimitExceeded, PodFailurePolicy … */
};

struct revision_facts {
  int64_t number;
  char *content;       /* data, compact JSON: immutable */
  char *image;         /* the full reference */
  char *env_name_hash; /* hash of its env map: names its ConfigMap */
  char *verified;      /* what its new pods have shown before it was Deployed, or NULL */
  cJSON *jobs;         /* what is remembered of its series of Jobs (job_memory_of), or NULL */
  cJSON *failed;       /* why its release failed (release/failure.h), or NULL */
  cJSON *pinned;       /* that people went back to it (release/pin.h), or NULL */
  int64_t deployed_ms; /* 0: never */
  int64_t began_ms;    /* its release was let begin and is not over; 0: none was */
};

struct pod_facts {
  char *component, *job;                           /* labels; NULL where absent */
  char *content_hash, *secret_hash, *restarted_at; /* annotations: what the template said */
  char *keys_heard;                                /* annotation: of which revocation its kubelet was told; NULL: none */
  char *address;                                   /* NULL: none yet */
  bool ready, failed, succeeded;
  int64_t ready_since_ms;          /* real time; 0: it is not ready */
  char *waiting, *waiting_message; /* why its container does not run: ImagePullBackOff, CrashLoopBackOff …, or NULL */
  char *unschedulable;             /* the scheduler's message, or NULL */
  bool terminated;
  int64_t exit_code, restarts;
  int64_t ended_ms;          /* when its container last ended; 0: it never did */
  char *termination_message; /* of the last end */
  bool deadline_exceeded;    /* ended by activeDeadlineSeconds */
  bool no_container;         /* its kubelet has never made one for it */
  char *end_reason;          /* of the last end: OOMKilled, Error …, or NULL */
  char *memory_limit;        /* of its container, or NULL */
  int64_t running_since_ms;  /* 0: it does not run */
  bool started;              /* its startup probe has succeeded */
};

struct hpa_facts {
  bool at_maximum; /* it wants more pods than it may make */
};

struct child {
  char *namespace, *name, *uid, *resource_version;
  char *stack;        /* "namespace/name" by its label, or NULL */
  char *owner_uid;    /* of the controller reference, or NULL */
  char *owner_stack;  /* name of the controller where it is a stack, or NULL */
  char *applied_hash; /* what was rendered, as the object says */
  char *other_writer; /* field manager that wrote last, of those that are not ours; NULL: none */
  bool adopt, deleting;
  int update_entry, apply_entry; /* places of our field manager's entries in managedFields; -1: none */
  bool update_owns_replicas;     /* the Update entry (of the first POST) holds f:replicas */
  bool update_owns_applied;      /* and the annotation that says which number the spec had */
  struct fingerprint fingerprint;
  enum child_view view;
  union {
    struct deployment_facts deployment;
    struct job_facts job;
    struct revision_facts revision;
    struct pod_facts pod;
    struct hpa_facts hpa;
  };
};

struct child *child_project(enum child_view view, const cJSON *object, struct error *error) _must_check_;

/* The release hash at the end of a revision's name; "" where somebody else gave it its name. Borrows. */
const char *child_release_hash(const struct child *revision);

void child_free(struct child *child); /* accepts NULL */

static inline void child_freep(struct child **child) {
  child_free(*child);
  *child = NULL;
}
