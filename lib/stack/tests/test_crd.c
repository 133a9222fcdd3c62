/* The CRD and the tables say the same: fields, types, defaults, descriptions, bounds and rules. */
#include "codec/yaml.h"
#include "stack/notification.h"
#include "stack_of.h"

#include <stdio.h>
#include <stdlib.h>

static cJSON *crd;

static void read_crd(void) {
  FILE *file = fopen(SOURCE_DIR "/crds/platform.supernova.com_supernovastacks.yaml", "re");
  cr_assert(file, "the CRD can't be read");
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 1 << 20);
  for (size_t n = 1; n;) {
    char *to = buffer_reserve(&text, 65536);
    cr_assert(to);
    n = fread(to, 1, 65536, file);
    buffer_grew(&text, n);
  }
  fclose(file);
  struct error error = {0};
  cr_assert(yaml_parse(text.data, text.len, &crd, &error) == 0, "%s", error.message);
}

static void forget_crd(void) { json_freep(&crd); }

TestSuite(crd, .init = read_crd, .fini = forget_crd);

static const cJSON *version(void) { return json_get(crd, "spec.versions")->child; }
static const cJSON *spec_schema(void) { return json_get(version(), "schema.openAPIV3Schema.properties.spec"); }

/* The CRD's default as the tables write one. */
static const char *default_text(const cJSON *schema, char to[32]) {
  const cJSON *value = json_member(schema, "default");
  if (cJSON_IsString(value)) return value->valuestring;
  if (cJSON_IsBool(value)) return cJSON_IsTrue(value) ? "true" : "false";
  if (!cJSON_IsNumber(value)) return NULL;
  snprintf(to, 32, "%lld", (long long)json_int(value, "", 0));
  return to;
}

static void compare_row(const char *path, const struct decode_field *field, const cJSON *schema) {
  static const char *const types[] = {
      [DECODE_STRING] = "string", [DECODE_BOOL] = "boolean", [DECODE_INT] = "integer", [DECODE_OBJECT] = "object"};
  char number[32];
  const char *fallback = default_text(schema, number);
  cr_assert(!fallback == !field->fallback && (!fallback || !strcmp(fallback, field->fallback)),
            "%s has the default %s in the CRD, %s in the table", path, fallback ? fallback : "none",
            field->fallback ? field->fallback : "none");
  cr_assert_str_eq(json_string(schema, "description", ""), field->doc);
  if (types[field->type]) cr_assert_str_eq(json_string(schema, "type", ""), types[field->type], "%s", path);
}

static void compare(const char *above, const struct decode_field *fields, const cJSON *schema) {
  const cJSON *properties = json_member(schema, "properties");
  int rows = 0;
  for (const struct decode_field *field = fields; field->path; field++, rows++) {
    char path[256];
    snprintf(path, sizeof path, "%s.%s", above, field->path);
    const cJSON *property = json_member(properties, field->path);
    cr_assert(property, "%s is not in the CRD", path);
    compare_row(path, field, property);
    if (field->type == DECODE_OBJECT) compare(path, field->fields, property);
  }
  cr_assert_eq(cJSON_GetArraySize(properties), rows, "the CRD has fields in %s that the table has not", above);
}

static const cJSON *hook_schema(void) { return json_get(spec_schema(), "properties.hooks.items"); }
static const cJSON *notification_schema(void) { return json_get(spec_schema(), "properties.notifications.items"); }

Test(crd, fields_defaults_and_descriptions_are_the_tables) {
  compare("spec", stack_fields, spec_schema());
  compare("spec.hooks[]", stack_hook_fields, hook_schema());
  compare("spec.notifications[]", stack_notification_fields, notification_schema());
}

Test(crd, names_are_the_headers) {
  cr_assert_str_eq(json_string(crd, "spec.group", ""), STACK_GROUP);
  cr_assert_str_eq(json_string(crd, "spec.names.plural", ""), STACK_PLURAL);
  cr_assert_str_eq(json_string(crd, "spec.names.kind", ""), STACK_KIND);
  cr_assert_str_eq(json_string(version(), "name", ""), STACK_VERSION);
}

/* A hook's paths begin with this, which opens more than a member. */
#define HOOK "hooks[0]"
#define OPEN "\"hooks\":[{\"name\":\"a\",\"command\":[\"b\"],\""

