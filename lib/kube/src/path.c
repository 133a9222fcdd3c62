#include "kube/path.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PATH_BYTES = 16 * 1024 };

static void segment(struct buffer *to, const char *text) {
  if (!text) return;
  buffer_puts(to, "/");
  buffer_percent(to, text);
}

void kube_path(struct buffer *path, const struct kube_resource *resource, const char *namespace, const char *name,
               const char *subresource) {
  buffer_init(path, MAX_PATH_BYTES);
  buffer_puts(path, *resource->group ? "/apis" : "/api");
  segment(path, *resource->group ? resource->group : NULL);
  segment(path, resource->version);
  if (namespace && resource->namespaced) {
    buffer_puts(path, "/namespaces");
    segment(path, namespace);
  }
  segment(path, resource->plural);
  segment(path, name);
  segment(path, subresource);
}

void kube_query(struct buffer *path, const char *key, const char *value) {
  buffer_puts(path, path->data && strchr(path->data, '?') ? "&" : "?");
  buffer_percent(path, key);
  buffer_puts(path, "=");
  buffer_percent(path, value);
}

const char *kube_api_version(const struct kube_resource *resource, char to[KUBE_API_VERSION_SIZE]) {
  /* group and version are our own constants: they fit */
  (void)snprintf(to, KUBE_API_VERSION_SIZE, "%s%s%s", resource->group, *resource->group ? "/" : "", resource->version);
  return to;
}
