#include "diagnosis/diagnosis.h"

#include "base/clock.h"
#include "codec/yaml.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct arena *arena;
static void begin(void) { arena = arena_new(1 << 16); }
static void end(void) { arena_free(arena); }

TestSuite(diagnosis, .init = begin, .fini = end);

static cJSON *parse(const char *yaml) {
  cJSON *tree = NULL;
  struct error error = {0};
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &tree, &error), 0, "%s: %s", yaml, error.message);
  return tree;
}

static struct child *project(enum child_view view, const char *name, const char *component, const char *rest) {
  struct buffer text;
  struct error error = {0};
  buffer_init(&text, 1 << 16);
  buffer_printf(&text,
                "{metadata: {namespace: demo, name: %s, uid: u-%s, resourceVersion: '1', labels: {app.kubernetes.io/component: %s}, "
                "ownerReferences: [{controller: true, kind: SupernovaStack, name: shop, uid: u-1}]}, %s}",
                name, name, component, rest);
  cJSON *object = parse(buffer_text(&text));
  struct child *child = child_project(view, object, &error);
  cr_assert(child, "%s", error.message);
  cJSON_Delete(object);
  buffer_done(&text);
  return child;
}

static const struct stack stack = {.namespace = "demo",
                                   .name = "shop",
                                   .uid = "u-1",
                                   .spec = {.database = {.secret_key = "DATABASE_URL"},
                                            .secrets = {.name = "supernova-secrets"},
                                            .autoscaling = {.enabled = true, .max_replicas = 6}}};

/* Pods as an API server of 1.34 shows them; only what varies is here. */
#define SPEC    "spec: {containers: [{name: server, resources: {limits: {cpu: 2, memory: 2Gi}}}]}"
#define RUNS_AT "2026-11-23T12:00:00Z"
#define POD(container)                                                                                                   \
  SPEC ", status: {phase: Running, conditions: [{type: PodScheduled, status: 'True'}, {type: Ready, status: 'False'}], " \
       "containerStatuses: ["                                                                                            \
       "{name: server, " container "}]}"
#define PENDING(container)                                                                                                                \
  SPEC ", status: {phase: Pending, conditions: [{type: PodScheduled, status: 'True'}], containerStatuses: [{name: server, ready: false, " \
       "restartCount: 0, started: false, " container "}]}"
#define ENDED(exit, reason, message)                                          \
  "{terminated: {exitCode: " exit ", reason: " reason ", message: \"" message \
  "\", startedAt: '2026-11-23T11:00:00Z', finishedAt: "                       \
  "'2026-11-23T11:00:01Z'}}"
#define BACK_OFF "{waiting: {reason: CrashLoopBackOff, message: 'back-off 5m0s restarting failed container=server pod=web-1'}}"

