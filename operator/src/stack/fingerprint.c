#include "stack/fingerprint.h"

#include "base/cleanup.h"
#include "stack/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

struct set {
  uint32_t *hashes;
  size_t count, capacity;
};

struct walk {
  struct set values, items;
  bool failed;
};

/* Kubernetes' merge keys (API reference, x-kubernetes-list-map-keys); a list that is not here is compared by position. */
static const struct {
  const char *list, *key;
} merge_keys[] = {
    {"containers", "name"},     {"initContainers", "name"},    {"env", "name"},
    {"volumes", "name"},        {"volumeMounts", "mountPath"}, {"imagePullSecrets", "name"},
    {"ports", "containerPort"}, {"ownerReferences", "uid"},    {"topologySpreadConstraints", "topologyKey"},
};

/* Lists in which an item of somebody else's is drift. */
static const char *const guarded_lists[] = {"containers", "initContainers", "volumes",      "env",  "envFrom",
                                            "command",    "args",           "volumeMounts", "ports"};

static const char *const quantity_parents[] = {"limits", "requests"};

/* Maps that the API server leaves out where they are empty, as it does with every list; other empty objects ({} of an emptyDir, of a podSelector) mean
 * something and stay. */
static const char *const droppable[] = {"nodeSelector", "limits", "requests", "matchLabels", "labels", "annotations"};

static bool among(const char *name, const char *const *names, size_t n) {
  for (size_t i = 0; name && i < n; i++)
    if (!strcmp(names[i], name)) return true;
  return false;
}

static uint32_t fold(uint64_t hash) { return (uint32_t)(hash ^ hash >> 32); }

static void add(struct walk *walk, struct set *set, uint64_t hash) {
  if (set->count == set->capacity) {
    size_t capacity = set->capacity ? set->capacity * 2 : 64;
    uint32_t *grown = realloc(set->hashes, capacity * sizeof *grown);
    if (!grown) {
      walk->failed = true;
      return;
    }
    set->hashes = grown;
    set->capacity = capacity;
  }
  set->hashes[set->count++] = fold(hash);
}

static uint64_t mix(uint64_t hash, const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    hash = (hash ^ *p) * 0x100000001b3u;
    hash ^= hash >> 31;
  }
  return (hash ^ 0xff) * 0x9e3779b97f4a7c15u; /* a separator that no text holds: ("ab","c") is not ("a","bc") */
}

static uint64_t mix_scalar(uint64_t hash, const cJSON *value, bool quantity) {
  char text[64];
  double amount;
  if (quantity && cJSON_IsString(value) && quantity_parse(value->valuestring, &amount)) {
    (void)snprintf(text, sizeof text, "q%.12g", amount);
    return mix(hash, text);
  }
  if (cJSON_IsString(value)) return mix(mix(hash, "s"), value->valuestring);
  if (cJSON_IsNumber(value)) {
    (void)snprintf(text, sizeof text, quantity ? "q%.12g" : "n%.17g", value->valuedouble);
    return mix(hash, text);
  }
  return mix(hash, cJSON_IsBool(value) ? (cJSON_IsTrue(value) ? "true" : "false") : "{}");
}

static const char *merge_key(const char *list) {
  for (size_t i = 0; list && i < ELEMENTS(merge_keys); i++)
    if (!strcmp(merge_keys[i].list, list)) return merge_keys[i].key;
  return NULL;
}

/* What names ITEM within its list: the value of its merge key (a Service's ports have `port` in place of `containerPort`), else its position. */
static uint64_t mix_item(uint64_t hash, const cJSON *item, const char *list, size_t position) {
  const char *key = merge_key(list);
  const cJSON *named = key ? cJSON_GetObjectItemCaseSensitive(item, key) : NULL;
  if (key && !named) named = cJSON_GetObjectItemCaseSensitive(item, "port");
  if (named && !cJSON_IsObject(named) && !cJSON_IsArray(named)) return mix_scalar(mix(hash, key), named, false);
  char index[24];
  (void)snprintf(index, sizeof index, "#%zu", position);
  return mix(hash, index);
}

static bool is_container(const cJSON *value) { return cJSON_IsObject(value) || cJSON_IsArray(value); }

static bool is_left_out(const cJSON *value, const char *name, unsigned depth) {
  bool empty = is_container(value) && !value->child;
  return depth > MAX_DEPTH || cJSON_IsNull(value) || (empty && (cJSON_IsArray(value) || among(name, droppable, ELEMENTS(droppable))));
}

static bool is_value(const cJSON *value) { return !is_container(value) || !value->child; }

static uint64_t mix_value(uint64_t path, const cJSON *value, const char *parent) {
  return mix_scalar(path, value, among(parent, quantity_parents, ELEMENTS(quantity_parents)));
}

