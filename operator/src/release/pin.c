#include "release/pin.h"

#include "base/clock.h"
#include "release/annotations.h"

#include <string.h>

enum { TEXT_MAX_BYTES = 8192 };

static bool is_of(const struct child *revision, const char *hash) { return hash && !strcmp(child_release_hash(revision), hash); }

static struct pin pin_of(const struct child *revision) {
  const cJSON *tree = revision->revision.pinned;
  struct pin pin = {.revision = revision,
                    .against = json_string(tree, "against", NULL),
                    .image = json_string(tree, "image", NULL),
                    .content = json_string(tree, "content", ""),
                    .by = json_string(tree, "by", NULL),
                    .reason = json_string(tree, "reason", NULL),
                    .forced = json_bool(tree, "forced", false)};
  if (parse_rfc3339(json_string(tree, "at", NULL), &pin.at_ms) < 0) pin.at_ms = 0;
  return pin;
}

struct pin pin_find(const struct observation *o) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  struct pin found = {0};
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    if (!revision->revision.pinned || revision->deleting || !observation_owns(o, revision)) continue;
    const struct pin pin = pin_of(revision);
    if (!found.revision || pin.at_ms > found.at_ms) found = pin;
  }
  return found;
}

bool pin_holds(const struct pin *pin, const struct content *asked) {
  if (!pin->revision || is_of(pin->revision, asked->hash)) return false;
  return pin->image ? !strcmp(pin->image, asked->image) : pin->against && !strcmp(pin->against, asked->hash);
}

bool pin_permits(const struct pin *pin, const struct content *asked) {
  return pin->revision && pin->forced && is_of(pin->revision, asked->hash) && is_of(pin->revision, pin->against);
}

static void add_text(cJSON *to, const char *key, const char *text) {
  if (text) cJSON_AddStringToObject(to, key, text);
}

void pin_annotate(const struct pin *pin, cJSON *annotations) {
  char at[RFC3339_SIZE];
  struct buffer text;
  cJSON *tree = cJSON_CreateObject();
  format_rfc3339(pin->at_ms, at);
  add_text(tree, "against", pin->against);
  add_text(tree, "image", pin->image);
  add_text(tree, "content", pin->content);
  add_text(tree, "by", pin->by);
  add_text(tree, "reason", pin->reason);
  if (pin->forced) cJSON_AddTrueToObject(tree, "forced");
  add_text(tree, "at", at);
  buffer_init(&text, TEXT_MAX_BYTES);
  json_print(tree, &text);
  if (!text.failed) cJSON_AddStringToObject(annotations, ANNOTATION_PINNED, buffer_text(&text));
  buffer_done(&text);
  cJSON_Delete(tree);
}

uint64_t pin_clean(const struct observation *o, const struct child *kept, uint64_t needs, struct plan *plan) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  uint64_t bits = 0;
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    if (!revision->revision.pinned || revision == kept || revision->deleting || !observation_owns(o, revision)) continue;
    cJSON *annotations, *body = annotations_patch(revision->resource_version, &annotations);
    cJSON_AddNullToObject(annotations, ANNOTATION_PINNED);
    bits |= plan_add(
        plan, (struct action){.type = ACTION_MERGE, .resource = RESOURCE_REVISION, .name = revision->name, .body = body, .needs = needs});
  }
  return bits;
}

cJSON *pin_collect(const char *object_name, const cJSON *annotations) {
  return annotations_collect(object_name, annotations, ANNOTATION_PINNED);
}
