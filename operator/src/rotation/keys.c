#include "rotation/keys.h"

#include "base/clock.h"
#include "codec/base64.h"
#include "crypto/keyring.h"
#include "render/render.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 * 1024 };

void keys_view_done(struct keys_view *view) {
  free(view->uid);
  free(view->problem);
  free(view->signing);
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

int keys_view_read(struct keys_view *view, const cJSON *secret, struct error *error) {
  struct keys_view read = {.state = KEYS_READ};
  struct error damage = {0};
  _cleanup_(keyring_files_freep) cJSON *files = decode_files(secret, &damage);
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  if (!files || keyring_parse(files, &ring, &damage) < 0) read.problem = strdup(damage.message);
  if (ring) read.signing = strdup(ring->signing_kid);
  read.uid = strdup(json_string(secret, "metadata.uid", ""));
  if (!read.uid || (!read.problem && !read.signing)) return keys_view_done(&read), error_oom(error);
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

void keys_manifest_done(cJSON *manifest) { render_secret_free(manifest); }