static void visit(struct walk *walk, const cJSON *value, uint64_t path, const char *name, const char *parent, unsigned depth) {
  if (is_left_out(value, name, depth)) return;
  if (is_value(value)) return add(walk, &walk->values, mix_value(path, value, parent));
  bool guarded = cJSON_IsArray(value) && among(name, guarded_lists, ELEMENTS(guarded_lists));
  size_t position = 0;
  for (const cJSON *member = value->child; member; member = member->next) {
    uint64_t at = cJSON_IsArray(value) ? mix_item(path, member, name, position++) : mix(path, member->string);
    if (guarded) add(walk, &walk->items, at);
    visit(walk, member, at, cJSON_IsArray(value) ? NULL : member->string, name, depth + 1);
  }
}

static int compare(const void *a, const void *b) {
  uint32_t x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return x < y ? -1 : x > y;
}

static void sort(struct set *set) {
  if (set->count) qsort(set->hashes, set->count, sizeof *set->hashes, compare);
}

static int pack(struct walk *walk, struct fingerprint *ret) {
  sort(&walk->values);
  sort(&walk->items);
  size_t count = walk->values.count + walk->items.count;
  uint32_t *both = malloc((count ? count : 1) * sizeof *both);
  if (!both || walk->failed) return free(both), -1;
  if (walk->values.count) memcpy(both, walk->values.hashes, walk->values.count * sizeof *both);
  if (walk->items.count) memcpy(both + walk->values.count, walk->items.hashes, walk->items.count * sizeof *both);
  *ret = (struct fingerprint){both, both + walk->values.count, walk->values.count, walk->items.count};
  return 0;
}

static const char *const skipped[] = {"apiVersion", "kind", "metadata", "status"};
static const char *const metadata[] = {"labels", "annotations", "ownerReferences"};

int fingerprint_take(const cJSON *object, struct fingerprint *ret) {
  struct walk walk = {0};
  for (const cJSON *member = object ? object->child : NULL; member; member = member->next)
    if (!among(member->string, skipped, ELEMENTS(skipped))) visit(&walk, member, mix(0, member->string), member->string, NULL, 0);
  for (size_t i = 0; i < ELEMENTS(metadata); i++) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(object, "metadata"), metadata[i]);
    if (member) visit(&walk, member, mix(1, metadata[i]), metadata[i], NULL, 0);
  }
  int result = pack(&walk, ret);
  free(walk.values.hashes);
  free(walk.items.hashes);
  return result;
}

void fingerprint_done(struct fingerprint *f) {
  free(f->values);
  *f = (struct fingerprint){0};
}

/* Both sorted: is every one of PART in WHOLE? */
static bool contains(const uint32_t *whole, size_t whole_count, const uint32_t *part, size_t part_count) {
  size_t i = 0;
  for (size_t k = 0; k < part_count; k++) {
    while (i < whole_count && whole[i] < part[k]) i++;
    if (i == whole_count || whole[i] != part[k]) return false;
  }
  return true;
}

bool fingerprint_covers(const struct fingerprint *live, const struct fingerprint *rendered) {
  return contains(live->values, live->value_count, rendered->values, rendered->value_count);
}

bool fingerprint_foreign(const struct fingerprint *live, const struct fingerprint *rendered) {
  return !contains(rendered->items, rendered->item_count, live->items, live->item_count);
}

struct naming {
  const struct fingerprint *live;
  char *text;
  size_t size;
};

static bool name_missing(const struct naming *n, const cJSON *value, uint64_t path, const char *name, const char *parent, size_t length,
                         unsigned depth) {
  if (is_left_out(value, name, depth)) return false;
  if (is_value(value)) {
    uint32_t hash = fold(mix_value(path, value, parent));
    return !contains(n->live->values, n->live->value_count, &hash, 1);
  }
  size_t position = 0;
  for (const cJSON *member = value->child; member; member = member->next) {
    bool list = cJSON_IsArray(value);
    int written = list ? snprintf(n->text + length, n->size - length, "[%zu]", position)
                       : snprintf(n->text + length, n->size - length, ".%s", member->string);
    size_t end = length + (size_t)written < n->size ? length + (size_t)written : n->size - 1;
    uint64_t at = list ? mix_item(path, member, name, position++) : mix(path, member->string);
    if (name_missing(n, member, at, list ? NULL : member->string, name, end, depth + 1)) return true;
  }
  return false;
}

bool fingerprint_name_missing(const struct fingerprint *live, const cJSON *rendered, char *path, size_t size) {
  const struct naming n = {live, path, size};
  for (const cJSON *member = rendered ? rendered->child : NULL; member; member = member->next) {
    if (among(member->string, skipped, ELEMENTS(skipped))) continue;
    size_t length = (size_t)snprintf(path, size, "%s", member->string);
    if (length < size && name_missing(&n, member, mix(0, member->string), member->string, NULL, length, 0)) return true;
  }
  for (size_t i = 0; i < ELEMENTS(metadata); i++) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(rendered, "metadata"), metadata[i]);
    size_t length = (size_t)snprintf(path, size, "metadata.%s", metadata[i]);
    if (member && length < size && name_missing(&n, member, mix(1, metadata[i]), metadata[i], NULL, length, 0)) return true;
  }
  return false;
}
