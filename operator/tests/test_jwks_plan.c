#include "rotation/jwks_plan.h"
#include "stack/conditions.h"
#include "world.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC "image: {repository: r, tag: v1}\nreplicas: 2\nmigrations: {enabled: false}\n"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct world w;

static void install(void) {
  world_init(&w, SPEC);
  world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Ready");
}

static void end(void) { world_done(&w); }

TestSuite(jwks_plan, .init = install, .fini = end);

static void command(const char *value) {
  char at[RFC3339_SIZE];
  format_rfc3339(w.o.now_ms, at);
  world_annotate(&w, STACK_GROUP "/rotate", value, at);
}

static const char *words(void) {
  const cJSON *condition = condition_find(json_get(w.stack->status, "conditions"), "KeysReady");
  cr_assert_str_eq(json_string(condition, "status", ""), "True");
  return json_string(condition, "message", "");
}

static const char *status_keys(void) {
  static char text[512];
  size_t n = 0;
  const cJSON *item;
  *text = 0;
  cJSON_ArrayForEach(item, json_get(w.stack->status, "keys.items")) n +=
      (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "", json_string(item, "kid", ""), json_string(item, "state", ""));
  return text;
}

/* Every pod says that it has these keys, the first of which signs. */
static void pods_say(const char *signs, const char *other) {
  struct reading *r = &w.said.reading;
  r->workers = 2;
  r->key_count = other ? 2 : 1;
  (void)snprintf(r->keys[0].kid, READING_KID_SIZE, "%s", signs);
  (void)snprintf(r->keys[1].kid, READING_KID_SIZE, "%s", other ? other : "");
  r->keys[0].loaded = r->keys[0].signs = r->keys[1].loaded = 2;
  r->keys[1].signs = 0;
  looks_done(&w.looks);
}

#define FIRST      "1767225600000"
#define SECOND_KID "1767225600001"

Test(jwks_plan, an_idle_stack_asks_nothing_and_writes_nothing) {
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  cr_assert_eq(w.plan.look_count, 0);
  cr_assert_str_eq(status_keys(), FIRST " signing");
  cr_assert_str_eq(words(), "key " FIRST " signs");
}

Test(jwks_plan, a_rotation_by_command_with_evidence_from_the_pods) {
  pods_say(FIRST, NULL);
  command("jwks;id=1;by=alice");
  world_settle(&w);
  cr_assert_str_eq(status_keys(), SECOND_KID " published, " FIRST " signing");
  cr_assert_eq(w.plan.look_count, 2, "both pods are asked");
  cr_assert_eq(w.plan.look_again_ms, 2000);
  cr_assert(strstr(words(), "waits: pod shop-new-0 has not loaded it yet"), "%s", words());
  cr_assert_str_eq(world_phase(&w), "Ready", "a rotation is no release");

  pods_say(FIRST, SECOND_KID);
  world_settle(&w);
  cr_assert(strstr(words(), "is published and signs from 2026-01-01T00:10:00Z"), "%s", words());
  w.o.now_ms += 10 * MINUTE;
  world_settle(&w);
  cr_assert_str_eq(status_keys(), SECOND_KID " signing, " FIRST " retiring");
  cr_assert(strstr(words(), "verifies until every pod signs with its successor: pod shop-new-0 does not sign with it yet"), "%s", words());

  pods_say(SECOND_KID, FIRST);
  world_settle(&w);
  cr_assert(strstr(words(), "key " FIRST " verifies until 2026-01-08T00:10:00Z"), "%s", words());
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
  w.o.now_ms += 7 * 24 * 60 * (int64_t)MINUTE;
  world_settle(&w);
  cr_assert_str_eq(status_keys(), SECOND_KID " signing");
}

/* A look takes so many; the others are asked once these have answered. */
Test(jwks_plan, more_pods_than_one_look_takes_are_all_heard) {
  world_spec(&w, "image: {repository: r, tag: v1}\nreplicas: 50\nmigrations: {enabled: false}\n");
  world_settle(&w);
  world_pods_ready(&w);
  world_settle(&w);
  pods_say(FIRST, SECOND_KID);
  command("jwks;id=1;by=alice");
  world_plan(&w);
  world_carry_out(&w);
  world_plan(&w);
  world_carry_out(&w);
  world_plan(&w);
  cr_assert_eq(w.plan.look_count, LOOKS_MAX);
  world_settle(&w);
  cr_assert(strstr(words(), "is published and signs from"), "%s", words());
}

