#include "release/annotations.h"

#include "stack/child.h"

#include <criterion/criterion.h>

/* What is written down of a revision is read back from it. */
Test(annotations, what_is_added_is_what_a_projection_reads) {
  cJSON *annotations, *patch = annotations_patch("17", &annotations);
  annotations_add_time(annotations, ANNOTATION_DEPLOYED_AT, 1767225600000);
  cr_assert_str_eq(json_string(patch, "metadata.resourceVersion", ""), "17", "a stale patch is a conflict");
  cr_assert_str_eq(cJSON_GetStringValue(json_member(annotations, ANNOTATION_DEPLOYED_AT)), "2026-01-01T00:00:00Z");

  cJSON *object = cJSON_Parse(
      "{\"metadata\": {\"name\": \"shop-1\", \"namespace\": \"demo\", \"uid\": \"u\", \"resourceVersion\": \"17\"}, \"revision\": 4}");
  cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(object, "metadata"), "annotations", cJSON_Duplicate(annotations, true));
  struct error error = {0};
  struct child *child = child_project(CHILD_VIEW_REVISION, object, &error);
  cr_assert_not_null(child, "%s", error.message);
  cr_assert_eq(child->revision.number, 4);
  cr_assert_eq(child->revision.deployed_ms, 1767225600000);
  child_free(child);
  cJSON_Delete(object);
  cJSON_Delete(patch);
}
