#include "release/history_told.h"

#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct world w;

static void end(void) { world_done(&w); }

TestSuite(history_told, .fini = end);

static void release(const char *spec, const char *job, const char *told) {
  w.o.now_ms += 60000;
  world_spec(&w, spec);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  if (job) world_job_ends(&w, job, told != NULL, told ? 0 : 65, told ? told : "no");
  world_settle(&w);
}

static const char *entry(int place, const char *field) {
  static char number[24];
  const cJSON *item = cJSON_GetArrayItem(json_get(w.plan.status, "history"), place), *value = json_member(item, field);
  if (!cJSON_IsNumber(value)) return json_string(value, "", "");
  (void)snprintf(number, sizeof number, "%lld", (long long)json_int(value, "", 0));
  return number;
}

#define IMAGE(tag)                   "image: {repository: r, tag: " tag "}\nreplicas: 2\n"
#define TOLD(schema, from, min, max) "{\"schemaVersion\": " #schema ", \"servesFrom\": " #from ", \"accepts\": [" #min ", " #max "]}"

/* The newest first, each with all that is known of it. */
Test(history_told, every_revision_says_what_became_of_it_and_whether_it_could_serve_again) {
  static const struct {
    const char *revision, *image, *schema, *state, *rollback;
  } rows[] = {{"4", "r:v4", "", "Failed", "unknown"},
              {"3", "r:v3", "12", "Deployed", "unknown"},
              {"2", "r:v2", "11", "Superseded", "unknown"},
              {"1", "r:v1", "10", "Superseded", "schema-ahead"}};
  world_init(&w, IMAGE("v1"));
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  release(IMAGE("v1"), "shop-migrate-1", TOLD(10, 8, 8, 10));
  release(IMAGE("v2"), "shop-migrate-2", TOLD(11, 10, 9, 11));
  release(IMAGE("v3"), "shop-migrate-3", TOLD(12, 11, 10, 12));
  cr_assert_str_eq(entry(0, "rollback"), "safe");
  cr_assert_str_eq(entry(1, "rollback"), "safe");
  cr_assert_str_eq(entry(1, "deployedAt"), "2026-01-01T00:02:00Z");
  release(IMAGE("v4") "migrations: {retry: {exponential: {enabled: false}}}\n", "shop-migrate-4", NULL);
  for (int i = 0; i < (int)ELEMENTS(rows); i++) {
    cr_assert_str_eq(entry(i, "revision"), rows[i].revision);
    cr_assert_str_eq(entry(i, "image"), rows[i].image);
    cr_assert_str_eq(entry(i, "schemaVersion"), rows[i].schema, "revision %s", rows[i].revision);
    cr_assert_str_eq(entry(i, "state"), rows[i].state, "revision %s", rows[i].revision);
    cr_assert_str_eq(entry(i, "rollback"), rows[i].rollback, "revision %s", rows[i].revision);
    cr_assert_eq(strlen(entry(i, "configHash")), 10);
  }
  cr_assert_eq(cJSON_GetArraySize(json_get(w.plan.status, "history")), ELEMENTS(rows));
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "", "an idle stack costs no write");
}

Test(history_told, a_key_that_is_gone_makes_every_revision_unfit) {
  world_init(&w, IMAGE("v1"));
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_secret(&w, "DATABASE_URL", NULL);
  world_settle(&w);
  cr_assert_str_eq(entry(0, "rollback"), "secret-gone");
}

Test(history_told, what_gave_way_before_it_was_deployed_is_abandoned) {
  world_init(&w, IMAGE("v1"));
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  cr_assert_str_eq(entry(0, "state"), "Releasing");
  world_spec(&w, IMAGE("v2"));
  world_settle(&w);
  cr_assert_str_eq(entry(0, "state"), "Releasing");
  cr_assert_str_eq(entry(1, "state"), "Abandoned");
}
