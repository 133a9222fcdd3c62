/* What the caches remember of an object that anybody may have written: the first byte is the view, '0' to '5' (enum child_view), the rest the
 * object. Whatever is remembered covers itself, and nothing in it is foreign to it.
 */
#include "codec/json.h"
#include "stack/child.h"
#include "testing/fuzz.h"

static const enum child_view views[] = {CHILD_VIEW_PLAIN,    CHILD_VIEW_DEPLOYMENT, CHILD_VIEW_JOB,
                                        CHILD_VIEW_REVISION, CHILD_VIEW_POD,        CHILD_VIEW_METADATA};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  cJSON *object = NULL;
  struct error error = {0};
  if (!n || json_parse((const char *)data + 1, n - 1, &json_limits_cluster, &object, NULL) < 0) return 0;
  struct child *child = child_project(views[data[0] % ELEMENTS(views)], object, &error);
  cJSON_Delete(object); /* what is remembered is its own */
  if (!child) {
    demand(error.kind == ERROR_INVALID && *error.message);
    return 0;
  }
  demand(child->name && child->uid && child->resource_version);
  demand(fingerprint_covers(&child->fingerprint, &child->fingerprint));
  demand(!fingerprint_foreign(&child->fingerprint, &child->fingerprint));
  child_free(child);
  return 0;
}
