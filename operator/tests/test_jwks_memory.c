#include "rotation/jwks_memory.h"
#include "rotation/keys.h"
#include "world.h"

#include "codec/base64.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW_MS 1767225600000

static struct world w;
static struct keys_view view;
static cJSON *secret;
static struct jwks_keys keys;

static struct rsa_key *new_key(void) {
  struct rsa_key *key = NULL;
  struct error error = {0};
  cr_assert_eq(rsa_key_generate(RSA_MIN_BITS, &key, &error), 0, "%s", error.message);
  return key;
}

static void begin(void) {
  world_init(&w, "image: {repository: r, tag: v1}");
  _cleanup_(rsa_key_freep) struct rsa_key *key = new_key();
  cr_assert_eq(keys_manifest(w.stack, key, 1000, &secret, NULL), 0);
  cJSON *metadata = cJSON_GetObjectItemCaseSensitive(secret, "metadata");
  cJSON_AddStringToObject(metadata, "uid", "u");
  cJSON_AddStringToObject(metadata, "resourceVersion", "7");
  cJSON_AddStringToObject(metadata, "creationTimestamp", "2025-12-01T00:00:00Z");
}

static void end(void) {
  keys_view_done(&view);
  keys_manifest_done(secret);
  world_done(&w);
}

TestSuite(jwks_memory, .init = begin, .fini = end);

static bool read_secret(void) {
  cr_assert_eq(keys_view_read(&view, secret, NULL), 0);
  cr_assert_null(view.problem, "%s", view.problem);
  return jwks_memory_read(&view, NOW_MS, &keys);
}

/* JSON merge patch (RFC 7396), of maps of texts two levels down. */
static void patch_map(const char *path, const cJSON *patch) {
  cJSON *into = (cJSON *)json_get(secret, path);
  const cJSON *member;
  cJSON_ArrayForEach(member, json_get(patch, path)) {
    cJSON_DeleteItemFromObjectCaseSensitive(into, member->string);
    if (!cJSON_IsNull(member)) cJSON_AddItemToObject(into, member->string, cJSON_Duplicate(member, true));
  }
}

/* One step, written to the Secret as the API server would. */
static const char *step(struct jwks_question q) {
  static struct jwks_step next;
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  q.remembered = read_secret();
  q.now_ms = q.now_ms ? q.now_ms : NOW_MS;
  q.keys = &keys;
  jwks_step_next(&q, &next);
  if (!next.name) return "";
  cJSON *patch = jwks_memory_patch(&view, &next);
  cr_assert_str_eq(json_string(patch, "metadata.resourceVersion", ""), "7", "at the version that was seen");
  if (next.makes) {
    struct error error = {0};
    key = new_key();
    cr_assert_eq(keys_patch_complete(patch, next.after.keys[next.after.count - 1].kid, key, &error), 0, "%s", error.message);
  }
  patch_map("data", patch);
  patch_map("metadata.annotations", patch);
  keys_manifest_done(patch);
  cr_assert(read_secret(), "%s is remembered", next.name);
  return next.name;
}

static const char *files(void) {
  static char text[512];
  size_t n = 0;
  const cJSON *file;
  *text = 0;
  cJSON_ArrayForEach(file, json_get(secret, "data")) {
    if (strstr(file->string, ".pem")) n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", file->string);
  }
  return text;
}

Test(jwks_memory, a_key_that_was_never_rotated_needs_none) {
  cr_assert(read_secret());
  cr_assert_eq(keys.count, 1);
  cr_assert_eq(keys.keys[0].state, JWKS_SIGNING);
  cr_assert_eq(keys.keys[0].since_ms, view.created_ms);
}

Test(jwks_memory, the_secret_through_a_rotation) {
  const struct jwks_question asked = {.replace = "1000", .overlap_ms = 60000, .loaded = true, .signs = true};
  cr_assert_str_eq(step(asked), "publish");
  cr_assert_str_eq(files(), "1000.pem 1767225600000.pem");
  cr_assert_str_eq(view.signing, "1000");
  cr_assert_str_eq(step(asked), "public");
  cr_assert_str_eq(step(asked), "promote");
  cr_assert_str_eq(view.signing, "1767225600000");
  cr_assert_str_eq(files(), "1767225600000.pem", "the private half went in the same write");
  cr_assert_eq(cJSON_GetArraySize(view.kids), 2, "it still verifies");
  cr_assert_str_eq(step(asked), "settle");
  cr_assert_str_eq(step(asked), "");
  struct jwks_question later = asked;
  later.now_ms = NOW_MS + 60000;
  cr_assert_str_eq(step(later), "remove");
  cr_assert_eq(cJSON_GetArraySize(view.kids), 1);
  cr_assert_str_eq(step(later), "");
}