Test(jwks_plan, missing_evidence_is_waited_for_by_name) {
  static const struct {
    const char *unread;
    double loaded;
    size_t keys;
    const char *words;
  } rows[] = {
      {"GET /metrics: status 503", 0, 0, "pod shop-new-0 can't be asked for its keys: GET /metrics: status 503"},
      {"", 1, 2, "pod shop-new-0 has not loaded it yet"}, /* one of two workers */
      {"", 0, 0, "pod shop-new-0 tells nothing of its keys"},
  };
  command("jwks;id=1;by=alice");
  world_settle(&w);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    pods_say(FIRST, SECOND_KID);
    w.said.read = !*rows[i].unread;
    (void)snprintf(w.said.unread, sizeof w.said.unread, "%s", rows[i].unread);
    w.said.reading.key_count = rows[i].keys;
    w.said.reading.keys[1].loaded = rows[i].loaded;
    world_settle(&w);
    cr_assert(strstr(words(), rows[i].words), "row %zu: %s", i, words());
    cr_assert_str_eq(status_keys(), SECOND_KID " published, " FIRST " signing");
  }
  w.said.read = true;
  *w.said.unread = 0;
  pods_say(FIRST, SECOND_KID);
  world_new_pods(&w, 2, 0);
  world_settle(&w);
  cr_assert(strstr(words(), "no pod is ready"), "%s", words());
}

Test(jwks_plan, a_compromised_key_goes_and_every_pod_is_told) {
  command("jwks/revoke=" FIRST ";id=1;by=alice;reason=found in a log");
  world_plan(&w);
  cr_assert_str_eq(w.plan.actions[0].event.reason, "RevocationRequested");
  world_carry_out(&w);
  world_plan(&w);
  cr_assert(strstr(world_says(&w), "key Secret shop-jwks"), "%s", world_says(&w));
  world_carry_out(&w);
  world_plan(&w);
  cr_assert(strstr(world_says(&w), "merge Pod shop-new-0; merge Pod shop-new-1"), "%s", world_says(&w));
  world_settle(&w);
  cr_assert_str_eq(status_keys(), SECOND_KID " signing");
  world_plan(&w);
  cr_assert_str_eq(world_says(&w), "");
}

Test(jwks_plan, what_it_can_t_do_is_refused_in_words) {
  static const struct {
    const char *value, *words;
  } rows[] = {
      {"keys;id=1", "its value is neither jwks nor jwks/revoke=<kid>"},
      {"jwks/revoke=;id=2", "there is no key \"\""},
      {"jwks/revoke=17;id=3", "there is no key \"17\"; the one that signs is " FIRST},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    command(rows[i].value);
    world_plan(&w);
    cr_assert_str_eq(w.plan.actions[0].event.reason, "CommandRefused");
    cr_assert(strstr(w.plan.actions[0].event.note, rows[i].words), "%s", w.plan.actions[0].event.note);
    world_settle(&w);
    cr_assert_str_eq(status_keys(), FIRST " signing");
  }
  w.keys.kept_by = strdup("Helm");
  command("jwks;id=4");
  world_plan(&w);
  cr_assert(strstr(w.plan.actions[0].event.note, "written by others (Helm)"), "%s", w.plan.actions[0].event.note);
  world_settle(&w);
  cr_assert(strstr(words(), "it is not rotated here"), "%s", words());
}

Test(jwks_plan, a_key_is_due_by_its_age) {
  world_spec(&w, SPEC "jwks: {rotationInterval: 2160h}");
  world_settle(&w);
  cr_assert_eq(w.plan.look_again_ms, 6 * 60 * MINUTE, "a clock that is set is noticed by then");
  w.o.now_ms += 2160 * 60 * (int64_t)MINUTE;
  pods_say(FIRST, NULL);
  world_settle(&w);
  cr_assert(strstr(status_keys(), " published, " FIRST " signing"), "%s", status_keys());
}

Test(jwks_plan, a_release_that_waits_holds_no_revocation_up) {
  world_secret(&w, "REDIS_URL", NULL);
  world_settle(&w);
  cr_assert_str_eq(world_phase(&w), "Blocked");
  command("jwks/revoke=" FIRST ";id=1;by=alice;reason=found in a log");
  world_settle(&w);
  cr_assert_str_eq(status_keys(), SECOND_KID " signing");
}

Test(jwks_plan, a_damaged_secret_is_told_of_and_left_alone_while_the_pods_go_on) {
  static const char *const rotating[] = {"0h", "2160h"};
  for (size_t i = 0; i < sizeof rotating / sizeof *rotating; i++) {
    char spec[160];
    (void)snprintf(spec, sizeof spec, SPEC "jwks: {rotationInterval: %s}", rotating[i]);
    world_spec(&w, spec);
    free(w.keys.problem);
    w.keys.problem = strdup("1.pem does not match its public half in jwks.json");
    w.o.now_ms += 3000 * 60 * (int64_t)MINUTE;
    world_settle(&w);
    const cJSON *condition = condition_find(json_get(w.stack->status, "conditions"), "KeysReady");
    cr_assert_str_eq(json_string(condition, "reason", ""), "KeysDamaged");
    cr_assert(strstr(json_string(condition, "message", ""), "1.pem does not match its public half in jwks.json; mend it, or delete it"));
    cr_assert_str_eq(status_keys(), FIRST " signing", "the pods go on with what it held");
    cr_assert_not_null(world_object(&w, RESOURCE_DEPLOYMENT, "shop"));
    command(i ? "jwks;id=2" : "jwks;id=1");
    world_plan(&w);
    cr_assert(strstr(w.plan.actions[0].event.note, "the keys can't be read"), "%s", w.plan.actions[0].event.note);
    world_carry_out(&w);
    world_settle(&w);
    w.o.now_ms += MINUTE;
  }
}
