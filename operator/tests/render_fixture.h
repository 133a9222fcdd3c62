/* A stack of tests/stacks, rendered as the operator would for its revision 4; for full and production the cluster serves the prometheus-operator's
 * API. */
#pragma once

#include "codec/yaml.h"
#include "render/render.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct render_fixture {
  struct stack *stack;
  cJSON *env;
  struct render_input in;
};

static inline void read_whole(const char *path, struct buffer *to) {
  FILE *file = fopen(path, "re");
  cr_assert(file, "%s can't be opened", path);
  char chunk[4096];
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) buffer_append(to, chunk, n);
  (void)fclose(file);
}

static inline struct render_fixture fixture_open(const char *name) {
  struct error error = {0};
  char path[128];
  snprintf(path, sizeof path, "stacks/%s.yaml", name);
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 20);
  read_whole(path, &text);
  cJSON *object = NULL;
  cr_assert_eq(yaml_parse(buffer_text(&text), text.len, &object, &error), 0, "%s: %s", path, error.message);
  bool served = !strcmp(name, "full") || !strcmp(name, "production");
  struct render_fixture f = {.stack = stack_decode(object, &error)};
  cr_assert(f.stack, "%s: %s", path, error.message);
  f.env = stack_env(f.stack);
  f.in = (struct render_input){.stack = f.stack,
                               .release = &f.stack->spec,
                               .image = "ghcr.io/example/supernova-server:v1.2.3",
                               .content_hash = "aaaaaaaaaa",
                               .env_hash = "eeeeeeeeee",
                               .env = f.env,
                               .secret_hash = "5555555555",
                               .monitors_served = served,
                               .rules_served = served};
  return f;
}

/* The Job of its migration; the test frees it. */
static inline cJSON *fixture_render_migration(const struct render_fixture *f, int64_t revision, int64_t attempt) {
  const struct stack_job *settings = &f->stack->spec.migrations;
  cJSON *own = cJSON_Parse(stack_default_migration_command);
  const struct render_job job = {"migrate", "migrate", settings->command ? settings->command : own, settings, false};
  cJSON *manifest = render_job(&f->in, &job, revision, attempt);
  cJSON_Delete(own);
  cr_assert(manifest);
  return manifest;
}

static inline void fixture_close(struct render_fixture *f) {
  cJSON_Delete(f->env);
  stack_free(f->stack);
}
#define _cleanup_fixture_ _cleanup_(fixture_close)

/* Every manifest of the stack that a kind names, unsealed; the test frees it. */
static inline cJSON *fixture_render(const struct render_fixture *f, enum child_kind kind) {
  cr_assert(child_kinds[kind].wanted(&f->in), "%s is not wanted", child_kinds[kind].kind);
  cJSON *manifest = child_kinds[kind].render(&f->in);
  cr_assert(manifest);
  return manifest;
}
#define _cleanup_json_ _cleanup_(json_freep)
