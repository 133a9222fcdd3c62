#include "runtime/metrics.h"

static const double reconcile_buckets[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 0};
static const double queue_buckets[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000, 0};

#define CONTROLLER .labels = {"controller"}
#define QUEUE      .labels = {"name", "controller"}
#define STACK      .labels = {"namespace", "name"}
#define NO_LABELS  .labels = {NULL}

const struct metric_row metric_rows[METRICS] = {
    [METRIC_RECONCILES] = {"controller_runtime_reconcile_total", METRIC_COUNTER, "Reconciliations, by how they ended.",
                           .labels = {"controller", "result"}},
    [METRIC_RECONCILE_ERRORS] = {"controller_runtime_reconcile_errors_total", METRIC_COUNTER, "Reconciliations that failed.", CONTROLLER},
    [METRIC_RECONCILE_SECONDS] = {"controller_runtime_reconcile_time_seconds", METRIC_HISTOGRAM, "How long a reconciliation takes.",
                                  CONTROLLER, .buckets = reconcile_buckets},
    [METRIC_ACTIVE_WORKERS] = {"controller_runtime_active_workers", METRIC_GAUGE, "Reconciliations in flight.", CONTROLLER},
    [METRIC_QUEUE_DEPTH] = {"workqueue_depth", METRIC_GAUGE, "Keys that wait in the work queue.", QUEUE},
    [METRIC_QUEUE_ADDS] = {"workqueue_adds_total", METRIC_COUNTER, "Keys added to the work queue.", QUEUE},
    [METRIC_QUEUE_SECONDS] = {"workqueue_queue_duration_seconds", METRIC_HISTOGRAM, "How long a key waits in the work queue.", QUEUE,
                              .buckets = queue_buckets},
    [METRIC_QUEUE_WORK_SECONDS] = {"workqueue_work_duration_seconds", METRIC_HISTOGRAM, "How long the work for a key takes.", QUEUE,
                                   .buckets = queue_buckets},
    [METRIC_QUEUE_RETRIES] = {"workqueue_retries_total", METRIC_COUNTER, "Keys put back after a failure.", QUEUE},
    [METRIC_REST_REQUESTS] = {"rest_client_requests_total", METRIC_COUNTER, "Requests to the API server.",
                              .labels = {"code", "method", "host"}},
    [METRIC_LEADER] = {"leader_election_master_status", METRIC_GAUGE, "1 where this process holds the Lease.", .labels = {"name"}},
    [METRIC_BUILD_INFO] = {"supernova_operator_build_info", METRIC_GAUGE, "1, with the operator's version.", .labels = {"version"}},
    [METRIC_CACHED_OBJECTS] = {"supernova_operator_cached_objects", METRIC_GAUGE, "Objects that the operator remembers.",
                               .labels = {"resource"}},
    [METRIC_WATCHES_STALE] = {"supernova_operator_watches_stale", METRIC_GAUGE, "Watches that tell nothing new: decisions may be blind.",
                              .labels = {"resource"}},
    [METRIC_STACK_READY] = {"supernova_stack_ready", METRIC_GAUGE, "1 where the stack is as its spec says.", STACK},
    [METRIC_STACK_AVAILABLE] = {"supernova_stack_available", METRIC_GAUGE, "1 where enough pods serve.", STACK},
    [METRIC_STACK_SUSPENDED] = {"supernova_stack_suspended", METRIC_GAUGE, "1 where the stack is suspended.", STACK},
    [METRIC_STACK_PHASE] = {"supernova_stack_phase", METRIC_GAUGE, "1 for the phase in which the stack is.",
                            .labels = {"namespace", "name", "phase"}},
    [METRIC_STACK_IMAGE_INFO] = {"supernova_stack_image_info", METRIC_GAUGE, "1, with the image that the spec asks for.",
                                 .labels = {"namespace", "name", "image"}},
    [METRIC_STACK_REPLICAS_DESIRED] = {"supernova_stack_replicas_desired", METRIC_GAUGE, "Pods that are wanted.", STACK},
    [METRIC_STACK_REPLICAS_READY] = {"supernova_stack_replicas_ready", METRIC_GAUGE, "Pods that are ready.", STACK},
    [METRIC_STACK_REVISION_CURRENT] = {"supernova_stack_revision_current", METRIC_GAUGE, "Number of the revision that is deployed.", STACK},
    [METRIC_STACK_REVISION_TARGET] = {"supernova_stack_revision_target", METRIC_GAUGE, "Number of the revision that the spec asks for.",
                                      STACK},
    [METRIC_STACK_SCHEMA_VERSION] = {"supernova_stack_schema_version", METRIC_GAUGE,
                                     "Version of the database's schema, as its last migration told.", STACK},
    [METRIC_STACK_MIGRATION_ATTEMPTS] = {"supernova_stack_migration_attempts", METRIC_GAUGE,
                                         "Attempts of the Jobs at work, or of the last migration.", STACK},
    [METRIC_STACK_RELEASE_FAILED] = {"supernova_stack_release_failed", METRIC_GAUGE, "1 where the spec's release has failed.", STACK},
    [METRIC_STACK_MIGRATION_STATE] = {"supernova_stack_migration_state", METRIC_GAUGE,
                                      "1 for the state of the Jobs of a release that are at work, or of the last migration.",
                                      .labels = {"namespace", "name", "kind", "state"}},
    [METRIC_STACK_TRANSITION_SECONDS] = {"supernova_stack_transition_timestamp_seconds", METRIC_GAUGE,
                                         "When the stack last became ready, or ceased to be.", STACK},
    [METRIC_STACK_POD_RESTARTS] = {"supernova_stack_pod_restarts_total", METRIC_COUNTER, "Restarts of the pod's container.",
                                   .labels = {"namespace", "name", "pod"}},
    [METRIC_PROCESS_CPU_SECONDS] = {"process_cpu_seconds_total", METRIC_COUNTER, "User and system CPU time.", NO_LABELS},
    [METRIC_PROCESS_RESIDENT_BYTES] = {"process_resident_memory_bytes", METRIC_GAUGE, "Resident memory.", NO_LABELS},
    [METRIC_PROCESS_VIRTUAL_BYTES] = {"process_virtual_memory_bytes", METRIC_GAUGE, "Virtual memory.", NO_LABELS},
    [METRIC_PROCESS_OPEN_FDS] = {"process_open_fds", METRIC_GAUGE, "Open file descriptors.", NO_LABELS},
    [METRIC_PROCESS_MAX_FDS] = {"process_max_fds", METRIC_GAUGE, "File descriptors that may be open.", NO_LABELS},
    [METRIC_PROCESS_START_SECONDS] = {"process_start_time_seconds", METRIC_GAUGE, "Start of the process, in seconds since 1970.",
                                      NO_LABELS},
};
