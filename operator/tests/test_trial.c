#include "codec/json.h"
#include "release/annotations.h"
#include "render/render.h"
#include "stack/conditions.h"
#include "world.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COMPANION "docker.io/library/supernova-server"
#define ROLLOUT   "rollout: {canary: {replicas: 1}, verification: {windowSeconds: 60}, onFailure: Hold}\n"
#define OTHER     "migrations: {enabled: false}\nimage: {repository: r, tag: v%d}\nreplicas: %d\n"
#define OURS      "migrations: {enabled: false}\nimage: {repository: " COMPANION ", tag: v%d}\nreplicas: %d\n"

static struct world w;

static void end(void) { world_done(&w); }

TestSuite(trial, .fini = end);

static const char *spec_of(const char *form, int version, int replicas, const char *more) {
  static char text[1024];
  int n = snprintf(text, sizeof text, form, version, replicas);
  (void)snprintf(text + n, sizeof text - (size_t)n, "%s", more);
  return text;
}

static cJSON *deployment(void) {
  cJSON *found = world_object(&w, RESOURCE_DEPLOYMENT, "shop");
  cr_assert_not_null(found);
  return found;
}

static bool holds(void) { return json_int(deployment(), "spec.minReadySeconds", 0) == 86400; }

static const char *image(void) {
  return json_string(
      cJSON_GetArrayItem(
          cJSON_GetObjectItemCaseSensitive(
              cJSON_GetObjectItemCaseSensitive(
                  cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(deployment(), "spec"), "template"), "spec"),
              "containers"),
          0),
      "image", "");
}

static bool runs(const char *tag) {
  size_t n = strlen(image()), m = strlen(tag);
  return n > m && !strcmp(image() + n - m, tag);
}

static const char *message(void) { return json_string(condition_find(json_get(w.plan.status, "conditions"), "Ready"), "message", ""); }

static void settle_jobs(void) {
  world_settle(&w);
  for (int revision = 1; revision < 9; revision++) {
    char job[32];
    (void)snprintf(job, sizeof job, "shop-preflight-%d", revision);
    cJSON *found = world_object(&w, RESOURCE_JOB, job);
    if (!found || json_get(found, "status")) continue;
    world_job_ends(&w, job, true, 0, "");
    world_settle(&w);
  }
}

/* Deployed with v1. */
static void install(const char *form, int replicas, const char *more) {
  world_init(&w, spec_of(form, 1, replicas, more));
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  settle_jobs();
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready", "%s: %s", world_phase(&w), message());
}

static void change(const char *form, int version, int replicas, const char *more) {
  w.o.now_ms += 60000;
  world_spec(&w, spec_of(form, version, replicas, more));
  settle_jobs();
}

static void set_number(cJSON *status, const char *name, int64_t value) {
  cJSON_DeleteItemFromObjectCaseSensitive(status, name);
  cJSON_AddNumberToObject(status, name, (double)value);
}

/* So many new pods beside the old ones, all of these available; Kubernetes counts no new one as that while it holds. */
static void canary(int64_t count, int64_t ready) {
  cJSON *status = cJSON_GetObjectItemCaseSensitive(deployment(), "status");
  int64_t replicas = json_int(deployment(), "spec.replicas", 1);
  set_number(status, "replicas", replicas + count);
  set_number(status, "updatedReplicas", count);
  set_number(status, "readyReplicas", replicas + ready);
  set_number(status, "availableReplicas", replicas);
  world_new_pods(&w, count, ready);
}

static struct reading served(double requests, double errors, double slow) {
  return (struct reading){.requests = requests,
                          .errors = errors,
                          .bucket_count = 3,
                          .buckets = {{1, requests - slow}, {5, requests - slow}, {INFINITY, requests}}};
}

static void after_s(int64_t seconds) {
  w.o.now_ms += seconds * 1000;
  world_settle(&w);
}

