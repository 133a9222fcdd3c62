#include "release/content.h"

#include "render_fixture.h"

static struct stack *stack_with(const char *spec) {
  char yaml[1024];
  cJSON *object = NULL;
  struct error error = {0};
  (void)snprintf(yaml, sizeof yaml,
                 "apiVersion: platform.supernova.com/v1alpha1\nkind: SupernovaStack\n"
                 "metadata: {name: shop, namespace: demo, uid: u, resourceVersion: '1'}\nspec: {%s}\n",
                 spec);
  cr_assert_eq(yaml_parse(yaml, strlen(yaml), &object, &error), 0, "%s", error.message);
  struct stack *stack = stack_decode(object, &error);
  cr_assert(stack, "%s", error.message);
  return stack;
}

static void hash_of(const char *spec, char to[16]) {
  struct content content = {0};
  struct stack *stack = stack_with(spec);
  cr_assert_eq(content_of_stack(stack, "companion:1", &content, NULL), 0);
  (void)snprintf(to, 16, "%s", content.hash);
  content_done(&content);
  stack_free(stack);
}

Test(content, what_is_released_changes_the_hash_and_nothing_else_does) {
  static const char base[] = "image: {repository: r, tag: v1}";
  static const struct {
    const char *more;
    bool changes;
  } rows[] = {
      {"replicas: 9", false},
      {"service: {port: 81}", false},
      {"autoscaling: {enabled: true}", false},
      {"migrations: {activeDeadlineSeconds: 7}", false},
      {"config: {logLevel: info}", false}, /* the default, written out */
      {"config: {logLevel: debug}", true},
      {"config: {env: {A: b}}", true},
      {"environment: staging", true},
      {"resources: {limits: {cpu: 1}}", true},
      {"migrations: {command: [a]}", true},
      {"scheduling: {topologySpread: node}", true},
  };
  char before[16], after[16], spec[256];
  hash_of(base, before);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    (void)snprintf(spec, sizeof spec, "%s, %s", base, rows[i].more);
    hash_of(spec, after);
    cr_assert_eq(strcmp(before, after) != 0, rows[i].changes, "%s", rows[i].more);
  }
}

Test(content, what_is_kept_is_read_back_the_same) {
  struct stack *stack = stack_with("config: {env: {A: b}}, replicas: 3");
  struct content made = {0}, read = {0};
  struct error error = {0};
  cr_assert_eq(content_of_stack(stack, "companion:1", &made, &error), 0, "%s", error.message);
  cr_assert_str_eq(made.image, "companion:1");
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 20);
  json_print(made.json, &text);
  cr_assert_eq(content_parse(buffer_text(&text), &read, &error), 0, "%s", error.message);
  cr_assert_str_eq(read.hash, made.hash);
  cr_assert_str_eq(read.env_hash, made.env_hash);
  cr_assert_str_eq(read.image, made.image);
  cr_assert_str_eq(json_string(read.env, "A", ""), "b");
  content_done(&made);
  content_done(&read);
  content_done(&read);
  stack_free(stack);
}

Test(content, damage_is_told) {
  static const char *const rows[] = {"", "{", "[]", "{}", "{\"spec\": {}}", "{\"env\": {}, \"spec\": {\"image\": 7}}"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct content content = {0};
    struct error error = {0};
    cr_assert_eq(content_parse(rows[i], &content, &error), -1, "%s", rows[i]);
    cr_assert(strstr(error.message, "revision"), "%s", error.message);
    cr_assert_null(content.json);
  }
}
