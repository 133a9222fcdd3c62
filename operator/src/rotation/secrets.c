#include "rotation/secrets.h"

#include "codec/base64.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

enum { SECRET_MAX_BYTES = 1 << 20 /* Kubernetes' own bound for a Secret */ };

void secret_view_done(struct secret_view *view) {
  free(view->keys);
  *view = (struct secret_view){0};
}

void secret_view_set_absent(struct secret_view *view) {
  secret_view_done(view);
  view->state = SECRET_ABSENT;
}

void database_identity(const char *url, struct buffer *to) {
  const char *scheme = strstr(url, "://");
  if (scheme) {
    const char *start = scheme + 3, *at = start + strcspn(start, "?");
    while (at > start && at[-1] != '@') at--;
    buffer_append(to, at, strcspn(at, "?"));
    return;
  }
  static const char *const kept[] = {"host=", "hostaddr=", "port=", "dbname="};
  for (const char *p = url + strspn(url, " "); *p; p += strcspn(p, " "), p += strspn(p, " "))
    for (size_t i = 0; i < ELEMENTS(kept); i++)
      if (!strncmp(p, kept[i], strlen(kept[i]))) buffer_append(to, p, strcspn(p, " ") + (p[strcspn(p, " ")] == ' '));
}

static void read_database(const cJSON *secret, const char *key, char to[16]) {
  const char *encoded = cJSON_GetStringValue(json_member(json_get(secret, "data"), key));
  struct buffer url, identity;
  buffer_init_secret(&url, SECRET_MAX_BYTES);
  buffer_init(&identity, SECRET_MAX_BYTES);
  *to = 0;
  if (encoded && base64_decode(encoded, strlen(encoded), &url) == 0) {
    database_identity(buffer_text(&url), &identity);
    cJSON *text = cJSON_CreateString(buffer_text(&identity));
    if (!text || content_hash(text, to) < 0) *to = 0;
    cJSON_Delete(text);
  }
  buffer_done(&url);
  buffer_done(&identity);
}

int secret_view_read(struct secret_view *view, const cJSON *secret, const char *database_key, struct error *error) {
  const cJSON *data = json_get(secret, "data"), *item;
  struct secret_view read = {.state = SECRET_READ};
  struct buffer keys;
  buffer_init(&keys, SECRET_MAX_BYTES);
  cJSON_ArrayForEach(item, data) {
    if (cJSON_IsString(item) && *item->valuestring) buffer_printf(&keys, "%s\n", item->string);
  }
  read.keys = buffer_take(&keys);
  buffer_done(&keys);
  cJSON *empty = cJSON_CreateObject();
  bool hashed = empty && content_hash(data ? data : empty, read.hash) == 0;
  cJSON_Delete(empty);
  if (!read.keys || !hashed) return secret_view_done(&read), error_oom(error);
  read_database(secret, database_key, read.database);
  secret_view_done(view);
  *view = read;
  return 0;
}

static bool has_key(const struct secret_view *view, const char *key) {
  size_t n = strlen(key);
  for (const char *p = view->keys; p && *p; p = strchr(p, '\n') + 1)
    if (!strncmp(p, key, n) && p[n] == '\n') return true;
  return false;
}

static struct secrets_verdict missing_secret(const struct observation *o, const char *const *required, struct arena *arena) {
  struct buffer literals;
  buffer_init(&literals, 1024);
  for (; *required; required++) buffer_printf(&literals, " --from-literal=%s=…", *required);
  const struct stack *s = o->stack;
  const char *message = arena_printf(arena, "Secret %s/%s does not exist; create it: kubectl -n %s create secret generic %s%s",
                                     s->namespace, s->spec.secrets.name, s->namespace, s->spec.secrets.name, buffer_text(&literals));
  buffer_done(&literals);
  return (struct secrets_verdict){false, "SecretMissing", message ? message : ""};
}

struct secrets_verdict secrets_judge(const struct observation *o, struct arena *arena) {
  const struct stack *s = o->stack;
  const char *required[8] = {0};
  stack_required_secret_keys(s, required);
  if (o->secret->state == SECRET_ABSENT) return missing_secret(o, required, arena);
  if (o->secret->state == SECRET_UNREAD)
    return (struct secrets_verdict){false, "SecretUnread",
                                    arena_printf(arena, "Secret %s/%s could not be read yet", s->namespace, s->spec.secrets.name)};
  for (size_t i = 0; required[i]; i++) {
    if (has_key(o->secret, required[i])) continue;
    const char *message = arena_printf(arena, "Secret %s/%s has no key %s, or it is empty; add it: kubectl -n %s edit secret %s",
                                       s->namespace, s->spec.secrets.name, required[i], s->namespace, s->spec.secrets.name);
    return (struct secrets_verdict){false, "SecretKeyMissing", message ? message : ""};
  }
  return (struct secrets_verdict){true, "SecretsFound", "the Secret has every key that this spec needs"};
}
