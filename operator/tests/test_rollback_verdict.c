#include "release/rollback_verdict.h"

#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SAFE    "safe"
#define AHEAD   "schema-ahead"
#define UNKNOWN "unknown"

/* The test of fit, and what goes before it. */
Test(rollback_verdict, each_case) {
  static const struct {
    struct rollback_evidence e;
    const char *verdict, *why;
  } rows[] = {
      {{true, false, 12, 11, 10, 12, false, false}, SAFE, "it can serve"},
      {{true, false, 12, 11, 10, 11, false, false}, SAFE, ""},
      {{true, false, 12, 11, 8, 10, false, false}, AHEAD, "schema is 12 and serves images from 11 on, but its image accepts 8 to 10"},
      {{true, false, 12, 11, 8, 10, false, true}, AHEAD, ""},
      {{true, false, 12, 11, 8, 10, true, false}, AHEAD, ""},
      {{true, false, 9, 9, 10, 12, false, false}, AHEAD, "accepts 10 to 12"},
      {{true, false, 12, 12, 12, 12, false, false}, SAFE, ""},
      {{true, false, 12, 11, 10, 12, true, false}, UNKNOWN, "a migration was begun"},
      {{true, false, 12, 11, 10, 12, true, true}, UNKNOWN, ""},
      {{true, false, 12, -1, 10, 12, false, false}, SAFE, ""},
      {{true, false, 12, -1, 8, 10, false, false}, UNKNOWN, "nobody has told"},
      {{true, false, 12, 11, -1, -1, false, false}, UNKNOWN, ""},
      {{true, false, -1, -1, 10, 12, false, false}, UNKNOWN, ""},
      {{true, false, -1, -1, -1, -1, false, false}, UNKNOWN, ""},
      {{true, false, -1, -1, -1, -1, false, true}, SAFE, ""},
      {{true, false, -1, -1, -1, -1, true, true}, UNKNOWN, ""},
      {{true, true, 12, 11, 10, 12, false, true}, "image-missing", "could not be pulled"},
      {{false, true, 12, 11, 8, 10, false, true}, "secret-gone", "Secret"},
  };
  struct arena *arena = arena_new(4096);
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    cr_assert_str_eq(rollback_verdict_name(rollback_judge(&rows[i].e)), rows[i].verdict, "row %zu", i);
    cr_assert(strstr(rollback_explain(&rows[i].e, arena), rows[i].why), "row %zu: %s", i, rollback_explain(&rows[i].e, arena));
  }
  arena_free(arena);
}

/* ---- what is gathered ---- */

static struct world w;

static void end(void) { world_done(&w); }

TestSuite(rollback_evidence, .fini = end);

/* A spec as it is released, and what its migration tells; NULL: no migration runs. */
static void release(const char *spec, const char *job, bool succeeds, const char *told) {
  w.o.now_ms += 60000;
  if (w.stack)
    world_spec(&w, spec);
  else
    world_init(&w, spec);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  if (job) world_job_ends(&w, job, succeeds, succeeds ? 0 : 65, told);
  world_settle(&w);
}

static const char *verdict_on(int64_t number) {
  world_plan(&w);
  const struct child_list *revisions = &w.o.children[RESOURCE_REVISION];
  const struct child *found = NULL, *current = NULL;
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *r = revisions->items[i];
    if (r->revision.number == number) found = r;
    if (r->revision.deployed_ms && (!current || r->revision.deployed_ms > current->revision.deployed_ms)) current = r;
  }
  cr_assert_not_null(found);
  const struct rollback_evidence e = rollback_evidence_of(&w.o, found, current, true);
  return rollback_verdict_name(rollback_judge(&e));
}

#define IMAGE(tag)                   "image: {repository: r, tag: " tag "}\nreplicas: 2\n"
#define NONE                         "migrations: {enabled: false}\n"
#define ONCE                         "migrations: {retry: {exponential: {enabled: false}}}\n"
#define TOLD(schema, from, min, max) "{\"schemaVersion\": " #schema ", \"servesFrom\": " #from ", \"accepts\": [" #min ", " #max "]}"