static const struct row {
  const char *pod, *reason, *words; /* reason NULL: nothing is wrong */
  const char *helps;                /* the command */
} rows[] = {
    {"spec: {}, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: '0/3 nodes are "
     "available: 3 Insufficient memory.'}]}",
     "Unschedulable", "pod web-1 cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory.",
     "kubectl -n demo describe pod web-1"},
    {PENDING("state: {waiting: {reason: ErrImagePull, message: 'pull QPS exceeded'}}"), "ImageNotPulled",
     "cannot pull its image: pull QPS exceeded;", "kubectl -n demo describe pod web-1"},
    {PENDING("state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image \"r/server:v9\": not found'}}"),
     "ImageNotPulled", "cannot pull its image: Back-off pulling image", "spec.image.pullSecrets"},
    {PENDING("state: {waiting: {reason: ErrImagePull, message: 'rpc error: code = NotFound desc = failed to pull and unpack image "
             "r/server:v9'}}"),
     "ImageNotPulled", "cannot pull its image: failed to pull and unpack image r/server:v9;", "spec.image.pullSecrets"},
    {PENDING("state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image r/server:v9: ErrImagePull: rpc error: code = "
             "NotFound "
             "desc = failed to pull and unpack image r/server:v9'}}"),
     "ImageNotPulled", "cannot pull its image: failed to pull and unpack image r/server:v9;", "spec.image.pullSecrets"},
    {PENDING("state: {waiting: {reason: InvalidImageName, message: bad}}"), "ImageNotPulled", "cannot pull its image: bad;",
     "describe pod"},
    {PENDING("state: {waiting: {reason: ErrImageNeverPull}}"), "ImageNotPulled", "cannot pull its image: ErrImageNeverPull;",
     "describe pod"},
    {PENDING("state: {waiting: {reason: CreateContainerConfigError, message: 'secret \"supernova-secrets\" not found'}}"), "SecretMissing",
     "lacks a Secret: secret \"supernova-secrets\" not found", "kubectl -n demo get secrets"},
    {PENDING("state: {waiting: {reason: CreateContainerConfigError, message: 'couldn''t find key DATABASE_URL in Secret "
             "demo/supernova-secrets'}}"),
     "SecretKeyMissing", "couldn't find key DATABASE_URL", "kubectl -n demo edit secret supernova-secrets"},
    {PENDING("state: {waiting: {reason: CreateContainerConfigError, message: 'configmap \"shop-env-0\" not found'}}"), "ConfigMissing",
     "configmap \"shop-env-0\" not found", "describe pod"},
    {PENDING("state: {waiting: {reason: CreateContainerError, message: 'exec: no such file'}}"), "ContainerNotStarted",
     "CreateContainerError: exec: no such file", "describe pod"},
    {PENDING("state: {waiting: {reason: ContainerCreating}}"), NULL, "", ""},
    {PENDING("state: {waiting: {reason: PodInitializing}}"), NULL, "", ""},
    {POD("restartCount: 3, state: " BACK_OFF ", lastState: " ENDED("137", "OOMKilled", "")), "OutOfMemory", "than its limit of 2Gi",
     "kubectl -n demo edit supernovastack shop"},
    {POD("restartCount: 1, started: false, state: {running: {startedAt: '" RUNS_AT "'}}, lastState: " ENDED("137", "OOMKilled", "")),
     "OutOfMemory", "than its limit of 2Gi", "spec.resources.limits.memory"},
    {POD("restartCount: 3, state: " BACK_OFF ", lastState: " ENDED("1", "Error", "")), "CrashLoop",
     "crashes (exit status 1): it said nothing", "kubectl -n demo logs web-1 --previous"},
    {POD("restartCount: 3, state: " BACK_OFF ", lastState: " ENDED("2", "Error", "first\\nLOG_LEVEL is loud, expected info\\n\\n")),
     "CrashLoop", "(exit status 2): LOG_LEVEL is loud, expected info; ", "logs web-1 --previous"},
    {POD("restartCount: 3, state: " BACK_OFF
         ", lastState: " ENDED("1", "Error", "{\\\"level\\\":60,\\\"msg\\\":\\\"cannot start\\\",\\\"err\\\":\\\"bad key\\\"}")),
     "CrashLoop", "(exit status 1): cannot start: bad key; ", "logs web-1 --previous"},
    {POD("restartCount: 3, state: " ENDED("1", "Error", "x")), "CrashLoop", "(exit status 1): x", "logs web-1 --previous"},
    {POD("restartCount: 3, state: " BACK_OFF
         ", lastState: " ENDED("1", "Error", "the database at postgres://u:hunter2@db/shop: connection refused")),
     "DatabaseRefused", "the database at postgres://u:*******@db/shop: connection refused",
     "check DATABASE_URL in Secret supernova-secrets"},
    {POD("restartCount: 3, state: " BACK_OFF ", lastState: " ENDED("1", "Error", "FATAL: password authentication failed: PostgreSQL")),
     "DatabaseRefused", "authentication failed", "logs web-1 --previous"},
    {POD("restartCount: 3, state: " BACK_OFF ", lastState: " ENDED("1", "Error", "redis:6379: no answer: timed out")), "RedisRefused",
     "redis:6379: no answer: timed out", "Secret supernova-secrets"},
    {POD("restartCount: 3, state: " BACK_OFF ", lastState: " ENDED("1", "Error", "the database was migrated, then a bug")), "CrashLoop",
     "then a bug", "logs"},
    {POD("restartCount: 0, started: false, state: {running: {startedAt: '" RUNS_AT "'}}"), "ProbeFailing", "its startup probe fails",
     "kubectl -n demo exec web-1 -- supernova-server health"},
    {POD("restartCount: 0, started: true, state: {running: {startedAt: '" RUNS_AT "'}}"), "ProbeFailing", "its readiness probe fails",
     "supernova-server health"},
    {POD("restartCount: 0, started: true, state: {running: {startedAt: '2026-11-23T12:00:30Z'}}"), NULL, "", ""},
    {"spec: {}, status: {phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: server, restartCount: 4, "
     "started: true, state: {running: {startedAt: '" RUNS_AT "'}}, lastState: " ENDED("1", "Error", "x") "}]}",
     NULL, "", ""},
    {"spec: {}, status: {}", NULL, "", ""},
};

