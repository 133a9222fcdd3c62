#include "rotation/keys.h"

#include "base/clock.h"
#include "codec/base64.h"
#include "crypto/keyring.h"
#include "render/render.h"
#include "rotation/jwks_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 * 1024, SET_MAX_BYTES = 256 * 1024 };

void keys_view_done(struct keys_view *view) {
  free(view->uid);
  free(view->problem);
  free(view->signing);
  free(view->resource_version);
  free(view->set);
  free(view->memory);
  free(view->kept_by);
  cJSON_Delete(view->kids);
  *view = (struct keys_view){0};
}

void keys_view_set_absent(struct keys_view *view) {
  keys_view_done(view);
  view->state = KEYS_ABSENT;
}

static int decode_file(cJSON *files, const cJSON *item) {
  struct buffer content;
  buffer_init_secret(&content, FILE_MAX_BYTES);
  int result = -1;
  if (cJSON_IsString(item) && base64_decode(item->valuestring, strlen(item->valuestring), &content) == 0 &&
      content.len == strlen(buffer_text(&content)))
    result = cJSON_AddStringToObject(files, item->string, buffer_text(&content)) ? 0 : -1;
  buffer_done_secret(&content);
  return result;
}

/* File name to content, decoded. The caller owns it (keyring_files_free). */
static cJSON *decode_files(const cJSON *secret, struct error *error) {
  _cleanup_(keyring_files_freep) cJSON *files = cJSON_CreateObject();
  const cJSON *item;
  cJSON_ArrayForEach(item, json_get(secret, "data")) {
    if (decode_file(files, item) < 0) {
      (void)error_set(error, ERROR_INVALID, "%s is not text, or too long", item->string);
      return NULL;
    }
  }
  return TAKE(files);
}

/* What says that somebody else writes the Secret again: a rotation would be undone, and keys with it. */
static const char *keeper(const cJSON *secret) {
  static const struct {
    const char *in, *name, *who;
  } marks[] = {
      {"metadata.annotations", "meta.helm.sh/release-name", "Helm"}, {"metadata.annotations", "argocd.argoproj.io/tracking-id", "Argo CD"},
      {"metadata.labels", "argocd.argoproj.io/instance", "Argo CD"}, {"metadata.labels", "kustomize.toolkit.fluxcd.io/name", "Flux"},
      {"metadata.labels", "helm.toolkit.fluxcd.io/name", "Flux"},
  };
  const cJSON *owner = cJSON_GetArrayItem(json_get(secret, "metadata.ownerReferences"), 0);
  if (owner) return json_string(owner, "kind", "its owner");
  for (size_t i = 0; i < ELEMENTS(marks); i++)
    if (json_member(json_get(secret, marks[i].in), marks[i].name)) return marks[i].who;
  return json_bool(secret, "immutable", false) ? "nobody: it is immutable" : NULL;
}

static cJSON *kids_of(const struct keyring *ring, const cJSON *files) {
  cJSON *kids = cJSON_CreateObject();
  for (size_t i = 0; i < jwks_count(ring->keys); i++) {
    char pem[KID_SIZE + 8];
    (void)snprintf(pem, sizeof pem, "%s.pem", jwks_kid(ring->keys, i));
    cJSON_AddBoolToObject(kids, jwks_kid(ring->keys, i), json_member(files, pem) != NULL);
  }
  return kids;
}

static char *copy(const char *text) { return text ? strdup(text) : NULL; }

static void read_ring(struct keys_view *view, const cJSON *secret, const cJSON *files, const struct keyring *ring) {
  view->signing = strdup(ring->signing_kid);
  view->kids = kids_of(ring, files);
  view->set = copy(cJSON_GetStringValue(json_member(files, "jwks.json")));
  view->memory = copy(cJSON_GetStringValue(json_member(json_get(secret, "metadata.annotations"), ANNOTATION_KEYS)));
  view->kept_by = copy(keeper(secret));
}

int keys_view_read(struct keys_view *view, const cJSON *secret, struct error *error) {
  struct keys_view read = {.state = KEYS_READ};
  struct error damage = {0};
  _cleanup_(keyring_files_freep) cJSON *files = decode_files(secret, &damage);
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  if (!files || keyring_parse(files, &ring, &damage) < 0) read.problem = strdup(damage.message);
  if (ring) read_ring(&read, secret, files, ring);
  read.resource_version = strdup(json_string(secret, "metadata.resourceVersion", ""));
  read.uid = strdup(json_string(secret, "metadata.uid", ""));
  if (!read.uid || !read.resource_version || (!read.problem && !(read.signing && read.kids && read.set)))
    return keys_view_done(&read), error_oom(error);
  if (parse_rfc3339(json_string(secret, "metadata.creationTimestamp", NULL), &read.created_ms) < 0) read.created_ms = 0;
  keys_view_done(view);
  *view = read;
  return 0;
}

