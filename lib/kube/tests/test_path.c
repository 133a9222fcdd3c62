#include "kube/path.h"

#include <criterion/criterion.h>

static const struct kube_resource pods = {"", "v1", "pods", "Pod", true};
static const struct kube_resource deployments = {"apps", "v1", "deployments", "Deployment", true};
static const struct kube_resource nodes = {"", "v1", "nodes", "Node", false};

Test(path, places_of_objects) {
  static const struct {
    const struct kube_resource *resource;
    const char *namespace, *name, *subresource, *expected;
  } cases[] = {
      {&pods, NULL, NULL, NULL, "/api/v1/pods"},
      {&pods, "shop", NULL, NULL, "/api/v1/namespaces/shop/pods"},
      {&pods, "shop", "web-1", "log", "/api/v1/namespaces/shop/pods/web-1/log"},
      {&deployments, "shop", "web", "status", "/apis/apps/v1/namespaces/shop/deployments/web/status"},
      {&nodes, NULL, "n1", NULL, "/api/v1/nodes/n1"},
      {&nodes, "ignored", "n1", NULL, "/api/v1/nodes/n1"},
      {&pods, "a/../b", "x?y#z%", NULL, "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy%23z%25"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    _cleanup_buffer_ struct buffer path;
    kube_path(&path, cases[i].resource, cases[i].namespace, cases[i].name, cases[i].subresource);
    cr_expect(!path.failed);
    cr_expect_str_eq(buffer_text(&path), cases[i].expected);
  }
}

Test(path, queries_are_encoded) {
  _cleanup_buffer_ struct buffer path;
  kube_path(&path, &pods, NULL, NULL, NULL);
  kube_query(&path, "labelSelector", "app in (a,b),x!=y");
  kube_query(&path, "limit", "500");
  cr_assert_str_eq(buffer_text(&path), "/api/v1/pods?labelSelector=app%20in%20%28a%2Cb%29%2Cx%21%3Dy&limit=500");
}

Test(path, api_versions) {
  char text[KUBE_API_VERSION_SIZE];
  cr_expect_str_eq(kube_api_version(&pods, text), "v1");
  cr_expect_str_eq(kube_api_version(&deployments, text), "apps/v1");
}
