#include "routes/fields.h"

#include "base/clock.h"

#include <string.h>

void fields_wrong(struct wrong_fields *wrong, const char *prefix, const char *name, const char *message) {
  const char *path = arena_printf(wrong->arena, "%s%s", prefix, name);
  if (wrong->count < WRONG_FIELDS_MAX && path && message) wrong->all[wrong->count++] = (struct problem_error){path, message};
}

static bool is_text(const cJSON *value, int64_t min, int64_t max) {
  if (!cJSON_IsString(value)) return false;
  for (const char *c = value->valuestring; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
  int64_t n = (int64_t)strlen(value->valuestring);
  return n >= min && n <= max;
}

static bool are_texts(const cJSON *list, int64_t max) {
  const cJSON *item;
  if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > max) return false;
  cJSON_ArrayForEach(item, list) if (!is_text(item, 1, 64)) return false;
  return true;
}

/* The validator before cJSON lets no integer through that its double doesn't hold exactly. */
static bool is_integer(const cJSON *value, int64_t min, int64_t max) {
  double number = value->valuedouble;
  if (!cJSON_IsNumber(value) || number < (double)min || number > (double)max) return false;
  return number == (double)(int64_t)number;
}

/* Offsets reach 23:59 (RFC 3339, 5.6), PostgreSQL takes them to 15:59, and nobody's clock is beyond 14:00. */
static bool is_time(const cJSON *value) {
  int64_t ms;
  if (!cJSON_IsString(value) || parse_rfc3339(value->valuestring, &ms) < 0) return false;
  const char *offset = value->valuestring + strlen(value->valuestring) - strlen("+00:00");
  bool is_utc = *offset != '+' && *offset != '-';
  return is_utc || (offset[1] - '0') * 10 + offset[2] - '0' <= 15;
}

static bool is_right(const cJSON *value, const struct field *rule) {
  switch (rule->type) {
    case FIELD_TEXT: return is_text(value, rule->min, rule->max);
    case FIELD_INTEGER: return is_integer(value, rule->min, rule->max);
    case FIELD_TIME: return is_time(value);
    case FIELD_TEXTS: return are_texts(value, rule->max);
    case FIELD_OBJECT: return cJSON_IsObject(value);
  }
  return false;
}

static const char *expectation(struct arena *arena, const struct field *rule) {
  long long min = rule->min, max = rule->max;
  switch (rule->type) {
    case FIELD_TEXT: return arena_printf(arena, "must be a text of %lld to %lld bytes without control characters", min, max);
    case FIELD_INTEGER: return arena_printf(arena, "must be a whole number from %lld to %lld", min, max);
    case FIELD_TIME: return "must be a time such as 2026-01-31T12:00:00Z";
    case FIELD_TEXTS: return arena_printf(arena, "must be a list of at most %lld texts of 1 to 64 bytes", max);
    case FIELD_OBJECT: return "must be an object";
  }
  return NULL;
}

static const struct field *rule_of(const struct field *rules, const char *name) {
  for (; rules->name; rules++)
    if (!strcmp(rules->name, name)) return rules;
  return NULL;
}

void fields_check_known(const cJSON *object, const char *prefix, const struct field *rules, struct wrong_fields *wrong) {
  for (; rules->name; rules++) {
    const cJSON *value = json_member(object, rules->name);
    if (!value && rules->required) fields_wrong(wrong, prefix, rules->name, "is required");
    if (value && !is_right(value, rules)) fields_wrong(wrong, prefix, rules->name, expectation(wrong->arena, rules));
  }
}

void fields_check(const cJSON *object, const char *prefix, const struct field *rules, struct wrong_fields *wrong) {
  const cJSON *member;
  cJSON_ArrayForEach(member, object) if (!rule_of(rules, member->string)) {
    fields_wrong(wrong, prefix, member->string, "is not a field of this request");
  }
  fields_check_known(object, prefix, rules, wrong);
}

void fields_refuse(struct request *request, const char *path, const char *message) {
  struct problem_error wrong = {path, message};
  request_problem(request,
                  &(struct problem){.type = PROBLEM_INVALID_FIELDS, .detail = "One field is wrong.", .errors = &wrong, .error_count = 1});
}

bool fields_answer(struct request *request, const struct wrong_fields *wrong) {
  if (!wrong->count) return false;
  request_problem(request, &(struct problem){.type = PROBLEM_INVALID_FIELDS,
                                             .detail = wrong->count == 1 ? "One field is wrong." : "Several fields are wrong.",
                                             .errors = wrong->all,
                                             .error_count = wrong->count});
  return true;
}
