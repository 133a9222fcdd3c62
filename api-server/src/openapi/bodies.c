#include "openapi/bodies.h"

#include "auth/mint.h"
#include "routes/bodies.h"
#include "routes/grant_body.h"

/* ---- fields ---- */

/* As fields.c wants a text: its bytes are counted, and no control bytes. */
static void put_text(cJSON *schema, int64_t min, int64_t max) {
  cJSON_AddNumberToObject(schema, "minLength", (double)min);
  cJSON_AddNumberToObject(schema, "maxLength", (double)max);
  cJSON_AddStringToObject(schema, "pattern", "^[^\\x00-\\x1f\\x7f]*$");
}

static void put_texts(cJSON *schema, int64_t max) {
  cJSON *items = cJSON_AddObjectToObject(schema, "items");
  cJSON_AddNumberToObject(schema, "maxItems", (double)max);
  cJSON_AddStringToObject(items, "type", "string");
  put_text(items, 1, 64);
}

static const char *type_of(enum field_type type) {
  switch (type) {
    case FIELD_TEXT:
    case FIELD_TIME: return "string";
    case FIELD_INTEGER: return "integer";
    case FIELD_TEXTS: return "array";
    case FIELD_OBJECT: break;
  }
  return "object";
}

static void put_type(cJSON *schema, const char *type, bool nullable) {
  if (!nullable) {
    cJSON_AddStringToObject(schema, "type", type);
    return;
  }
  const char *const both[] = {type, "null"};
  cJSON_AddItemToObject(schema, "type", cJSON_CreateStringArray(both, 2));
}

cJSON *schema_of_field(const struct field *rule, bool nullable) {
  cJSON *schema = cJSON_CreateObject();
  put_type(schema, type_of(rule->type), nullable);
  switch (rule->type) {
    case FIELD_TEXT: put_text(schema, rule->min, rule->max); break;
    case FIELD_TIME: cJSON_AddStringToObject(schema, "format", "date-time"); break;
    case FIELD_TEXTS: put_texts(schema, rule->max); break;
    case FIELD_INTEGER:
      cJSON_AddNumberToObject(schema, "minimum", (double)rule->min);
      cJSON_AddNumberToObject(schema, "maximum", (double)rule->max);
      break;
    case FIELD_OBJECT: break; /* its caller says more */
  }
  return schema;
}

cJSON *schema_of_fields(const struct field *rules, enum strictness strictness) {
  cJSON *schema = cJSON_CreateObject();
  cJSON_AddStringToObject(schema, "type", "object");
  cJSON *properties = cJSON_AddObjectToObject(schema, "properties"), *required = cJSON_AddArrayToObject(schema, "required");
  for (; rules->name; rules++) {
    cJSON_AddItemToObject(properties, rules->name, schema_of_field(rules, !rules->required));
    if (rules->required) cJSON_AddItemToArray(required, cJSON_CreateString(rules->name));
  }
  if (strictness == BODY_STRICT) cJSON_AddBoolToObject(schema, "additionalProperties", false);
  return schema;
}

static cJSON *property(const cJSON *schema, const char *name) {
  return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(schema, "properties"), name);
}

/* ---- bodies ---- */

cJSON *token_body(const struct settings *settings) {
  struct token_rules rules = token_rules(settings);
  cJSON *schema = schema_of_fields(rules.all, BODY_STRICT);
  cJSON *names = cJSON_AddObjectToObject(cJSON_AddObjectToObject(property(schema, "extra"), "propertyNames"), "not");
  cJSON *reserved = cJSON_AddArrayToObject(names, "enum");
  for (const char *const *claim = mint_reserved; *claim; claim++) cJSON_AddItemToArray(reserved, cJSON_CreateString(*claim));
  return schema;
}

cJSON *grant_body(const struct settings *settings) {
  (void)settings;
  cJSON *schema = schema_of_fields(grant_body_rules, BODY_STRICT);
  cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(schema, "properties"), "grant",
                                         schema_of_fields(grant_rules, BODY_STRICT));
  return schema;
}

cJSON *product_body(const struct settings *settings) {
  (void)settings;
  return schema_of_fields(product_rules, BODY_STRICT);
}

cJSON *google_body(const struct settings *settings) {
  cJSON *schema = schema_of_fields(google_rules, BODY_STRICT);
  cJSON_AddStringToObject(property(schema, "packageName"), "const", settings->google_package_name);
  cJSON_AddStringToObject(cJSON_AddObjectToObject(schema, "example"), "packageName", settings->google_package_name);
  return schema;
}

cJSON *apple_body(const struct settings *settings) {
  (void)settings;
  return schema_of_fields(apple_rules, BODY_STRICT);
}

/* One for each event that is known; x-bodies has all others. */
cJSON *collabpay_body(const struct settings *settings) {
  (void)settings;
  cJSON *schema = cJSON_CreateObject();
  cJSON_AddStringToObject(schema, "type", "object");
  cJSON *all = cJSON_AddArrayToObject(schema, "anyOf"), *names = cJSON_CreateArray();
  for (unsigned event = 0; event < PAYMENT_EVENTS; event++) {
    const char *name = payment_event_name((enum payment_event)event);
    cJSON *one = schema_of_fields(collabpay_rules[event], BODY_OPEN);
    cJSON_AddStringToObject(one, "title", name);
    cJSON_AddStringToObject(property(one, "event"), "const", name);
    cJSON_AddItemToArray(all, one);
    cJSON_AddItemToArray(names, cJSON_CreateString(name));
  }
  cJSON *other = cJSON_CreateObject();
  cJSON_AddItemToArray(all, other);
  cJSON_AddStringToObject(other, "title", "any other event: of no use to us");
  cJSON *event = cJSON_AddObjectToObject(cJSON_AddObjectToObject(other, "properties"), "event");
  cJSON_AddItemToObject(cJSON_AddObjectToObject(event, "not"), "enum", names);
  return schema;
}

static cJSON *open_object(void) { return schema_of_fields((const struct field[]){{0}}, BODY_OPEN); }

cJSON *design_tokens_body(const struct settings *settings) {
  (void)settings;
  return open_object();
}

cJSON *google_push_body(const struct settings *settings) {
  (void)settings;
  return open_object();
}

cJSON *apple_push_body(const struct settings *settings) {
  (void)settings;
  return open_object();
}