Test(trial, how_big_a_canary_is) {
  static const struct {
    const char *what, *more;
    int replicas;
    int64_t surge; /* 0: none is made */
  } rows[] = {
      {"production's own", "", 3, 1},
      {"elsewhere none", "environment: staging\n", 3, 0},
      {"elsewhere as said", "environment: staging\nrollout: {canary: {replicas: 2}}\n", 3, 2},
      {"all but one at most", "rollout: {canary: {replicas: 5}}\n", 3, 2},
      {"of two", ROLLOUT, 2, 1},
      {"of one", ROLLOUT, 1, 0},
      {"of none", ROLLOUT, 0, 0},
      {"turned off", "rollout: {canary: {replicas: 0}}\n", 3, 0},
      {"as many as the autoscaler has made", "rollout: {canary: {replicas: 5}}\nautoscaling: {enabled: true, minReplicas: 4}\n", 3, 3},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    install(OTHER, rows[i].replicas, *rows[i].more ? rows[i].more : "rollout: {}\n");
    change(OTHER, 2, rows[i].replicas, *rows[i].more ? rows[i].more : "rollout: {}\n");
    cr_expect(runs("v2"), "%s", rows[i].what);
    cr_expect_eq(holds(), rows[i].surge > 0, "%s", rows[i].what);
    cr_expect_eq(json_int(deployment(), "spec.strategy.rollingUpdate.maxSurge", 0), rows[i].surge, "%s", rows[i].what);
    cr_expect_eq(json_int(deployment(), "spec.progressDeadlineSeconds", 0), rows[i].surge ? 86401 : 600, "%s", rows[i].what);
    if (i + 1 < ELEMENTS(rows)) world_done(&w);
  }
}

Test(trial, a_canary_is_held_judged_good_and_goes_on) {
  install(OURS, 3, ROLLOUT);
  change(OURS, 2, 3, ROLLOUT);
  cr_assert(holds() && runs("v2"));
  cr_assert_str_eq(world_phase(&w), "RollingOut");
  canary(1, 0);
  after_s(30);
  cr_assert_str_eq(message(), "the canary: 0 of 1 new pods are ready");
  canary(1, 1);
  w.said.reading = served(100, 0, 0);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Verifying");
  cr_assert_str_eq(world_condition(&w, "Available"), "True PodsAvailable");
  cr_assert_str_eq(world_condition(&w, "Ready"), "False Verifying");
  cr_assert_eq(w.plan.look_count, 1);
  after_s(59);
  cr_assert(holds(), "not before the window is over");
  cr_assert_eq(w.plan.look_again_ms, 1000);
  w.o.now_ms += 1000;
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "apply Deployment shop; status RollingOut", "%s", world_says(&w));
  cr_assert_str_eq(message(), "the canary: 100 requests, 0.0% failed, 95% took up to 950 ms; the others follow");
  world_settle(&w);
  cr_assert(!holds() && runs("v2"));
  cr_assert_str_eq(json_string(deployment(), "spec.strategy.rollingUpdate.maxSurge", ""), "25%");
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Verifying", "all of them are judged too");
  cr_assert_eq(w.plan.look_count, 3);
  after_s(60);
  cr_assert_str_eq(world_phase(&w), "Ready");
  cr_assert_eq(json_int(w.plan.status, "revision.current", 0), 2);
  const cJSON *revision = cJSON_GetArrayItem(w.objects[RESOURCE_REVISION], 1);
  const char *verified = cJSON_GetStringValue(json_member(json_get(revision, "metadata.annotations"), ANNOTATION_VERIFIED));
  cr_assert_str_eq(verified, "the new pods: 300 requests, 0.0% failed, 95% took up to 950 ms");
}

