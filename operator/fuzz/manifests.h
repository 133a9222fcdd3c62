/* What the fuzzers of the operator demand of every manifest. */
#pragma once

#include "release/content.h"
#include "render/render.h"
#include "stack/fingerprint.h"
#include "testing/fuzz.h"

#include <string.h>

enum { MANIFEST_MAX = 4 << 20 };

/* Ends MANIFEST: it is JSON when it is printed, and its fingerprint is its own. */
static inline void check_manifest(cJSON *manifest) {
  struct buffer text;
  struct fingerprint fingerprint;
  cJSON *back = NULL;
  demand(manifest);
  render_seal(manifest);
  buffer_init(&text, MANIFEST_MAX);
  json_print(manifest, &text);
  demand(json_parse(text.data, text.len, &json_limits_cluster, &back, NULL) == 0 && json_equal(manifest, back));
  demand(fingerprint_take(manifest, &fingerprint) == 0);
  demand(fingerprint_covers(&fingerprint, &fingerprint) && !fingerprint_foreign(&fingerprint, &fingerprint));
  fingerprint_done(&fingerprint);
  cJSON_Delete(back);
  cJSON_Delete(manifest);
  buffer_done(&text);
}

/* Every child that STACK wants, with CONTENT as what is released. */
static inline void check_children(const struct stack *stack, const struct content *content) {
  /* rules are text of which the namespace is a part: a label, in all that an API server gives */
  bool placed = stack->namespace[strspn(stack->namespace, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0;
  const struct render_input in = {.stack = stack,
                                  .release = &content->spec,
                                  .image = content->image,
                                  .content_hash = content->hash,
                                  .env_hash = content->env_hash,
                                  .env = content->env,
                                  .secret_hash = "5555555555",
                                  .monitors_served = placed,
                                  .rules_served = placed};
  char name[64];
  for (size_t i = 0; i < CHILD_KINDS; i++) {
    if (!child_kinds[i].wanted(&in)) continue;
    child_kinds[i].name(&in, name);
    demand(*name);
    check_manifest(child_kinds[i].render(&in));
  }
  const struct stack_job *settings = &stack->spec.migrations;
  struct stack_job hook;
  check_manifest(render_job(&in, &(struct render_job){"migrate", "migrate", settings->command, settings, false}, 4, 2));
  for (int place = 0; stack_hook_at(&stack->spec, place, &hook); place++)
    check_manifest(render_job(&in, &(struct render_job){hook.name, "hook", hook.command, &hook, false}, 4, 1));
  check_manifest(render_revision(stack, content->json, content->hash, 4));
}