struct keys_verdict keys_judge(const struct observation *o, struct arena *arena) {
  char name[64];
  stack_jwks_secret_name(o->stack, name);
  const char *had = json_string(o->stack->status, "keys.signing", NULL);
  switch (o->keys->state) {
    case KEYS_UNREAD:
      return (struct keys_verdict){false, false, "KeysUnread",
                                   arena_printf(arena, "Secret %s/%s could not be read yet", o->stack->namespace, name)};
    case KEYS_ABSENT: {
      const char *lost =
          had ? arena_printf(arena,
                             "Secret %s/%s with the signing key %s is gone: a new key is made, and tokens of the old one are refused",
                             o->stack->namespace, name, had)
              : "the first signing key is being made";
      return (struct keys_verdict){false, true, had ? "KeysLost" : "KeysMissing", lost};
    }
    case KEYS_READ: break;
  }
  if (o->keys->problem)
    return (struct keys_verdict){
        false, false, "KeysDamaged",
        arena_printf(arena, "Secret %s/%s: %s; mend it, or delete it to have a new key made", o->stack->namespace, name, o->keys->problem)};
  return (struct keys_verdict){true, false, "KeysReady", arena_printf(arena, "key %s signs", o->keys->signing)};
}

int keys_manifest(const struct stack *stack, const struct rsa_key *key, int64_t now_ms, cJSON **ret, struct error *error) {
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  char kid[KID_SIZE];
  key_new_kid(now_ms, kid);
  if (keyring_make(key, kid, &files, error) < 0) return error_wrap(error, "write a signing key");
  cJSON *manifest = render_jwks_secret(stack, files);
  if (!manifest) return error_oom(error);
  *ret = manifest;
  return 0;
}

/* The files of the new key alone, with the set that the patch has in place of its own. */
static int join_sets(cJSON *data, const cJSON *files, struct error *error) {
  const char *before = json_string(json_member(data, "jwks.json"), "", ""), *fresh = json_string(json_member(files, "jwks.json"), "", "");
  _cleanup_(json_freep) cJSON *set = NULL, *own = NULL;
  _cleanup_buffer_ struct buffer text, encoded;
  buffer_init(&text, SET_MAX_BYTES);
  buffer_init(&encoded, SET_MAX_BYTES);
  if (base64_decode(before, strlen(before), &text) < 0) return error_set(error, ERROR_BUG, "the patch of the key set can't be read");
  if (json_parse(buffer_text(&text), text.len, &json_limits_request, &set, error) < 0) return -1;
  if (json_parse(fresh, strlen(fresh), &json_limits_request, &own, error) < 0) return -1;
  cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(set, "keys"),
                       cJSON_DetachItemFromArray(cJSON_GetObjectItemCaseSensitive(own, "keys"), 0));
  buffer_clear(&text);
  json_print(set, &text);
  base64_encode(buffer_text(&text), text.len, &encoded);
  if (text.failed || encoded.failed) return error_oom(error);
  cJSON_ReplaceItemInObjectCaseSensitive(data, "jwks.json", cJSON_CreateString(buffer_text(&encoded)));
  return 0;
}

int keys_patch_complete(cJSON *patch, const char *kid, const struct rsa_key *key, struct error *error) {
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  cJSON *data = cJSON_GetObjectItemCaseSensitive(patch, "data");
  char pem[KID_SIZE + 8];
  if (keyring_make(key, kid, &files, error) < 0) return error_wrap(error, "write a signing key");
  if (join_sets(data, files, error) < 0) return -1;
  (void)snprintf(pem, sizeof pem, "%s.pem", kid);
  _cleanup_(buffer_done_secret) struct buffer text;
  buffer_init_secret(&text, FILE_MAX_BYTES);
  const char *private = json_string(json_member(files, pem), "", "");
  base64_encode(private, strlen(private), &text);
  return cJSON_AddStringToObject(data, pem, buffer_text(&text)) ? 0 : error_oom(error);
}

void keys_manifest_done(cJSON *manifest) { render_secret_free(manifest); }
