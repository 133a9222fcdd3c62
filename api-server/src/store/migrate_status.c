#include "store/migrate_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One line: OWN, APPLIED or both. */
struct row {
  const struct migration *own;
  const struct applied_migration *applied;
  enum migration_state state;
  const char *name;
  int version, serves_from;
};

const char *migration_state_name(enum migration_state state) {
  static const char *const names[] = {"applied", "pending", "edited", "late", "newer", "foreign"};
  return names[state];
}

static enum migration_state state_of(const struct row *row, const struct migrate_view *view) {
  if (!row->applied) return row->own->version < view->schema.current ? STATE_LATE : STATE_PENDING;
  if (!row->own) return row->version > view->image.max ? STATE_NEWER : STATE_FOREIGN;
  return strcmp(row->own->sha256, row->applied->sha256) ? STATE_EDITED : STATE_APPLIED;
}

/* Steps through both lists as one. */
static bool next_row(const struct migrate_view *view, size_t *own, size_t *applied, struct row *ret) {
  const struct migration *o = *own < view->own_count ? &view->own[*own] : NULL;
  const struct applied_migration *a = *applied < view->applied_count ? &view->applied[*applied] : NULL;
  if (!o && !a) return false;
  bool both = o && a && o->version == a->version;
  bool take_own = both || (o && (!a || o->version < a->version));
  *ret = (struct row){.own = take_own ? o : NULL, .applied = both || !take_own ? a : NULL};
  ret->name = ret->applied ? ret->applied->name : ret->own->file->name;
  ret->version = ret->applied ? ret->applied->version : ret->own->version;
  ret->serves_from = ret->applied ? ret->applied->serves_from : ret->own->serves_from;
  ret->state = state_of(ret, view);
  *own += ret->own != NULL;
  *applied += ret->applied != NULL;
  return true;
}

static int widest_name(const struct migrate_view *view) {
  struct row row;
  size_t width = 4;
  for (size_t own = 0, applied = 0; next_row(view, &own, &applied, &row);)
    if (strlen(row.name) > width) width = strlen(row.name);
  return (int)width;
}

void migrate_status_text(const struct migrate_view *view, struct buffer *to) {
  int width = widest_name(view);
  struct row row;
  buffer_printf(to, "%-*s  STATE    %-24s  %-9s  SERVES FROM\n", width, "FILE", "APPLIED", "TOOK");
  for (size_t own = 0, applied = 0; next_row(view, &own, &applied, &row);) {
    char took[32] = "-";
    if (row.applied) (void)snprintf(took, sizeof took, "%" PRId64 " ms", row.applied->duration_ms);
    buffer_printf(to, "%-*s  %-7s  %-24s  %-9s  %d\n", width, row.name, migration_state_name(row.state),
                  row.applied ? row.applied->at : "-", took, row.serves_from);
  }
  buffer_printf(to, "schema %d, serves images from %d on; this image works with %d to %d: it %s\n", view->schema.current,
                view->schema.serves_from, view->image.min, view->image.max,
                schema_fits(view->schema, view->image) ? "fits" : "does not fit");
}

void migrate_status_json(const struct migrate_view *view, struct buffer *to) {
  struct row row;
  buffer_printf(to, "{\"schemaVersion\":%d,\"servesFrom\":%d,\"accepts\":[%d,%d],\"fits\":%s,\"migrations\":[", view->schema.current,
                view->schema.serves_from, view->image.min, view->image.max, schema_fits(view->schema, view->image) ? "true" : "false");
  const char *comma = "";
  for (size_t own = 0, applied = 0; next_row(view, &own, &applied, &row); comma = ",") {
    buffer_printf(to, "%s{\"version\":%d,\"file\":", comma, row.version);
    buffer_json_string(to, row.name, strlen(row.name));
    buffer_printf(to, ",\"state\":\"%s\",\"servesFrom\":%d", migration_state_name(row.state), row.serves_from);
    if (row.applied)
      buffer_printf(to, ",\"appliedAt\":\"%s\",\"durationMs\":%" PRId64 "}", row.applied->at, row.applied->duration_ms);
    else
      buffer_puts(to, ",\"appliedAt\":null,\"durationMs\":null}");
  }
  buffer_puts(to, "]}\n");
}
