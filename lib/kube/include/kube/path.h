/* Which resource, and where its objects live under the API server's root.
 *
 *     static const struct kube_resource deployments = {"apps", "v1", "deployments", "Deployment", true};
 *     _cleanup_buffer_ struct buffer path;
 *     kube_path(&path, &deployments, "shop", "web", "status");          // "/apis/apps/v1/namespaces/shop/deployments/web/status"
 *     kube_query(&path, "fieldManager", "supernova-operator");          // "…?fieldManager=supernova-operator"
 *
 * Every segment and value is percent-encoded (RFC 3986, 2.3). The buffer's sticky failure tells that memory ran out.
 */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>

struct kube_resource {
  const char *group; /* "" is the core group */
  const char *version, *plural, *kind;
  bool namespaced;
};

/* Inits PATH. NAMESPACE: NULL is all namespaces (or a cluster-scoped resource); NAME, SUBRESOURCE: NULL is none. */
void kube_path(struct buffer *path, const struct kube_resource *resource, const char *namespace, const char *name, const char *subresource);

/* Appends "?key=value" or "&key=value". */
void kube_query(struct buffer *path, const char *key, const char *value);

enum { KUBE_API_VERSION_SIZE = 128 };
/* "apps/v1", "v1": what stands in an object's apiVersion. */
const char *kube_api_version(const struct kube_resource *resource, char to[KUBE_API_VERSION_SIZE]);