/* The Deployment's numbers come by one watch, the pods by another. */
Test(trial, a_pod_that_is_counted_and_not_yet_seen_is_waited_for) {
  install(OURS, 3, ROLLOUT);
  change(OURS, 2, 3, "rollout: {canary: {replicas: 0}}\n");
  world_pods_ready(&w);
  world_remove(&w, RESOURCE_POD, "shop-new-2");
  w.said.reading = served(100, 0, 0);
  after_s(300);
  cr_assert_str_eq(world_phase(&w), "Verifying");
  cr_assert_str_eq(message(), "the new pods: not all pods are ready");
  world_pods_ready(&w);
  after_s(300);
  cr_assert_str_eq(world_phase(&w), "Ready", "%s", message());
}

Test(trial, an_operator_that_begins_anew_goes_on_where_the_deployment_is) {
  install(OURS, 3, ROLLOUT);
  change(OURS, 2, 3, ROLLOUT);
  canary(1, 1);
  w.said.reading = served(100, 0, 0);
  after_s(60);
  cr_assert(!holds());
  world_plan(&w);
  cr_assert(!strstr(world_says(&w), "Deployment"), "what was let go is not held again: %s", world_says(&w));
  change(OURS, 3, 3, ROLLOUT);
  canary(1, 1);
  looks_done(&w.looks);
  w.o.now_ms += 60000;
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "status Verifying", "the pods have yet to be asked");
  world_settle(&w);
  cr_assert(!holds(), "the window is the pods' own");
}

Test(trial, what_is_bad_is_told_and_goes_no_further) {
  static const struct {
    const char *what, *form;
    struct probe said;
    int64_t passed_s;
    const char *message;
  } rows[] = {
      {"errors, at once",
       OURS,
       {.read = true, .answered = true, .reading = {.requests = 100, .errors = 30}},
       1,
       "the canary: 30 of 100 requests failed (30.0%; at most 5.0%: rollout.verification.maxErrorRate)"},
      {"slow",
       OURS,
       {.read = true, .answered = true, .reading = {.requests = 100, .bucket_count = 3, .buckets = {{1, 50}, {5, 100}, {INFINITY, 100}}}},
       60,
       "the canary: 95% of the requests took up to 4600 ms (at most 2000: rollout.verification.maxP95Ms)"},
      {"smoke",
       OURS,
       {.read = true, .answered = true, .failure = "GET /readyz: status 503"},
       60,
       "the canary: a smoke question failed: GET /readyz: status 503"},
      {"no answer",
       OURS,
       {.failure = "GET /readyz: timed out"},
       120,
       "the canary: the smoke questions could not be put: GET /readyz: timed out"},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    install(rows[i].form, 3, ROLLOUT);
    change(rows[i].form, 2, 3, ROLLOUT);
    w.said = rows[i].said;
    canary(1, 1);
    world_settle(&w);
    after_s(rows[i].passed_s);
    cr_expect_str_eq(world_phase(&w), "Held", "%s: %s", rows[i].what, message());
    cr_expect_str_eq(world_condition(&w, "Stalled"), "True VerificationFailed", "%s", rows[i].what);
    cr_expect(strstr(message(), rows[i].message), "%s: %s", rows[i].what, message());
    cr_expect_str_eq(world_condition(&w, "Available"), "True PodsAvailable", "%s", rows[i].what);
    cr_expect(!runs("v2") || holds(), "%s: no second pod follows", rows[i].what);
    if (i + 1 < ELEMENTS(rows)) world_done(&w);
  }
}

Test(trial, too_few_requests_pass_on_how_the_pods_stand_and_say_so) {
  install(OURS, 3, ROLLOUT);
  change(OURS, 2, 3, ROLLOUT);
  canary(1, 1);
  after_s(60);
  cr_assert(holds());
  cr_assert_str_eq(message(), "the canary: there were too few requests to judge by; waiting as long again");
  after_s(60);
  cr_assert(!holds());
  world_pods_ready(&w);
  after_s(120);
  cr_assert_str_eq(world_phase(&w), "Ready");
  const cJSON *revision = cJSON_GetArrayItem(w.objects[RESOURCE_REVISION], 1);
  const char *verified = cJSON_GetStringValue(json_member(json_get(revision, "metadata.annotations"), ANNOTATION_VERIFIED));
  cr_assert_str_eq(verified,
                   "the new pods: inconclusive: 0 requests in 120 s are too few to judge by (rollout.verification.minRequests: 20)");
}

