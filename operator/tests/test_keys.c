#include "rotation/keys.h"
#include "world.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW_MS 1760908689588

static struct world w;
static struct keys_view view;

static void begin(void) { world_init(&w, "image: {repository: r, tag: v1}"); }
static void end(void) {
  keys_view_done(&view);
  world_done(&w);
}

TestSuite(keys, .init = begin, .fini = end);

static cJSON *make(void) {
  struct error error = {0};
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  cJSON *manifest = NULL;
  cr_assert_eq(rsa_key_generate(RSA_MIN_BITS, &key, &error), 0, "%s", error.message);
  cr_assert_eq(keys_manifest(w.stack, key, NOW_MS, &manifest, &error), 0, "%s", error.message);
  return manifest;
}

static cJSON *data_of(cJSON *secret) { return cJSON_GetObjectItemCaseSensitive(secret, "data"); }

Test(keys, what_is_made_is_what_is_read) {
  cJSON *secret = make();
  cJSON *metadata = cJSON_GetObjectItemCaseSensitive(secret, "metadata");
  cJSON_AddStringToObject(metadata, "uid", "secret-uid");
  cJSON_AddStringToObject(metadata, "creationTimestamp", "1970-01-01T00:00:09Z");
  cr_assert_str_eq(json_string(metadata, "name", ""), "shop-jwks");
  cr_assert_null(json_get(metadata, "ownerReferences"), "it outlives the stack");
  cr_assert_eq(keys_view_read(&view, secret, NULL), 0);
  cr_assert_eq(view.state, KEYS_READ);
  cr_assert_str_eq(view.signing, "1760908689588");
  cr_assert_null(view.problem);
  cr_assert_str_eq(view.uid, "secret-uid");
  cr_assert_eq(view.created_ms, 9000);
  keys_manifest_done(secret);
  keys_manifest_done(NULL);
}

Test(keys, damage_is_told_in_words_that_hold_no_key) {
  static const struct {
    const char *file, *content; /* NULL: it is gone */
  } damages[] = {{"jwks.json", NULL},     {"signing", NULL},   {"1760908689588.pem", NULL},
                 {"signing", "b3RoZXI="}, {"jwks.json", "!!"}, {"jwks.json", "e30="}};
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    cJSON *secret = make();
    cJSON_DeleteItemFromObjectCaseSensitive(data_of(secret), damages[i].file);
    if (damages[i].content) cJSON_AddStringToObject(data_of(secret), damages[i].file, damages[i].content);
    cr_assert_eq(keys_view_read(&view, secret, NULL), 0);
    cr_assert(view.problem && *view.problem, "row %zu", i);
    cr_assert_null(strstr(view.problem, "PRIVATE"), "%s", view.problem);
    cr_assert_null(view.signing);
    keys_manifest_done(secret);
  }
  cJSON *empty = cJSON_CreateObject();
  cr_assert_eq(keys_view_read(&view, empty, NULL), 0);
  cr_assert_not_null(view.problem);
  cJSON_Delete(empty);
}

Test(keys, verdicts) {
  const struct {
    struct keys_view view;
    const char *reason;
    bool ok, make;
  } rows[] = {
      {{.state = KEYS_UNREAD}, "KeysUnread", false, false},
      {{.state = KEYS_ABSENT}, "KeysMissing", false, true},
      {{.state = KEYS_READ, .problem = (char[]){"damaged"}}, "KeysDamaged", false, false},
      {{.state = KEYS_READ, .signing = (char[]){"1"}}, "KeysReady", true, false},
  };
  struct arena *arena = arena_new(1 << 16);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct observation o = {.stack = w.stack, .keys = &rows[i].view};
    struct keys_verdict verdict = keys_judge(&o, arena);
    cr_assert_str_eq(verdict.reason, rows[i].reason);
    cr_assert(verdict.ok == rows[i].ok && verdict.make == rows[i].make, "%s", rows[i].reason);
  }
  arena_free(arena);
}