Test(rollback_evidence, of_what_migrations_told) {
  release(IMAGE("v1"), "shop-migrate-1", true, TOLD(10, 8, 8, 10));
  release(IMAGE("v2"), "shop-migrate-2", true, TOLD(11, 10, 9, 11));
  cr_assert_str_eq(verdict_on(1), SAFE, "11 still serves images from 10 on");
  release(IMAGE("v3"), "shop-migrate-3", true, TOLD(12, 11, 10, 12));
  cr_assert_str_eq(verdict_on(1), AHEAD);
  cr_assert_str_eq(verdict_on(2), SAFE);
}

Test(rollback_evidence, where_nobody_tells_the_last_migration_says_it) {
  release(IMAGE("v1"), "shop-migrate-1", true, "done");
  release(IMAGE("v1") "config: {logLevel: debug}\n", NULL, true, NULL);
  cr_assert_str_eq(verdict_on(1), SAFE, "the schema is its own image's");
  release(IMAGE("v2"), "shop-migrate-3", true, "done");
  cr_assert_str_eq(verdict_on(1), UNKNOWN);
}

Test(rollback_evidence, without_migrations_the_image_that_serves_is_known_to_fit) {
  release(IMAGE("v1") NONE, NULL, true, NULL);
  release(IMAGE("v1") NONE "config: {logLevel: debug}\n", NULL, true, NULL);
  cr_assert_str_eq(verdict_on(1), SAFE);
  release(IMAGE("v2") NONE, NULL, true, NULL);
  cr_assert_str_eq(verdict_on(1), UNKNOWN);
}

Test(rollback_evidence, a_migration_that_fails_without_a_word_leaves_the_schema_unknown) {
  release(IMAGE("v1"), "shop-migrate-1", true, TOLD(10, 8, 8, 10));
  release(IMAGE("v2") ONCE, NULL, true, NULL);
  cr_assert_str_eq(verdict_on(1), UNKNOWN, "it is at work");
  world_job_ends(&w, "shop-migrate-2", false, 65, "Killed");
  world_settle(&w);
  cr_assert_str_eq(verdict_on(1), UNKNOWN, "no deadline has ended it");
}

/* As a kubelet leaves it behind whose container it never made: past its deadline, without an id. */
Test(rollback_evidence, a_migration_that_never_began_has_left_all_as_it_was) {
  release(IMAGE("v1"), "shop-migrate-1", true, TOLD(10, 8, 8, 10));
  release(IMAGE("v2") ONCE, NULL, true, NULL);
  world_job_ends(&w, "shop-migrate-2", false, 137, "");
  cJSON *status = cJSON_GetObjectItemCaseSensitive(world_object(&w, RESOURCE_POD, "shop-migrate-2-pod"), "status");
  cJSON_AddStringToObject(status, "reason", "DeadlineExceeded");
  world_settle(&w);
  cr_assert_str_eq(verdict_on(1), SAFE);
}

Test(rollback_evidence, a_migration_that_fails_may_tell_how_far_it_came) {
  static const struct {
    const char *told, *verdict;
  } rows[] = {{"{\"error\": \"no\", \"schemaVersion\": 10, \"servesFrom\": 8, \"accepts\": [10, 12]}", SAFE},
              {"{\"error\": \"no\", \"schemaVersion\": 11, \"servesFrom\": 11, \"accepts\": [10, 12]}", AHEAD}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    release(IMAGE("v1"), "shop-migrate-1", true, TOLD(10, 8, 8, 10));
    release(IMAGE("v2") ONCE, "shop-migrate-2", false, rows[i].told);
    cr_assert_str_eq(verdict_on(1), rows[i].verdict, "row %zu", i);
    world_done(&w);
    w = (struct world){0};
  }
  world_init(&w, IMAGE("v1"));
}

Test(rollback_evidence, an_image_that_cannot_be_pulled_is_missing) {
  release(IMAGE("v1"), "shop-migrate-1", true, TOLD(10, 8, 8, 10));
  const char *hash = strrchr(w.o.children[RESOURCE_REVISION].items[0]->name, '-') + 1;
  char pod[512];
  (void)snprintf(pod, sizeof pod,
                 "metadata: {name: shop-1, labels: {platform.supernova.com/stack: shop, app.kubernetes.io/component: server}, annotations: "
                 "{platform.supernova.com/content-hash: '%s'}}\n"
                 "status: {phase: Pending, containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: no}}}]}",
                 hash);
  world_put(&w, RESOURCE_POD, pod);
  cr_assert_str_eq(verdict_on(1), "image-missing");
}
