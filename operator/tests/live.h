/* Objects as a real API server (1.34) gave them back: what golden/full.json became when it was created by the field manager supernova-operator, in a dry run (so the
 * resourceVersions are made up). */
#pragma once

#include "render_fixture.h"

#include <string.h>

static inline cJSON *items_of(const char *path) {
  struct error error = {0};
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 4 << 20);
  read_whole(path, &text);
  cJSON *all = NULL;
  cr_assert_eq(json_parse(buffer_text(&text), text.len, &json_limits_cluster, &all, &error), 0, "%s: %s", path, error.message);
  return all;
}

/* The first of that kind; borrowed from ALL. */
static inline cJSON *item_of(cJSON *all, const char *kind) {
  cJSON *item;
  cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(all, "items")) {
    if (!strcmp(json_string(item, "kind", ""), kind)) return item;
  }
  cr_assert_fail("no %s", kind);
  return NULL;
}
