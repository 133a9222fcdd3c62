/* What `migrate status` prints: every migration that this image holds or the database has, with its state. Pure.
 *
 *     FILE             STATE    APPLIED                   TOOK   SERVES FROM
 *     0001_ledger.sql  applied  2026-01-02T03:04:05.678Z  52 ms  1
 *     0002_live.sql    pending  -                         -      1
 *     schema 1, serves images from 1 on; this image works with 1 to 2: it fits
 *
 *     {"schemaVersion":1,"servesFrom":1,"accepts":[1,2],"fits":true,"migrations":[{"version":1,"file":"0001_ledger.sql","state":"applied",
 *      "servesFrom":1,"appliedAt":"2026-01-02T03:04:05.678Z","durationMs":52},…]}
 */
#pragma once

#include "base/buffer.h"
#include "store/migration.h"

/* applied; pending: the next run applies it; edited, late: refused (migration_plan says why); newer: of a newer image; foreign: of an image that
 * isn't an ancestor of this one. */
enum migration_state { STATE_APPLIED, STATE_PENDING, STATE_EDITED, STATE_LATE, STATE_NEWER, STATE_FOREIGN };

/* Both sorted by version. */
struct migrate_view {
  const struct migration *own;
  size_t own_count;
  const struct applied_migration *applied;
  size_t applied_count;
  struct schema_database schema;
  struct schema_image image;
};

const char *migration_state_name(enum migration_state state);
void migrate_status_text(const struct migrate_view *view, struct buffer *to);
void migrate_status_json(const struct migrate_view *view, struct buffer *to);
