#include "rotation/jwks_phases.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define START_MS 1767225600000

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define HOUR     (60 * (int64_t)MINUTE)
#define INTERVAL (2160 * HOUR)
#define OVERLAP  (168 * HOUR)
#define AHEAD    (10 * (int64_t)MINUTE)

static struct jwks_keys keys;
static struct jwks_question q;

static void begin(void) {
  keys = (struct jwks_keys){.count = 1, .keys = {{.kid = "1", .state = JWKS_SIGNING, .since_ms = START_MS}}};
  q = (struct jwks_question){
      .now_ms = START_MS, .interval_ms = INTERVAL, .overlap_ms = OVERLAP, .ahead_ms = AHEAD, .keys = &keys, .remembered = true};
}

TestSuite(jwks_phases, .init = begin);

/* "publish 1>2; …": each step that is owed now, carried out; never two that sign, never none. */
static const char *run(void) {
  static char said[1024];
  static struct jwks_step step;
  size_t n = 0;
  *said = 0;
  for (int i = 0; i < 20; i++) {
    jwks_step_next(&q, &step);
    if (!step.name) return said;
    n += (size_t)snprintf(said + n, sizeof said - n, "%s%s %s>%s", n ? "; " : "", step.name, step.from, step.to);
    keys = step.after;
    q.remembered = true;
    q.stepped_ms = 0;
    int signing = 0;
    for (size_t k = 0; k < keys.count; k++) signing += keys.keys[k].state == JWKS_SIGNING;
    cr_assert_eq(signing, 1, "%d keys sign after %s", signing, said);
  }
  cr_assert_fail("it never ends: %s", said);
  return said;
}

/* "1 signing, 2 published" */
static const char *world(void) {
  static char text[1024];
  size_t n = 0;
  *text = 0;
  for (size_t i = 0; i < keys.count; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "", keys.keys[i].kid, jwks_state_names[keys.keys[i].state]);
  return text;
}

static int64_t due_ms(void) {
  static struct jwks_step step;
  jwks_step_next(&q, &step);
  return step.at_ms;
}

static bool asks(void) {
  static struct jwks_step step;
  jwks_step_next(&q, &step);
  return step.asks;
}

Test(jwks_phases, one_life_of_a_key_by_time) {
  cr_assert_str_eq(run(), "");
  cr_assert_eq(due_ms(), START_MS + INTERVAL);
  q.now_ms = START_MS + INTERVAL - 1;
  cr_assert_str_eq(run(), "");
  cr_assert_not(asks(), "nobody is asked while nothing waits");

  q.now_ms = START_MS + INTERVAL;
  cr_assert_str_eq(run(), "publish 1>1775001600000");
  cr_assert_str_eq(world(), "1 signing, 1775001600000 published");
  cr_assert(asks());
  q.now_ms += 100 * HOUR;
  cr_assert_str_eq(run(), "", "without evidence time does nothing");

  q.loaded = true;
  cr_assert_str_eq(run(), "public 1775001600000>");
  cr_assert_eq(due_ms(), q.now_ms + AHEAD);
  cr_assert_not(asks(), "time alone is waited for");
  q.now_ms += AHEAD - 1;
  cr_assert_str_eq(run(), "");
  q.now_ms += 1;
  q.loaded = false;
  cr_assert_str_eq(run(), "", "a pod that came meanwhile lacks it");
  cr_assert(asks());
  q.loaded = true;
  cr_assert_str_eq(run(), "promote 1>1775001600000");
  cr_assert_str_eq(world(), "1 retiring, 1775001600000 signing");

  q.now_ms += 1000 * HOUR;
  cr_assert_str_eq(run(), "", "a pod may still sign with it");
  q.signs = true;
  cr_assert_str_eq(run(), "settle 1>1775001600000");
  cr_assert_eq(due_ms(), q.now_ms + OVERLAP);
  q.now_ms += OVERLAP - 1;
  cr_assert_str_eq(run(), "");
  q.now_ms += 1;
  cr_assert_str_eq(run(), "remove 1>");
  cr_assert_str_eq(world(), "1775001600000 signing");
}

Test(jwks_phases, asked_for_and_asked_for_during_another) {
  q.interval_ms = 0;
  q.now_ms += 10000 * HOUR;
  cr_assert_str_eq(run(), "", "never by itself");
  q.replace = "1";
  cr_assert(strstr(run(), "publish 1>"), "%s", world());
  char second[KID_SIZE];
  (void)snprintf(second, sizeof second, "%s", keys.keys[1].kid);
  cr_assert_str_eq(run(), "", "asked for again, while it goes on");
  q.loaded = true;
  run();
  q.now_ms += AHEAD;
  cr_assert(strstr(run(), "promote 1>"));
  q.replace = second;
  cr_assert_str_eq(run(), "", "the next one waits until all sign with the one before");
  q.signs = q.loaded = true;
  cr_assert(strstr(run(), "settle"), "%s", world());
  cr_assert_eq(keys.count, 3, "and comes before the first is removed: %s", world());
  q.now_ms += AHEAD;
  run();
  q.replace = second;
  cr_assert_str_eq(run(), "", "it has been replaced");
}