Test(jwks_memory, the_secret_after_a_revocation) {
  cr_assert_str_eq(step((struct jwks_question){.revoked = "1000"}), "revoke");
  cr_assert_str_eq(view.signing, "1767225600000");
  cr_assert_str_eq(files(), "1767225600000.pem");
  cr_assert_eq(cJSON_GetArraySize(view.kids), 1);
  cr_assert_eq(keys.urgent_ms, NOW_MS);
}

/* Somebody makes another signing key beside the one that is there, as gen-jwks does in a folder. */
Test(jwks_memory, keys_that_people_made_are_adopted_and_old_private_halves_go) {
  cr_assert_str_eq(step((struct jwks_question){.replace = "1000"}), "publish");
  cJSON_DeleteItemFromObjectCaseSensitive((cJSON *)json_get(secret, "metadata.annotations"), ANNOTATION_KEYS);
  cr_assert_str_eq(step((struct jwks_question){.overlap_ms = 1}), "adopt");
  cr_assert_str_eq(files(), "1000.pem");
  const struct jwks_key *other = jwks_find(&keys, "1767225600000");
  cr_assert_eq(other->state, JWKS_RETIRING);
  cr_assert_eq(other->until_ms, 0);
}

Test(jwks_memory, what_others_put_into_the_set_stays) {
  cr_assert(read_secret());
  cJSON *set = cJSON_Parse(view.set), *theirs = cJSON_Parse("{\"kty\":\"EC\",\"kid\":\"theirs\",\"crv\":\"P-256\"}");
  struct buffer text, encoded;
  cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(set, "keys"), theirs);
  buffer_init(&text, 65536);
  buffer_init(&encoded, 65536);
  json_print(set, &text);
  base64_encode(buffer_text(&text), text.len, &encoded);
  cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(secret, "data"), "jwks.json",
                                         cJSON_CreateString(buffer_text(&encoded)));
  buffer_done(&text);
  buffer_done(&encoded);
  cJSON_Delete(set);
  cr_assert_str_eq(step((struct jwks_question){.revoked = "1000"}), "revoke");
  cr_assert(strstr(view.set, "theirs"), "%s", view.set);
  cr_assert_null(strstr(view.set, "\"1000\""));
}

Test(jwks_memory, a_memory_that_can_t_be_read_is_none) {
  cJSON *annotations = (cJSON *)json_get(secret, "metadata.annotations");
  static const char *const texts[] = {"",
                                      "x",
                                      "[]",
                                      "{\"keys\":{}}",
                                      "{\"keys\":[{\"kid\":\"9\",\"state\":\"signing\"}]}",
                                      "{\"keys\":[{\"kid\":\"1000\",\"state\":\"retiring\",\"since\":\"2026-01-01T00:00:00Z\"}]}",
                                      "{\"keys\":[{\"kid\":\"1000\",\"state\":\"signing\"}]}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cJSON_DeleteItemFromObjectCaseSensitive(annotations, ANNOTATION_KEYS);
    cJSON_AddStringToObject(annotations, ANNOTATION_KEYS, texts[i]);
    cr_assert_not(read_secret(), "%s", texts[i]);
    cr_assert_eq(keys.keys[0].state, JWKS_SIGNING, "%s", texts[i]);
    cr_assert_str_eq(step((struct jwks_question){0}), "adopt", "%s", texts[i]);
    cr_assert(read_secret());
  }
}

Test(jwks_memory, who_else_writes_it) {
  static const struct {
    const char *in, *name, *who;
  } rows[] = {{"annotations", "meta.helm.sh/release-name", "Helm"},
              {"annotations", "argocd.argoproj.io/tracking-id", "Argo CD"},
              {"labels", "kustomize.toolkit.fluxcd.io/name", "Flux"}};
  cr_assert(read_secret());
  cr_assert_null(view.kept_by);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cJSON *map = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(secret, "metadata"), rows[i].in);
    cJSON_AddStringToObject(map, rows[i].name, "x");
    (void)read_secret();
    cr_assert_str_eq(view.kept_by, rows[i].who);
    cJSON_DeleteItemFromObjectCaseSensitive(map, rows[i].name);
  }
}