Test(trial, another_image_is_watched_without_questions) {
  install(OTHER, 3, ROLLOUT);
  change(OTHER, 2, 3, ROLLOUT);
  canary(1, 1);
  world_settle(&w);
  cr_assert_eq(w.plan.look_count, 0);
  cr_assert_eq(w.plan.look_again_ms, 60000, "and nothing is done until its window is over");
  after_s(60);
  cr_assert(!holds());
  world_pods_ready(&w);
  after_s(60);
  cr_assert_str_eq(world_phase(&w), "Ready");
}

Test(trial, a_canary_that_misses_its_deadline_has_failed) {
  install(OTHER, 3, ROLLOUT);
  change(OTHER, 2, 3, ROLLOUT);
  canary(1, 0);
  after_s(599);
  cr_assert_str_eq(world_phase(&w), "RollingOut");
  cr_assert_eq(w.plan.look_again_ms, 1000);
  after_s(1);
  cr_assert_str_eq(world_phase(&w), "Held");
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True RolloutStuck");
}

Test(trial, a_longer_deadline_frees_it) {
  install(OTHER, 3, ROLLOUT);
  change(OTHER, 2, 3, ROLLOUT);
  canary(1, 0);
  after_s(300);
  world_spec(&w, spec_of(OTHER, 2, 3, "rollout: {canary: {replicas: 1}, progressDeadlineSeconds: 900, onFailure: Hold}\n"));
  after_s(599);
  cr_assert_str_eq(world_phase(&w), "RollingOut");
  cr_assert(holds(), "a change of how it rolls begins nothing anew");
  after_s(1);
  cr_assert_str_eq(world_phase(&w), "Held");
}

Test(trial, a_new_spec_takes_the_canarys_place) {
  install(OTHER, 3, ROLLOUT);
  change(OTHER, 2, 3, ROLLOUT);
  canary(1, 1);
  world_settle(&w);
  change(OTHER, 3, 3, ROLLOUT);
  cr_assert(runs("v3") && holds(), "and begins as a canary itself");
  cr_assert_str_eq(json_string(json_get(deployment(), "metadata.annotations"), "x", "none"), "none");
  canary(1, 1);
  after_s(60);
  cr_assert(!holds() && runs("v3"));
}

Test(trial, going_back_puts_all_back_in_one_write) {
  install(OTHER, 3, ROLLOUT);
  change(OTHER, 2, 3, ROLLOUT);
  canary(1, 1);
  world_settle(&w);
  world_spec(&w, spec_of(OTHER, 1, 3, ROLLOUT));
  world_plan(&w);
  cr_assert_eq(strncmp(world_says(&w), "apply Deployment shop", 21), 0, "%s", world_says(&w));
  cr_assert_null(strstr(world_says(&w) + 21, "Deployment"), "%s", world_says(&w));
  world_settle(&w);
  cr_assert(runs("v1") && !holds());
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready", "on no trial");
}

Test(trial, what_is_scaled_meanwhile) {
  static const struct {
    const char *what, *more;
    int replicas;
    bool goes_on;
  } rows[] = {
      {"to one: it holds", ROLLOUT, 1, false},
      {"to none: there is nothing to hold", ROLLOUT, 0, true},
      {"to more", ROLLOUT, 9, false},
      {"no canary any more", "rollout: {canary: {replicas: 0}, verification: {windowSeconds: 60}}\n", 3, true},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    install(OTHER, 3, ROLLOUT);
    change(OTHER, 2, 3, ROLLOUT);
    canary(1, 0);
    world_spec(&w, spec_of(OTHER, 2, rows[i].replicas, rows[i].more));
    world_settle(&w);
    cr_expect_eq(holds(), !rows[i].goes_on, "%s", rows[i].what);
    cr_expect(runs("v2"), "%s", rows[i].what);
    if (i + 1 < ELEMENTS(rows)) world_done(&w);
  }
}