static struct diagnosis judge(const char *refusal, const struct child **pods, size_t n) {
  const struct child deployment = {.deployment = {.replicas = 2, .replica_failure = (char *)(uintptr_t)refusal}};
  struct observation o = {.stack = &stack, .children = {[RESOURCE_POD] = {pods, n}}};
  cr_assert_eq(parse_rfc3339("2026-11-23T12:01:00Z", &o.now_ms), 0);
  return diagnose(&o, &deployment, arena);
}

static void expect(const struct diagnosis *d, const char *what, const char *reason, const char *words, const char *helps) {
  cr_assert_str_eq(d->reason ? d->reason : "", reason ? reason : "", "%s: %s", what, d->message ? d->message : "");
  cr_assert(!reason || (strstr(d->message, words) && strstr(d->message, helps)), "%s\nlacks\n%s\nor\n%s", d->message, words, helps);
  cr_assert(!reason || !strstr(d->message, "hunter2"));
}

Test(diagnosis, each_cause_has_its_reason_words_and_command) {
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct child *pod = project(CHILD_VIEW_POD, "web-1", "server", rows[i].pod);
    const struct child *pods[] = {pod};
    const struct diagnosis d = judge(NULL, pods, 1);
    expect(&d, rows[i].pod, rows[i].reason, rows[i].words, rows[i].helps);
    child_free(pod);
  }
}

