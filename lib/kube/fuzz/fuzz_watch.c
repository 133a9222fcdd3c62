/* However a stream is cut, the watch decoder gives out the same objects; and of a list that is JSON they are its items that are objects. The
 * input is tried as a list and as a watch.
 */
#include "../src/watch_decode.h"
#include "codec/json.h"
#include "testing/fuzz.h"

#include <string.h>

enum { OBJECT_MAX = 256, OUT_MAX = 1 << 20 }; /* the bound is small so that the fuzzer meets it */

struct seen {
  struct buffer text; /* the objects, with their lengths in front */
  const cJSON *next;  /* of the list's items; NULL: not compared */
  bool compare;
};

static const cJSON *skip_scalars(const cJSON *item) {
  while (item && !cJSON_IsObject(item) && !cJSON_IsArray(item)) item = item->next;
  return item;
}

static int on_object(void *owner, const char *text, size_t n, struct error *error) {
  struct seen *seen = owner;
  cJSON *object = NULL;
  (void)error;
  buffer_printf(&seen->text, "%zu:", n);
  buffer_append(&seen->text, text, n);
  if (!seen->compare) return 0;
  const cJSON *item = skip_scalars(seen->next);
  demand(item && json_parse(text, n, &json_limits_cluster, &object, NULL) == 0 && json_equal(item, object));
  cJSON_Delete(object);
  seen->next = item->next;
  return 0;
}

static int feed(struct seen *seen, bool lines, const char *bytes, size_t n, size_t step, size_t object_max, struct buffer *ret_skeleton) {
  struct watch_decoder decoder;
  struct error error = {0};
  size_t skeleton_n;
  int fed = 0;
  buffer_init(&seen->text, OUT_MAX);
  watch_decoder_init(&decoder, lines, object_max, on_object, seen);
  for (size_t at = 0; fed == 0 && at < n; at += step) fed = watch_decoder_feed(&decoder, bytes + at, n - at < step ? n - at : step, &error);
  demand(fed == 0 || (error.kind == ERROR_INVALID && *error.message));
  const char *skeleton = watch_decoder_skeleton(&decoder, &skeleton_n);
  buffer_append(ret_skeleton, skeleton, skeleton_n);
  watch_decoder_done(&decoder);
  return fed;
}

static bool equal(const struct buffer *a, const struct buffer *b) {
  return a->len == b->len && !memcmp(buffer_text(a), buffer_text(b), a->len);
}

static void compare_cuts(bool lines, const char *bytes, size_t n, size_t step) {
  struct seen whole = {0}, cut = {0};
  struct buffer whole_skeleton, cut_skeleton;
  buffer_init(&whole_skeleton, OUT_MAX);
  buffer_init(&cut_skeleton, OUT_MAX);
  int fed = feed(&whole, lines, bytes, n, n, OBJECT_MAX, &whole_skeleton);
  demand(feed(&cut, lines, bytes, n, step, OBJECT_MAX, &cut_skeleton) == fed);
  demand(equal(&whole.text, &cut.text) && (fed < 0 || equal(&whole_skeleton, &cut_skeleton)));
  buffer_done(&whole.text);
  buffer_done(&cut.text);
  buffer_done(&whole_skeleton);
  buffer_done(&cut_skeleton);
}

/* A name that is written with escapes is not looked for: the API server never does. */
static void compare_json(const char *bytes, size_t n) {
  static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 64, .no_duplicate_keys = true};
  cJSON *list = NULL, *skeleton = NULL;
  struct buffer rest;
  if (memchr(bytes, '\\', n) || json_parse(bytes, n, &limits, &list, NULL) < 0) return;
  const cJSON *items = json_member(list, "items");
  struct seen seen = {.compare = true, .next = cJSON_IsArray(items) ? items->child : NULL};
  buffer_init(&rest, OUT_MAX);
  if (cJSON_IsObject(list) && feed(&seen, false, bytes, n, n, OUT_MAX, &rest) == 0) {
    demand(!skip_scalars(seen.next));
    demand(json_parse(rest.data, rest.len, &json_limits_cluster, &skeleton, NULL) == 0);
    demand(!cJSON_IsArray(items) || cJSON_IsArray(json_member(skeleton, "items")));
  }
  buffer_done(&seen.text);
  buffer_done(&rest);
  cJSON_Delete(skeleton);
  cJSON_Delete(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const size_t steps[] = {1, 2, 3, 7};
  const char *bytes = (const char *)data;
  if (!n) return 0;
  for (int lines = 0; lines < 2; lines++)
    for (size_t i = 0; i < ELEMENTS(steps); i++) compare_cuts(lines, bytes, n, steps[i]);
  compare_json(bytes, n);
  return 0;
}
