/* Stacks for tests: stack_of("{\"replicas\":2}") is the stack supernova/shop with that spec, and the test fails where it can't be. */
#pragma once

#include "stack/stack.h"

#include <criterion/criterion.h>
#include <string.h>

static inline cJSON *object_of(const char *spec) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 20);
  buffer_printf(&text,
                "{\"apiVersion\":\"" STACK_API_VERSION "\",\"kind\":\"" STACK_KIND
                "\",\"metadata\":{\"namespace\":\"supernova\",\"name\":\"shop\",\"uid\":\"u-1\",\"resourceVersion\":\"7\",\"generation\":3,"
                "\"managedFields\":[{\"manager\":\"kubectl\"}]},\"spec\":%s}",
                spec);
  cJSON *object = NULL;
  struct error error = {0};
  cr_assert(json_parse(text.data, text.len, &json_limits_cluster, &object, &error) == 0, "%s: %s", spec, error.message);
  return object;
}

static inline struct stack *stack_of(const char *spec) {
  struct error error = {0};
  struct stack *stack = stack_decode(object_of(spec), &error);
  cr_assert(stack, "%s: %s", spec, error.message);
  return stack;
}

/* The canonical text of a tree that the test owns. */
static inline char *text_of(cJSON *tree) {
  struct buffer text;
  buffer_init(&text, 1 << 20);
  cr_assert(tree);
  json_canonical(tree, &text);
  cJSON_Delete(tree);
  return buffer_take(&text);
}
