#include "store/migrate_status.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct migration own[3];
static struct applied_migration applied[4];

static struct migrate_view view_of(const int *versions, size_t count) {
  static const struct sql_file files[] = {{"0001_a.sql", "", ""}, {"0002_b.sql", "", ""}, {"0004_dd.sql", "", ""}};
  static const int numbers[] = {1, 2, 4};
  for (size_t i = 0; i < 3; i++) {
    own[i] = (struct migration){.version = numbers[i], .serves_from = 1, .file = &files[i]};
    (void)snprintf(own[i].sha256, sizeof own[i].sha256, "%d", numbers[i]);
  }
  for (size_t i = 0; i < count; i++) {
    applied[i] = (struct applied_migration){.version = versions[i], .serves_from = 1, .at = "2026-01-02T03:04:05.678Z", .duration_ms = 52};
    (void)snprintf(applied[i].name, sizeof applied[i].name, "%04d_then.sql", versions[i]);
    (void)snprintf(applied[i].sha256, sizeof applied[i].sha256, "%d", versions[i]);
  }
  return (struct migrate_view){.own = own,
                               .own_count = 3,
                               .applied = applied,
                               .applied_count = count,
                               .schema = {count ? versions[count - 1] : 0, count ? 1 : 0},
                               .image = {1, 4}};
}

Test(migrate_status, states) {
  static const struct {
    int applied[4];
    int edited; /* the version whose digest differs */
    const char *states;
  } rows[] = {
      {{0}, 0, "pending pending pending "},
      {{1}, 0, "applied pending pending "},
      {{1, 2, 4}, 0, "applied applied applied "},
      {{1, 2}, 2, "applied edited pending "},
      {{1, 4}, 0, "applied late applied "},
      {{1, 2, 3}, 0, "applied applied foreign pending "},
      {{1, 2, 4, 9}, 0, "applied applied applied newer "},
  };
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    size_t count = 0;
    while (count < 4 && rows[i].applied[count]) count++;
    struct migrate_view view = view_of(rows[i].applied, count);
    for (size_t k = 0; k < count; k++)
      if (applied[k].version == rows[i].edited) (void)snprintf(applied[k].sha256, sizeof applied[k].sha256, "beef");
    char states[200] = "";
    _cleanup_buffer_ struct buffer json;
    buffer_init(&json, 65536);
    migrate_status_json(&view, &json);
    for (const char *at = buffer_text(&json); (at = strstr(at, "\"state\":\""));) {
      at += 9;
      (void)snprintf(states + strlen(states), sizeof states - strlen(states), "%.*s ", (int)strcspn(at, "\""), at);
    }
    cr_expect_str_eq(states, rows[i].states, "row %zu", i);
  }
}

Test(migrate_status, text) {
  struct migrate_view view = view_of((const int[]){1}, 1);
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 65536);
  migrate_status_text(&view, &text);
  cr_expect_str_eq(buffer_text(&text),
                   "FILE           STATE    APPLIED                   TOOK       SERVES FROM\n"
                   "0001_then.sql  applied  2026-01-02T03:04:05.678Z  52 ms      1\n"
                   "0002_b.sql     pending  -                         -          1\n"
                   "0004_dd.sql    pending  -                         -          1\n"
                   "schema 1, serves images from 1 on; this image works with 1 to 4: it fits\n");
}

Test(migrate_status, json) {
  struct migrate_view view = view_of((const int[]){1}, 1);
  view.own_count = 2;
  view.schema.serves_from = 5;
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 65536);
  migrate_status_json(&view, &text);
  cr_expect_str_eq(
      buffer_text(&text),
      "{\"schemaVersion\":1,\"servesFrom\":5,\"accepts\":[1,4],\"fits\":false,\"migrations\":["
      "{\"version\":1,\"file\":\"0001_then.sql\",\"state\":\"applied\",\"servesFrom\":1,"
      "\"appliedAt\":\"2026-01-02T03:04:05.678Z\",\"durationMs\":52},"
      "{\"version\":2,\"file\":\"0002_b.sql\",\"state\":\"pending\",\"servesFrom\":1,\"appliedAt\":null,\"durationMs\":null}]}\n");
}