Test(jwks_phases, a_compromised_key_is_out_at_once) {
  static const struct {
    const char *revoked, *said, *world;
    struct jwks_key second;
  } rows[] = {
      {"1", "revoke 1>1767225600000", "1767225600000 signing", {.kid = ""}},
      {"1", "revoke 1>2", "2 signing", {.kid = "2", .state = JWKS_PUBLISHED, .since_ms = START_MS}},
      {"2", "revoke 2>", "1 signing", {.kid = "2", .state = JWKS_PUBLISHED, .since_ms = START_MS}},
      {"2", "revoke 2>", "1 signing", {.kid = "2", .state = JWKS_RETIRING, .since_ms = START_MS}},
      {"0 1 3", "revoke 1>1767225600000", "2 retiring, 1767225600000 signing", {.kid = "2", .state = JWKS_RETIRING, .since_ms = START_MS}},
      {"1 2", "revoke 1>1767225600000", "1767225600000 signing", {.kid = "2", .state = JWKS_PUBLISHED, .since_ms = START_MS}},
      {"3 11 12", "", "1 signing", {.kid = ""}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    begin();
    if (*rows[i].second.kid) keys.keys[keys.count++] = rows[i].second;
    q.revoked = rows[i].revoked;
    q.remembered = i % 2; /* whatever else is owed, it comes first */
    static struct jwks_step step;
    jwks_step_next(&q, &step);
    if (!*rows[i].said) {
      cr_assert(!step.name || strcmp(step.name, "revoke") != 0, "row %zu", i);
      continue;
    }
    char said[2 * KID_SIZE + 16];
    (void)snprintf(said, sizeof said, "%s %s>%s", step.name, step.from, step.to);
    cr_assert_str_eq(said, rows[i].said, "row %zu", i);
    keys = step.after;
    cr_assert_str_eq(world(), rows[i].world, "row %zu", i);
    cr_assert_eq(keys.urgent_ms, START_MS);
  }
}

Test(jwks_phases, a_clock_that_is_set_moves_what_waits) {
  static const int64_t steps[] = {365 * 24 * HOUR, -365 * 24 * HOUR, 2 * HOUR, -2 * HOUR};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    begin();
    keys.keys[keys.count++] = (struct jwks_key){.kid = "2", .state = JWKS_RETIRING, .since_ms = START_MS, .until_ms = START_MS + OVERLAP};
    q.interval_ms = 0;
    q.now_ms = START_MS + HOUR + steps[i];
    q.stepped_ms = steps[i];
    cr_assert_str_eq(run(), "clock 1>");
    cr_assert_eq(due_ms(), START_MS + OVERLAP + steps[i], "row %zu: it verifies as long as before", i);
  }
}

Test(jwks_phases, a_revocation_leaves_the_clock_to_the_next_step) {
  static struct jwks_step step;
  keys.keys[keys.count++] = (struct jwks_key){.kid = "2", .state = JWKS_RETIRING, .since_ms = START_MS, .until_ms = START_MS + OVERLAP};
  q.now_ms = START_MS + 365 * 24 * HOUR;
  q.stepped_ms = 365 * 24 * HOUR;
  q.revoked = "1";
  jwks_step_next(&q, &step);
  cr_assert_str_eq(step.name, "revoke");
  cr_assert_not(step.minded_clock);
  keys = step.after;
  jwks_step_next(&q, &step);
  cr_assert_str_eq(step.name, "clock");
  cr_assert(step.minded_clock);
  cr_assert_eq(step.after.keys[0].until_ms, START_MS + OVERLAP + 365 * 24 * HOUR);
}

Test(jwks_phases, a_clock_that_was_set_unseen) {
  keys.keys[keys.count++] = (struct jwks_key){.kid = "2", .state = JWKS_RETIRING, .since_ms = START_MS, .until_ms = START_MS + OVERLAP};
  q.now_ms = START_MS - 365 * 24 * HOUR;
  cr_assert_str_eq(run(), "clock 1>", "times that lie ahead are no times");
  cr_assert_eq(due_ms(), q.now_ms + OVERLAP);
  begin();
  q.now_ms = START_MS - MINUTE;
  cr_assert_str_eq(run(), "", "a little ahead is nothing");
  begin();
  q.now_ms = START_MS - 365 * 24 * HOUR;
  q.replace = "1";
  cr_assert_str_eq(run(), "clock 1>; publish 1>1735689600000", "kids are new, whatever the clock says");
}

Test(jwks_phases, a_kid_is_never_used_twice) {
  (void)snprintf(keys.keys[0].kid, KID_SIZE, "%lld", (long long)START_MS + 5);
  q.replace = keys.keys[0].kid;
  q.revoked = "1767225600006";
  cr_assert_str_eq(run(), "publish 1767225600005>1767225600007");
}

Test(jwks_phases, what_people_made_is_adopted_first) {
  keys.keys[keys.count++] = (struct jwks_key){.kid = "0", .state = JWKS_RETIRING, .since_ms = START_MS};
  q.remembered = false;
  cr_assert_str_eq(run(), "adopt 1>");
  cr_assert(asks(), "a pod may still sign with what is no longer said to sign");
}

Test(jwks_phases, a_set_is_bounded) {
  while (keys.count < JWKS_KEYS_MOST) {
    struct jwks_key *key = &keys.keys[keys.count++];
    *key = (struct jwks_key){.state = JWKS_RETIRING, .since_ms = START_MS, .until_ms = START_MS + OVERLAP};
    (void)snprintf(key->kid, KID_SIZE, "old-%zu", keys.count);
  }
  q.replace = "1";
  cr_assert_str_eq(run(), "");
  q.now_ms += OVERLAP;
  cr_assert(strstr(run(), "remove old-2"), "%s", world());
}

Test(jwks_phases, words_of_a_list) {
  cr_assert(jwks_is_listed("1 22 3", "22"));
  cr_assert(jwks_is_listed("1", "1"));
  cr_assert_not(jwks_is_listed("1 22 3", "2"));
  cr_assert_not(jwks_is_listed("1 22 3", "222"));
  cr_assert_not(jwks_is_listed("", "1"));
  cr_assert_not(jwks_is_listed(NULL, "1"));
}
