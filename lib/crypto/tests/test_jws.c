#include "../src/jws.h"

#include <criterion/criterion.h>

static const struct json_limits limits = {.max_bytes = 32, .max_depth = 4, .max_keys = 8, .no_duplicate_keys = true};

Test(jws, three_parts_and_what_is_signed_of_them) {
  static const struct {
    const char *text, *header, *payload, *signature; /* header NULL: refused */
  } rows[] = {{"a.bc.def", "a", "bc", "def"}, {"..", "", "", ""},      {"", NULL, NULL, NULL},        {"a", NULL, NULL, NULL},
              {"a.b", NULL, NULL, NULL},      {".", NULL, NULL, NULL}, {"a.b.c.d", NULL, NULL, NULL}, {"...", NULL, NULL, NULL}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct jws jws = {0};
    const char *wrong = jws_split(rows[i].text, strlen(rows[i].text), &jws);
    cr_expect_eq(wrong == NULL, rows[i].header != NULL, "\"%s\": %s", rows[i].text, wrong ? wrong : "taken");
    if (wrong || !rows[i].header) continue;
    const struct jws_part *parts[] = {&jws.header, &jws.payload, &jws.signature};
    const char *expected[] = {rows[i].header, rows[i].payload, rows[i].signature};
    for (size_t k = 0; k < ELEMENTS(parts); k++)
      cr_expect(parts[k]->n == strlen(expected[k]) && !memcmp(parts[k]->text, expected[k], parts[k]->n), "\"%s\", part %zu", rows[i].text,
                k);
    cr_expect_eq(jws.covered.n, jws.header.n + 1 + jws.payload.n);
    cr_expect_eq(jws.covered.text, rows[i].text);
  }
}

Test(jws, a_part_is_an_object_within_its_limits) {
  static const struct {
    const char *text, *wrong;
  } rows[] = {
      {"eyJhIjoxfQ", NULL},                            /* {"a":1} */
      {"W10", "has a part that is no JSON object"},    /* [] */
      {"bnVsbA", "has a part that is no JSON object"}, /* null */
      {"", "has a part that is not JSON in base64url"},
      {"eyJhIjoxfQ==", "has a part that is not JSON in base64url"},
      {"e30+", "has a part that is not JSON in base64url"},
      {"eyJhIjoxLCJhIjoyfQ", "has a part that is not JSON in base64url"}, /* {"a":1,"a":2} */
      {"eyJhIjoieHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHgifQ", "has a part that is not JSON in base64url"}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    cJSON *found = NULL;
    const char *wrong = jws_read(&(struct jws_part){rows[i].text, strlen(rows[i].text)}, &limits, &found);
    cr_expect(wrong == rows[i].wrong || (wrong && rows[i].wrong && !strcmp(wrong, rows[i].wrong)), "%s: %s", rows[i].text,
              wrong ? wrong : "taken");
    cJSON_Delete(found);
  }
}

Test(jws, headers) {
  static const struct {
    const char *json;
    bool has_alg, plain;
  } rows[] = {{"{\"alg\":\"ES256\"}", true, true},
              {"{}", false, true},
              {"{\"alg\":[\"ES256\"]}", false, true},
              {"{\"Alg\":\"ES256\"}", false, true},
              {"{\"alg\":\"es256\"}", false, true},
              {"{\"alg\":\"ES256\",\"crit\":[]}", true, false},
              {"{\"alg\":\"ES256\",\"jwk\":{}}", true, false},
              {"{\"alg\":\"ES256\",\"jku\":\"u\"}", true, false},
              {"{\"alg\":\"ES256\",\"x5u\":null}", true, false}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    cJSON *header = cJSON_Parse(rows[i].json);
    cr_expect_eq(jws_has_alg(header, "ES256"), rows[i].has_alg, "%s", rows[i].json);
    cr_expect_eq(jws_is_plain(header), rows[i].plain, "%s", rows[i].json);
    cJSON_Delete(header);
  }
}
