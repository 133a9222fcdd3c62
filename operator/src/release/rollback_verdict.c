#include "release/rollback_verdict.h"

#include "release/failure.h"
#include "release/job_memory.h"

#include <string.h>

/* ---- the test ---- */

static bool fits(const struct rollback_evidence *e) {
  bool new_enough = e->current >= e->accepts_min;
  bool still_served = e->accepts_max >= e->current || (e->serves_from >= 0 && e->accepts_max >= e->serves_from);
  return new_enough && still_served;
}

static bool is_told(const struct rollback_evidence *e) {
  return e->current >= 0 && e->accepts_min >= 0 && e->accepts_max >= 0 && (e->serves_from >= 0 || e->accepts_max >= e->current);
}

/* A schema only ever moves forward: what doesn't fit now won't after another migration. */
static enum rollback_verdict judge_schema(const struct rollback_evidence *e) {
  if (is_told(e) && !fits(e)) return ROLLBACK_SCHEMA_AHEAD;
  if (e->unsettled) return ROLLBACK_UNKNOWN;
  return is_told(e) || e->schema_is_its_own ? ROLLBACK_SAFE : ROLLBACK_UNKNOWN;
}

enum rollback_verdict rollback_judge(const struct rollback_evidence *e) {
  if (!e->secret_ok) return ROLLBACK_SECRET_GONE;
  if (e->image_missing) return ROLLBACK_IMAGE_MISSING;
  return judge_schema(e);
}

const char *rollback_verdict_name(enum rollback_verdict verdict) {
  static const char *const names[] = {[ROLLBACK_SAFE] = "safe",
                                      [ROLLBACK_SCHEMA_AHEAD] = "schema-ahead",
                                      [ROLLBACK_SECRET_GONE] = "secret-gone",
                                      [ROLLBACK_IMAGE_MISSING] = "image-missing",
                                      [ROLLBACK_UNKNOWN] = "unknown"};
  return names[verdict];
}

static const char *explain_schema(const struct rollback_evidence *e, struct arena *arena) {
  long long current = (long long)e->current, from = (long long)e->serves_from;
  long long min = (long long)e->accepts_min, max = (long long)e->accepts_max;
  return from < 0 ? arena_printf(arena, "the database's schema is %lld, but its image accepts %lld to %lld", current, min, max)
                  : arena_printf(arena, "the database's schema is %lld and serves images from %lld on, but its image accepts %lld to %lld",
                                 current, from, min, max);
}

const char *rollback_explain(const struct rollback_evidence *e, struct arena *arena) {
  switch (rollback_judge(e)) {
    case ROLLBACK_SAFE: return "it can serve";
    case ROLLBACK_SCHEMA_AHEAD: return explain_schema(e, arena);
    case ROLLBACK_SECRET_GONE: return "the Secret, or a key of it, is gone";
    case ROLLBACK_IMAGE_MISSING: return "its image could not be pulled";
    case ROLLBACK_UNKNOWN: break;
  }
  return e->unsettled ? "a migration was begun and has not told which schema it left behind"
                      : "nobody has told whether its image works with the database's schema";
}

/* ---- the evidence ---- */

static bool has_words(const char *const *words, const char *text) {
  for (; *words; words++)
    if (!strcmp(*words, text)) return true;
  return false;
}

/* Waiting reasons of the kubelet (pkg/kubelet/images/types.go). */
static bool cannot_be_pulled(const struct observation *o, const struct child *revision) {
  static const char *const reasons[] = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", NULL};
  const struct child_list *pods = &o->children[RESOURCE_POD];
  const char *hash = child_release_hash(revision);
  for (size_t i = 0; i < pods->count; i++) {
    const struct pod_facts *pod = &pods->items[i]->pod;
    if (pod->content_hash && !strcmp(pod->content_hash, hash) && pod->waiting && has_words(reasons, pod->waiting)) return true;
  }
  return false;
}

static bool is_of_database(const char *identity, const char *database) {
  const char *at = identity ? strchr(identity, '@') : NULL;
  return at && !strcmp(at + 1, database);
}

struct telling {
  int64_t told_ms, done_ms, current, serves_from;
  const char *done; /* identity of the last success */
};

/* The last word on this database's schema, over all revisions. */
static void hear(const struct observation *o, const struct job_memory *m, struct telling *t) {
  if (m->done && is_of_database(m->done, o->secret->database) && (!t->done || m->done_ms >= t->done_ms)) {
    t->done = m->done;
    t->done_ms = m->done_ms;
  }
  bool of_this = is_of_database(m->purpose ? m->purpose : m->done, o->secret->database);
  if (!of_this || m->schema_version < 0 || (t->told_ms && m->told_ms < t->told_ms)) return;
  t->told_ms = m->told_ms;
  t->current = m->schema_version;
  t->serves_from = m->serves_from;
}

/* An attempt that has not ended, or one that did something and ended badly without a word. */
static bool leaves_doubt(const struct observation *o, const struct job_memory *m, const struct telling *t) {
  if (m->purpose && !is_of_database(m->purpose, o->secret->database)) return false;
  return m->attempt > m->settled || (m->failed && m->ran && m->failed_ms > t->told_ms && m->failed_ms > t->done_ms);
}

static bool take_accepts(const struct child *revision, struct rollback_evidence *e) {
  static const char *const series[] = {"migrate", "preflight"};
  for (size_t i = 0; i < ELEMENTS(series); i++) {
    const struct job_memory memory = job_memory_of(revision, series[i]);
    if (memory.accepts_min < 0 || memory.accepts_max < 0) continue;
    e->accepts_min = memory.accepts_min;
    e->accepts_max = memory.accepts_max;
    return true;
  }
  return false;
}

static bool has_image_of(const struct child *a, const struct child *b) {
  return a->revision.image && b->revision.image && !strcmp(a->revision.image, b->revision.image);
}

static bool schema_is_its_own(const struct child *revision, const struct child *current, const struct telling *t) {
  const struct job_memory own = job_memory_of(revision, "migrate");
  if (t->done) return own.done && !strcmp(own.done, t->done);
  return current && has_image_of(revision, current);
}

struct rollback_evidence rollback_evidence_of(const struct observation *o, const struct child *revision, const struct child *current,
                                              bool secret_ok) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  struct telling t = {.current = -1, .serves_from = -1};
  struct rollback_evidence e = {.secret_ok = secret_ok, .accepts_min = -1, .accepts_max = -1};
  e.image_missing = cannot_be_pulled(o, revision) || failure_lacked_image(revision);
  bool told = take_accepts(revision, &e);
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *other = revisions->items[i];
    const struct job_memory memory = job_memory_of(other, "migrate");
    if (!observation_owns(o, other)) continue;
    hear(o, &memory, &t);
    if (!told && has_image_of(other, revision)) told = take_accepts(other, &e);
  }
  for (size_t i = 0; i < revisions->count; i++) {
    const struct job_memory memory = job_memory_of(revisions->items[i], "migrate");
    e.unsettled = e.unsettled || (observation_owns(o, revisions->items[i]) && leaves_doubt(o, &memory, &t));
  }
  e.current = t.current;
  e.serves_from = t.serves_from;
  e.schema_is_its_own = schema_is_its_own(revision, current, &t);
  return e;
}
