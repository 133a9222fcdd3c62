/* What a stack says, from the API server's bytes to the manifests: it is refused with a sentence, or what is released of it reads back from its
 * revision with the same hash, and every child that it wants renders as JSON whose fingerprint is its own.
 */
#include "manifests.h"

#include <string.h>

static void release(const struct stack *stack) {
  struct content content = {0}, back = {0};
  struct error error = {0};
  struct buffer text;
  if (content_of_stack(stack, "registry.example:5000/team/server:v1", &content, &error) < 0) {
    demand(*error.message); /* a reference or a list that is longer than any can be */
    return;
  }
  buffer_init(&text, MANIFEST_MAX);
  json_print(content.json, &text);
  demand(content_parse(buffer_text(&text), &back, &error) == 0);
  demand(!strcmp(content.hash, back.hash) && !strcmp(content.env_hash, back.env_hash) && !strcmp(content.image, back.image));
  check_children(stack, &back);
  content_done(&content);
  content_done(&back);
  buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  cJSON *object = NULL;
  struct error error = {0};
  const char *keys[8], **key = keys;
  if (json_parse((const char *)data, n, &json_limits_cluster, &object, NULL) < 0) return 0;
  struct stack *stack = stack_decode(object, &error);
  if (!stack || stack_validate(stack, &error) < 0) {
    demand(error.kind == ERROR_INVALID && *error.message);
    stack_free(stack);
    return 0;
  }
  stack_required_secret_keys(stack, keys);
  while (*key) demand(**key++);
  release(stack);
  stack_free(stack);
  return 0;
}
