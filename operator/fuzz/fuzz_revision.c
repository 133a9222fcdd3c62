/* The content of a revision, which whoever may write ControllerRevisions has written: it is refused with a sentence, or a stack rolls back to it. */
#include "manifests.h"

static struct stack *some_stack(void) {
  static const char text[] =
      "{\"metadata\":{\"namespace\":\"supernova\",\"name\":\"shop\",\"uid\":\"u\"},\"spec\":{\"environment\":\"production\"}}";
  static struct stack *stack;
  cJSON *object = NULL;
  if (!stack) {
    demand(json_parse(text, sizeof text - 1, &json_limits_cluster, &object, NULL) == 0);
    stack = stack_decode(object, NULL);
    demand(stack);
  }
  return stack;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *text = fuzz_text(data, n);
  struct content content = {0};
  struct error error = {0};
  if (content_parse(text, &content, &error) < 0)
    demand(error.kind != ERROR_NONE && *error.message && !content.json);
  else
    check_children(some_stack(), &content);
  content_done(&content);
  free(text);
  return 0;
}
