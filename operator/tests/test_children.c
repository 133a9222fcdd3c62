/* Golden manifests: the whole of what three stacks make. UPDATE_GOLDEN=1 writes them anew; the diff is then the review. */
#include "render_fixture.h"

#include <stdlib.h>

static void add(cJSON *items, cJSON *manifest) {
  cr_assert(manifest);
  render_seal(manifest);
  cJSON_AddItemToArray(items, manifest);
}

static cJSON *render_all(const struct render_fixture *f) {
  cJSON *list = cJSON_CreateObject();
  cJSON_AddStringToObject(list, "apiVersion", "v1");
  cJSON_AddStringToObject(list, "kind", "List");
  cJSON *items = cJSON_AddArrayToObject(list, "items");
  for (size_t i = 0; i < CHILD_KINDS; i++) {
    if (!child_kinds[i].wanted(&f->in)) continue;
    cJSON *manifest = child_kinds[i].render(&f->in);
    add(items, manifest);
    if (i == CHILD_DEPLOYMENT) render_initial_replicas(manifest, f->stack);
  }
  struct stack_job hook;
  for (int place = 0; stack_hook_at(&f->stack->spec, place, &hook); place++)
    add(items, render_job(&f->in, &(struct render_job){hook.name, "hook", hook.command, &hook, false}, 4, 1));
  add(items, fixture_render_migration(f, 4, 1));
  add(items, fixture_render_migration(f, 4, 3));
  _cleanup_json_ cJSON *content = cJSON_Parse("{\"hashVersion\":1,\"spec\":{},\"env\":{\"LOG_LEVEL\":\"info\"}}");
  add(items, render_revision(f->stack, content, f->in.content_hash, 4));
  _cleanup_json_ cJSON *files = cJSON_Parse("{\"signing\":\"1760908689588\",\"jwks.json\":\"{\\\"keys\\\":[]}\"}");
  add(items, render_jwks_secret(f->stack, files));
  return list;
}

static void compare(const char *path, const char *text) {
  if (getenv("UPDATE_GOLDEN")) {
    FILE *file = fopen(path, "we");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s can't be written", path);
    return;
  }
  _cleanup_buffer_ struct buffer golden;
  buffer_init(&golden, 1 << 20);
  read_whole(path, &golden);
  cr_assert_str_eq(text, buffer_text(&golden), "%s differs; where that is meant: UPDATE_GOLDEN=1, then read the diff", path);
}

static void assert_golden(const char *name) {
  _cleanup_fixture_ struct render_fixture f = fixture_open(name);
  _cleanup_json_ cJSON *list = render_all(&f);
  char *printed = cJSON_Print(list), path[128];
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 20);
  buffer_printf(&text, "%s\n", printed);
  free(printed);
  snprintf(path, sizeof path, "golden/%s.json", name);
  compare(path, buffer_text(&text));
}

Test(children, golden_minimal) { assert_golden("minimal"); }
Test(children, golden_full) { assert_golden("full"); }
Test(children, golden_production) { assert_golden("production"); }
Test(children, golden_hooks) { assert_golden("hooks"); }

/* The table's kind and name are those of the manifest: the cache looks children up by them. */
Test(children, table_says_what_is_rendered) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  for (size_t i = 0; i < CHILD_KINDS; i++) {
    char name[64];
    child_kinds[i].name(&f.in, name);
    _cleanup_json_ cJSON *manifest = fixture_render(&f, (enum child_kind)i);
    cr_assert_str_eq(json_string(manifest, "metadata.name", ""), name);
    cr_assert_str_eq(json_string(manifest, "kind", ""), child_kinds[i].kind);
    cr_assert_str_eq(json_string(manifest, "metadata.namespace", ""), "shop");
  }
}

Test(children, what_is_off_is_not_wanted) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("minimal");
  static const bool wanted[CHILD_KINDS] = {
      [CHILD_SERVICE_ACCOUNT] = true, [CHILD_ENV] = true, [CHILD_SERVICE] = true, [CHILD_DEPLOYMENT] = true};
  for (size_t i = 0; i < CHILD_KINDS; i++) cr_assert_eq(child_kinds[i].wanted(&f.in), wanted[i], "row %zu", i);

  f.stack->spec.service_account.name = "given";
  cr_assert_not(child_kinds[CHILD_SERVICE_ACCOUNT].wanted(&f.in));
  f.stack->spec.design_tokens.config_map_ref = "given";
  cr_assert_not(child_kinds[CHILD_DESIGN_TOKENS].wanted(&f.in), "what is referred to is not ours");
}

Test(children, same_input_same_bytes) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  _cleanup_json_ cJSON *a = render_all(&f), *b = render_all(&f);
  char *first = cJSON_PrintUnformatted(a), *second = cJSON_PrintUnformatted(b);
  cr_assert_str_eq(first, second);
  free(first);
  free(second);
}

static size_t allocations_left;

static void *failing_malloc(size_t n) { return allocations_left && allocations_left-- ? malloc(n) : NULL; }

/* Whichever allocation of the tree fails: a whole manifest or none, and nothing leaks. */
Test(children, without_memory_there_is_none) {
  _cleanup_fixture_ struct render_fixture f = fixture_open("full");
  for (size_t i = 0; i < CHILD_KINDS; i++) {
    _cleanup_json_ cJSON *whole = fixture_render(&f, (enum child_kind)i);
    cJSON *manifest = NULL;
    for (size_t allocations = 0; !manifest; allocations++) {
      cr_assert_lt(allocations, 100000, "%s never succeeds", child_kinds[i].kind);
      allocations_left = allocations;
      cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = failing_malloc, .free_fn = free});
      manifest = child_kinds[i].render(&f.in);
      cJSON_InitHooks(NULL);
    }
    cr_assert(json_equal(manifest, whole));
    cJSON_Delete(manifest);
  }
}
