#include "release/history_told.h"

#include "base/clock.h"
#include "release/job_memory.h"
#include "release/rollback_verdict.h"

static const char *state_of(const struct history *history, const struct child *revision) {
  const struct revision_facts *r = &revision->revision;
  bool releasing = r->began_ms || revision == history->target;
  if (revision == history->current) return "Deployed";
  if (r->failed) return "Failed";
  return releasing ? "Releasing" : r->deployed_ms ? "Superseded" : "Abandoned";
}

static cJSON *tell(const struct observation *o, const struct history *history, const struct child *revision, bool secret_ok) {
  const struct revision_facts *r = &revision->revision;
  const struct rollback_evidence e = rollback_evidence_of(o, revision, history->current, secret_ok);
  const struct job_memory migration = job_memory_of(revision, "migrate");
  char deployed_at[RFC3339_SIZE];
  cJSON *to = cJSON_CreateObject();
  cJSON_AddNumberToObject(to, "revision", (double)r->number);
  if (r->image) cJSON_AddStringToObject(to, "image", r->image);
  if (r->env_name_hash) cJSON_AddStringToObject(to, "configHash", r->env_name_hash);
  if (migration.schema_version >= 0) cJSON_AddNumberToObject(to, "schemaVersion", (double)migration.schema_version);
  cJSON_AddStringToObject(to, "state", state_of(history, revision));
  format_rfc3339(r->deployed_ms, deployed_at);
  if (r->deployed_ms) cJSON_AddStringToObject(to, "deployedAt", deployed_at);
  cJSON_AddStringToObject(to, "rollback", rollback_verdict_name(rollback_judge(&e)));
  return to;
}

/* Where it belongs: the newest comes first. */
static int place_of(const cJSON *list, int64_t number) {
  int place = 0;
  const cJSON *before;
  cJSON_ArrayForEach(before, list) place += json_int(before, "revision", 0) > number;
  return place;
}

cJSON *history_tell(const struct observation *o, const struct history *history, bool secret_ok) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  cJSON *list = cJSON_CreateArray();
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    if (!observation_owns(o, revision) || revision->deleting) continue;
    cJSON *told = tell(o, history, revision, secret_ok);
    if (!cJSON_InsertItemInArray(list, place_of(list, revision->revision.number), told)) cJSON_Delete(told);
  }
  return list;
}