/* {"a":{"b":VALUE}} for the path a.b. */
static char *spec_with(const char *path, const char *value) {
  _cleanup_buffer_ struct buffer spec;
  buffer_init(&spec, 4096);
  size_t depth = 1;
  bool hook = !strncmp(path, HOOK ".", strlen(HOOK "."));
  buffer_puts(&spec, hook ? "{" OPEN : "{\"");
  for (const char *at = path + (hook ? strlen(HOOK ".") : 0); *at; at++) {
    if (*at == '.')
      depth++, buffer_puts(&spec, "\":{\"");
    else
      buffer_append(&spec, at, 1);
  }
  buffer_printf(&spec, "\":%s", value);
  while (depth-- > hook) buffer_puts(&spec, "}");
  if (hook) buffer_puts(&spec, "}]}");
  return buffer_take(&spec);
}

static void expect_valid(const char *path, const char *value, bool valid) {
  _cleanup_free_ char *spec = spec_with(path, value);
  _cleanup_(stack_freep) struct stack *stack = stack_of(spec);
  struct error error = {0};
  bool refused = stack_validate(stack, &error) < 0 && strstr(error.message, path) && strstr(error.message, "expected");
  cr_assert_eq(refused, !valid, "%s: %s", spec, error.message);
}

static void compare_bounds(const char *path, const cJSON *schema) {
  if (json_member(schema, "enum")) return;
  char value[32];
  int64_t min = json_int(schema, "minimum", 0), max = json_int(schema, "maximum", 0);
  const struct {
    int64_t value;
    bool valid;
  } cases[] = {{min - 1, false}, {min, true}, {max, true}, {max + 1, false}};
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    snprintf(value, sizeof value, "%lld", (long long)cases[i].value);
    expect_valid(path, value, cases[i].valid);
  }
}

static void compare_choices(const char *path, const cJSON *schema) {
  const cJSON *choice;
  cJSON_ArrayForEach(choice, json_member(schema, "enum")) {
    char value[64];
    snprintf(value, sizeof value, "\"%s\"", choice->valuestring);
    expect_valid(path, value, true);
    expect_valid(path, "\"else\"", false);
  }
}

static void compare_limits(const char *above, const struct decode_field *fields, const cJSON *schema) {
  for (const struct decode_field *field = fields; field->path; field++) {
    char path[256];
    snprintf(path, sizeof path, "%s%s%s", above, *above ? "." : "", field->path);
    const cJSON *property = json_member(json_member(schema, "properties"), field->path);
    if (field->type == DECODE_INT) compare_bounds(path, property);
    if (field->type == DECODE_STRING) compare_choices(path, property);
    if (field->type == DECODE_OBJECT) compare_limits(path, field->fields, property);
  }
}

Test(crd, the_operator_refuses_what_the_bounds_refuse) {
  compare_limits("", stack_fields, spec_schema());
  compare_limits(HOOK, stack_hook_fields, hook_schema());
}

Test(crd, the_events_that_can_be_told_are_the_same) {
  const cJSON *events = json_get(notification_schema(), "properties.events"), *event;
  size_t n = 0;
  cJSON_ArrayForEach(event, json_get(events, "items.enum")) cr_assert_str_eq(event->valuestring, stack_notification_events[n++]);
  cr_assert_null(stack_notification_events[n]);
  cr_assert_eq(json_int(events, "maxItems", 0), n);
}

Test(crd, the_reserved_names_are_the_same) {
  const cJSON *rule = json_get(spec_schema(), "properties.config.properties.env.x-kubernetes-validations")->child->next;
  const char *text = json_string(rule, "rule", "");
  size_t listed = 0, reserved = 0;
  for (const char *at = text; *at; at++) listed += *at == '\'';
  for (; stack_reserved_env[reserved]; reserved++) {
    char quoted[80];
    snprintf(quoted, sizeof quoted, "'%s'", stack_reserved_env[reserved]);
    cr_assert(strstr(text, quoted), "%s is not in the CRD's rule", quoted);
  }
  cr_assert_eq(listed, 2 * reserved);
}

static void count_rules(const cJSON *schema, size_t *rules, size_t *without) {
  const cJSON *member;
  cJSON_ArrayForEach(member, json_member(schema, "x-kubernetes-validations")) {
    ++*rules;
    *without += strlen(json_string(member, "message", "")) < 20;
  }
  cJSON_ArrayForEach(member, schema) count_rules(member, rules, without);
}

Test(crd, every_rule_has_a_sentence) {
  size_t rules = 0, without = 0;
  count_rules(version(), &rules, &without);
  cr_assert(rules > 40, "only %zu rules were found", rules);
  cr_assert_eq(without, 0);
}