Test(trial, a_restart_is_told_at_once_but_for_what_came_before_the_jobs_were_done) {
  static const struct {
    const char *what, *ended;
    bool bad;
  } rows[] = {{"now", "2026-01-01T00:01:00Z", true}, {"before the migration was done", "2025-12-31T23:59:59Z", false}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    char pod[512];
    install("image: {repository: r, tag: v%d}\nreplicas: %d\nmigrations: {when: [pre-upgrade]}\n", 3, ROLLOUT);
    change("image: {repository: r, tag: v%d}\nreplicas: %d\nmigrations: {when: [pre-upgrade]}\n", 2, 3, ROLLOUT);
    world_job_ends(&w, "shop-migrate-2", true, 0, "");
    world_settle(&w);
    cr_assert(holds());
    canary(1, 1);
    cJSON *live = world_object(&w, RESOURCE_POD, "shop-new-0"), *status = cJSON_GetObjectItemCaseSensitive(live, "status");
    (void)snprintf(pod, sizeof pod, "[{\"restartCount\":1,\"lastState\":{\"terminated\":{\"exitCode\":1,\"finishedAt\":\"%s\"}}}]",
                   rows[i].ended);
    cJSON_AddItemToObject(status, "containerStatuses", cJSON_Parse(pod));
    world_settle(&w);
    cr_expect_str_eq(world_phase(&w), rows[i].bad ? "Held" : "Verifying", "%s: %s", rows[i].what, message());
    cr_expect(!rows[i].bad || strstr(message(), "pod shop-new-0 has restarted"), "%s", message());
    if (i + 1 < ELEMENTS(rows)) world_done(&w);
  }
}

Test(trial, how_it_rolls_is_no_change_to_wait_for) {
  install(
      OTHER, 3,
      "rollout: {}\nchange: {enforcement: Enforce, windows: [], freezes: [{from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z'}]}\n");
  world_spec(&w, spec_of(OTHER, 1, 3,
                         "rollout: {maxSurge: 2}\nchange: {enforcement: Enforce, windows: [], freezes: [{from: '2020-01-01T00:00:00Z', to: "
                         "'2100-01-01T00:00:00Z'}]}\n"));
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready", "%s", message());
  cr_assert_eq(json_int(deployment(), "spec.strategy.rollingUpdate.maxSurge", 0), 2);
}

Test(trial, an_install_is_asked_and_not_watched) {
  world_init(&w, spec_of(OURS, 1, 3, ROLLOUT));
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  settle_jobs();
  cr_assert(!holds());
  world_pods_ready(&w);
  w.said.answered = false;
  (void)snprintf(w.said.failure, sizeof w.said.failure, "GET /readyz: timed out");
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True VerificationFailed");
}

Test(trial, a_canary_that_is_judged_bad_is_put_back_in_one_write) {
  static const char rollout[] = "rollout: {canary: {replicas: 1}, verification: {windowSeconds: 60}}\n";
  install(OURS, 3, rollout);
  change(OURS, 2, 3, rollout);
  w.said.reading = served(100, 30, 0);
  canary(1, 1);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "RollingBack", "%s", message());
  cr_assert(strstr(message(), "revision 2 failed: the canary: 30 of 100 requests failed"), "%s", message());
  cr_assert(runs("v1") && !holds());
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_condition(&w, "Stalled"), "True VerificationFailed", "%s", message());
  cr_assert(runs("v1") && !holds(), "and is not tried again");
}