Test(diagnosis, what_the_deployment_may_not_make) {
  static const struct {
    const char *refusal, *reason, *words;
  } cases[] = {
      {"pods \"shop-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2", "QuotaExceeded",
       "kubectl -n demo describe resourcequota"},
      {"pods \"shop-x\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true", "PodSecurityRefused",
       "kubectl get namespace demo --show-labels"},
      {"Internal error occurred: failed calling webhook", "PodsRefused", "kubectl -n demo get events --field-selector reason=FailedCreate"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    const struct diagnosis d = judge(cases[i].refusal, NULL, 0);
    expect(&d, cases[i].refusal, cases[i].reason, cases[i].words, "kubectl");
  }
}

/* The first pod of the table that shows this. */
static const char *pod_that_shows(const char *reason) {
  const struct row *row = rows;
  while (!row->reason || strcmp(row->reason, reason) != 0) row++;
  return row->pod;
}

Test(diagnosis, the_surest_cause_of_all_pods_speaks) {
  struct child *pods[] = {project(CHILD_VIEW_POD, "web-1", "server", pod_that_shows("CrashLoop")),
                          project(CHILD_VIEW_POD, "web-2", "server", pod_that_shows("ImageNotPulled")),
                          project(CHILD_VIEW_POD, "web-3", "migrate", pod_that_shows("Unschedulable"))};
  const struct child *list[] = {pods[0], pods[1], pods[2]};
  struct diagnosis d = judge(NULL, list, 3);
  expect(&d, "three", "ImageNotPulled", "pod web-2", "");
  pods[1]->deleting = true;
  d = judge(NULL, list, 3);
  expect(&d, "two", "CrashLoop", "pod web-1", "");
  for (size_t i = 0; i < ELEMENTS(pods); i++) child_free(pods[i]);
}

Test(diagnosis, a_pod_that_has_just_started_is_looked_at_again) {
  struct child *pod = project(CHILD_VIEW_POD, "web-1", "server",
                              POD("restartCount: 0, started: true, state: {running: {startedAt: '2026-11-23T12:00:30Z'}}"));
  const struct child *pods[] = {pod};
  const struct diagnosis d = judge(NULL, pods, 1);
  cr_assert_eq(d.look_again_ms, DIAGNOSIS_PROBE_MS - 30 * 1000);
  child_free(pod);
}

Test(diagnosis, nothing_is_said_of_no_deployment) {
  const struct observation o = {.stack = &stack};
  const struct diagnosis d = diagnose(&o, NULL, arena);
  cr_assert(!d.reason && !d.message && !d.look_again_ms);
}

Test(diagnosis, an_autoscaler_at_its_end_says_so) {
  static const struct {
    const char *status;
    bool told;
  } cases[] = {
      {"[]", false},
      {"[{type: ScalingLimited, status: 'True', reason: TooManyReplicas}]", true},
      {"[{type: ScalingLimited, status: 'True', reason: TooFewReplicas}]", false},
      {"[{type: ScalingLimited, status: 'False', reason: DesiredWithinRange}]", false},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char rest[160];
    (void)snprintf(rest, sizeof rest, "status: {conditions: %s}", cases[i].status);
    struct child *hpa = project(CHILD_VIEW_HPA, "shop", "server", rest);
    const struct child *list[] = {hpa};
    const struct observation o = {.stack = &stack, .children = {[RESOURCE_HPA] = {list, 1}}};
    const char *words = diagnose_autoscaler(&o, arena);
    cr_assert_eq(words != NULL, cases[i].told, "%s", cases[i].status);
    if (words) cr_assert(strstr(words, "autoscaling.maxReplicas, 6; raise it: kubectl -n demo edit supernovastack shop"), "%s", words);
    child_free(hpa);
  }
}

/* What a person sees of it: in Ready and Available, as one event, and no more once the pods are there. */
Test(diagnosis, the_conditions_say_why) {
  struct world w;
  world_init(&w, "environment: staging\nimage: {repository: r, tag: v1}\nreplicas: 2\nmigrations: {enabled: false}\n");
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_keys(&w, "1760908689588");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Ready"), "False RollingOut");
  world_put(&w, RESOURCE_POD,
            "metadata: {name: shop-1, labels: {platform.supernova.com/stack: shop, app.kubernetes.io/component: server}}\n"
            "status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ErrImagePull, message: 'no such image'}}}]}");
  world_plan(&w);
  cr_assert_str_eq(world_condition(&w, "Ready"), "False ImageNotPulled");
  cr_assert_str_eq(world_condition(&w, "Reconciling"), "True ImageNotPulled");
  cr_assert_str_eq(world_condition(&w, "Available"), "False ImageNotPulled");
  cr_assert_str_eq(w.plan.event.type, "Warning");
  cr_assert_str_eq(w.plan.event.reason, "ImageNotPulled");
  const char *decision = json_string(w.plan.status, "lastDecision.summary", "");
  cr_assert(strstr(decision, "revision 1 waits for its pods: pod shop-1 cannot pull its image: no such image; check"), "%s", decision);
  world_carry_out(&w);
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "it is told once");
  world_remove(&w, RESOURCE_POD, "shop-1");
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Ready"), "True Deployed");
  cr_assert_str_eq(world_condition(&w, "Available"), "True PodsAvailable");
  world_done(&w);
}
