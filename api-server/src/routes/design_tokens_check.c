#include "routes/design_tokens_check.h"

#include "base/map.h"

#include <string.h>

/* ---- types ---- */

static const struct type {
  const char *name;
  int values; /* the JSON types of cJSON that a value may have; a reference is a text in place of any */
} types[] = {
    {"color", cJSON_String | cJSON_Object},
    {"dimension", cJSON_String | cJSON_Object},
    {"fontFamily", cJSON_String | cJSON_Array},
    {"fontWeight", cJSON_Number | cJSON_String},
    {"duration", cJSON_String | cJSON_Object},
    {"cubicBezier", cJSON_Array},
    {"number", cJSON_Number},
    {"strokeStyle", cJSON_String | cJSON_Object},
    {"border", cJSON_Object},
    {"transition", cJSON_Object},
    {"shadow", cJSON_Object | cJSON_Array},
    {"gradient", cJSON_Array},
    {"typography", cJSON_Object},
};

static const struct type *type_of_name(const cJSON *name) {
  for (size_t i = 0; cJSON_IsString(name) && i < ELEMENTS(types); i++)
    if (!strcmp(types[i].name, name->valuestring)) return &types[i];
  return NULL;
}

/* ---- gathering ---- */

enum progress { UNSEEN, OPEN, DONE };

struct token {
  const char *path;
  const cJSON *value;
  const struct type *own, *of_group, *type; /* what it says, what is around it, what it comes to */
  const struct token *names;                /* where its whole value is a reference */
  enum progress progress;
  unsigned chain; /* references in a row from here on */
  struct token *next;
};

struct checking {
  struct wrong_fields *wrong;
  struct map *by_path;
  struct token *first, **last;
};

static void fault(struct checking *c, const char *path, const char *member, const char *message) {
  fields_wrong(c->wrong, *path && *member ? arena_printf(c->wrong->arena, "%s.", path) : path, member, message);
}

static const char *name_fault(const char *name) {
  if (*name == '$' && strcmp(name, "$root") != 0) return "is not known here";
  if (!*name) return "is an empty name";
  return strpbrk(name, "{}.") ? "has one of \"{}.\" in its name" : NULL;
}

/* What groups and tokens have in common. */
static bool check_property(struct checking *c, const char *path, const cJSON *property) {
  const char *name = property->string, *expected = NULL;
  if (!strcmp(name, "$type"))
    expected = type_of_name(property) ? NULL : "must be a type of the format, such as color or dimension";
  else if (!strcmp(name, "$description"))
    expected = cJSON_IsString(property) ? NULL : "must be a text";
  else if (!strcmp(name, "$extensions"))
    expected = cJSON_IsObject(property) ? NULL : "must be an object";
  else if (!strcmp(name, "$deprecated"))
    expected = cJSON_IsString(property) || cJSON_IsBool(property) ? NULL : "must be a text, true or false";
  else
    return false;
  if (expected) fault(c, path, name, expected);
  return true;
}

static void take_token(struct checking *c, const char *path, const cJSON *json, const struct type *of_group) {
  const cJSON *member;
  struct token *token = arena_alloc(c->wrong->arena, sizeof *token);
  cJSON_ArrayForEach(member, json) if (strcmp(member->string, "$value") != 0 && !check_property(c, path, member)) {
    fault(c, path, member->string, "is not a property of a token");
  }
  if (!token || map_put(c->by_path, path, token) < 0) {
    fault(c, path, "", "could not be checked for want of memory");
    return;
  }
  *token = (struct token){.path = path,
                          .value = cJSON_GetObjectItemCaseSensitive(json, "$value"),
                          .own = type_of_name(json_member(json, "$type")),
                          .of_group = of_group};
  *c->last = token;
  c->last = &token->next;
}

