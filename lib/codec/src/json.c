#include "codec/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int json_parse(const char *text, size_t n, const struct json_limits *limits, cJSON **ret, struct error *error) {
  if (json_check(text, n, limits, error) < 0) return -1;
  cJSON *json = cJSON_ParseWithLength(text, n);
  if (!json) return error_oom(error); /* nothing else is left that could stop it */
  *ret = json;
  return 0;
}

static const cJSON *member_n(const cJSON *object, const char *key, size_t n) {
  if (!cJSON_IsObject(object)) return NULL;
  for (const cJSON *item = object->child; item; item = item->next)
    if (item->string && !strncmp(item->string, key, n) && !item->string[n]) return cJSON_IsNull(item) ? NULL : item;
  return NULL;
}

const cJSON *json_member(const cJSON *object, const char *key) { return member_n(object, key, strlen(key)); }

const cJSON *json_get(const cJSON *object, const char *path) {
  while (object && *path) {
    size_t n = strcspn(path, ".");
    object = member_n(object, path, n);
    path += n + (path[n] == '.');
  }
  return object;
}

const char *json_string(const cJSON *object, const char *path, const char *fallback) {
  const cJSON *item = json_get(object, path);
  return cJSON_IsString(item) ? item->valuestring : fallback;
}

static bool is_whole(double d) { return d >= -(double)JSON_INT_MAX && d <= (double)JSON_INT_MAX && (double)(int64_t)d == d; }

int64_t json_int(const cJSON *object, const char *path, int64_t fallback) {
  const cJSON *item = json_get(object, path);
  return cJSON_IsNumber(item) && is_whole(item->valuedouble) ? (int64_t)item->valuedouble : fallback;
}

bool json_bool(const cJSON *object, const char *path, bool fallback) {
  const cJSON *item = json_get(object, path);
  return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

static bool same_text(const char *a, const char *b) { return a && b && !strcmp(a, b); }

/* Every member of A is in B. The same place is looked at first: objects that are equal mostly have the same order too. */
static bool covers(const cJSON *a, const cJSON *b) {
  const cJSON *guess = b->child;
  for (const cJSON *item = a->child; item; item = item->next) {
    const cJSON *other = guess && same_text(guess->string, item->string) ? guess : cJSON_GetObjectItemCaseSensitive(b, item->string);
    if (!other || !json_equal(item, other)) return false;
    guess = other->next;
  }
  return true;
}

static bool same_items(const cJSON *a, const cJSON *b) {
  const cJSON *x = a->child, *y = b->child;
  for (; x && y; x = x->next, y = y->next)
    if (!json_equal(x, y)) return false;
  return !x && !y;
}

bool json_equal(const cJSON *a, const cJSON *b) {
  if (!a || !b) return a == b;
  if ((a->type & 0xFF) != (b->type & 0xFF)) return false;
  switch (a->type & 0xFF) {
    case cJSON_Number: return a->valuedouble == b->valuedouble;
    case cJSON_Raw:
    case cJSON_String: return same_text(a->valuestring, b->valuestring);
    case cJSON_Array: return same_items(a, b);
    case cJSON_Object: return covers(a, b) && covers(b, a);
    default: return true;
  }
}

static void print(const cJSON *json, bool sorted, struct buffer *to);

static void print_number(double d, struct buffer *to) {
  char text[32];
  if (!isfinite(d)) {
    buffer_puts(to, "null");
  } else if (is_whole(d)) {
    buffer_printf(to, "%lld", (long long)d);
  } else {
    for (int digits = 15; digits <= 17; digits++) {
      (void)snprintf(text, sizeof text, "%.*g", digits, d);
      if (strtod(text, NULL) == d) break;
    }
    buffer_puts(to, text);
  }
}

static void print_string(const char *text, struct buffer *to) { buffer_json_string(to, text ? text : "", text ? strlen(text) : 0); }

static void print_member(const cJSON *item, bool sorted, struct buffer *to) {
  print_string(item->string, to);
  buffer_append(to, ":", 1);
  print(item, sorted, to);
}

static int by_key(const void *a, const void *b) { return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string); }

static void print_sorted_members(const cJSON *object, struct buffer *to) {
  size_t count = (size_t)cJSON_GetArraySize(object), i = 0;
  _cleanup_free_ const cJSON **items = calloc(count + 1, sizeof *items);
  if (!items) {
    to->failed = true;
    return;
  }
  for (const cJSON *item = object->child; item; item = item->next) items[i++] = item;
  qsort(items, count, sizeof *items, by_key);
  for (i = 0; i < count; i++) {
    if (i) buffer_append(to, ",", 1);
    print_member(items[i], true, to);
  }
}

static void print_children(const cJSON *json, bool sorted, struct buffer *to) {
  for (const cJSON *item = json->child; item; item = item->next) {
    if (item != json->child) buffer_append(to, ",", 1);
    if (cJSON_IsObject(json))
      print_member(item, sorted, to);
    else
      print(item, sorted, to);
  }
}

static void print(const cJSON *json, bool sorted, struct buffer *to) {
  switch (json ? json->type & 0xFF : cJSON_NULL) {
    case cJSON_True: buffer_puts(to, "true"); break;
    case cJSON_False: buffer_puts(to, "false"); break;
    case cJSON_Number: print_number(json->valuedouble, to); break;
    case cJSON_String: print_string(json->valuestring, to); break;
    case cJSON_Raw: buffer_puts(to, json->valuestring); break;
    case cJSON_Array:
      buffer_append(to, "[", 1);
      print_children(json, sorted, to);
      buffer_append(to, "]", 1);
      break;
    case cJSON_Object:
      buffer_append(to, "{", 1);
      if (sorted)
        print_sorted_members(json, to);
      else
        print_children(json, false, to);
      buffer_append(to, "}", 1);
      break;
    default: buffer_puts(to, "null");
  }
}

void json_print(const cJSON *json, struct buffer *to) { print(json, false, to); }
void json_canonical(const cJSON *json, struct buffer *to) { print(json, true, to); }