/* As deep as the validator lets JSON be. */
static void take_group(struct checking *c, const char *path, const cJSON *json, const struct type *of_group) {
  const struct type *own = type_of_name(json_member(json, "$type"));
  const cJSON *member;
  cJSON_ArrayForEach(member, json) {
    if (check_property(c, path, member)) continue;
    const char *wrong = name_fault(member->string);
    char *inner = arena_printf(c->wrong->arena, *path ? "%s.%s" : "%s%s", path, member->string);
    if (wrong || !inner)
      fault(c, path, member->string, wrong ? wrong : "could not be checked for want of memory");
    else if (!cJSON_IsObject(member))
      fault(c, path, member->string, "must be a group or a token, so an object");
    else if (cJSON_GetObjectItemCaseSensitive(member, "$value"))
      take_token(c, inner, member, own ? own : of_group);
    else
      take_group(c, inner, member, own ? own : of_group);
  }
}

/* ---- references ---- */

static bool is_reference(const cJSON *value) {
  size_t n = cJSON_IsString(value) ? strlen(value->valuestring) : 0;
  return n >= 2 && value->valuestring[0] == '{' && value->valuestring[n - 1] == '}';
}

static void visit(struct checking *c, struct token *token, unsigned depth);

/* What VALUE names; NULL where that can't be. */
static struct token *follow(struct checking *c, struct token *from, const cJSON *value, unsigned depth) {
  const char *text = value->valuestring;
  const char *path = arena_strndup(c->wrong->arena, text + 1, strlen(text) - 2);
  struct token *to = path ? map_get(c->by_path, path) : NULL;
  const char *wrong = NULL;
  if (!to)
    wrong = arena_printf(c->wrong->arena, "names %s, which is no token of this document", text);
  else if (to->progress == OPEN)
    wrong = arena_printf(c->wrong->arena, "goes in a circle: %s leads back here", text);
  else if (depth >= DESIGN_TOKENS_CHAIN_MAX)
    wrong = "leads through too many references in a row";
  if (wrong) {
    fault(c, from->path, "$value", wrong);
    return NULL;
  }
  visit(c, to, depth + 1);
  if (to->chain + 1 > from->chain) from->chain = to->chain + 1;
  return to;
}

/* All that stand in a composite value. */
static void follow_within(struct checking *c, struct token *token, const cJSON *value, unsigned depth) {
  const cJSON *item;
  if (is_reference(value)) (void)follow(c, token, value, depth);
  cJSON_ArrayForEach(item, value) follow_within(c, token, item, depth);
}

/* ---- tokens ---- */

static void settle(struct checking *c, struct token *token) {
  const struct type *named = token->names ? token->names->type : NULL;
  token->type = token->own ? token->own : named ? named : token->of_group;
  if (token->chain > DESIGN_TOKENS_CHAIN_MAX) fault(c, token->path, "$value", "leads through too many references in a row");
  if (is_reference(token->value)) {
    if (named && named != token->type)
      fault(c, token->path, "$value", arena_printf(c->wrong->arena, "names a %s, and must be a %s", named->name, token->type->name));
    return;
  }
  if (!token->type)
    fault(c, token->path, "$type", "is required, here or in a group around it");
  else if (!((token->value->type & 0xff) & token->type->values))
    fault(c, token->path, "$value", arena_printf(c->wrong->arena, "is not what a %s may be", token->type->name));
}

static void visit(struct checking *c, struct token *token, unsigned depth) {
  if (token->progress != UNSEEN) return;
  token->progress = OPEN;
  if (is_reference(token->value))
    token->names = follow(c, token, token->value, depth);
  else
    follow_within(c, token, token->value, depth);
  settle(c, token);
  token->progress = DONE;
}

void design_tokens_check(const cJSON *json, struct wrong_fields *wrong) {
  struct checking c = {.wrong = wrong, .by_path = map_new(NULL)};
  c.last = &c.first;
  if (!c.by_path) {
    fields_wrong(wrong, "", "", "could not be checked for want of memory");
    return;
  }
  if (cJSON_GetObjectItemCaseSensitive(json, "$value"))
    fields_wrong(wrong, "", "$value", "is the value of a token, which must have a name");
  else
    take_group(&c, "", json, NULL);
  for (struct token *token = c.first; token; token = token->next) visit(&c, token, 0);
  map_free(c.by_path);
}
