#include "change/commands.h"

#include "base/clock.h"
#include "change/command.h"
#include "change/handled.h"
#include "change/rollback_order.h"
#include "crypto/digest.h"
#include "release/annotations.h"
#include "release/failure.h"
#include "release/job_series.h"
#include "rotation/jwks_memory.h"

#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 60 * 60 * 1000, KEY_SIZE = 80, REVOKED_MAX_BYTES = 1024 };

/* One command that is being taken. */
struct taking {
  const struct commands_question *q;
  const struct observation *o;
  struct plan *plan;
  struct command command;
  cJSON *facts;            /* annotations of the stack that its removal sets */
  uint64_t needs;          /* what must be written before it is removed */
  struct plan_event event; /* told when it has been removed */
};

static const char *by(const struct taking *t) { return t->command.by ? t->command.by : "somebody"; }

/* ---- what each does; -1: it is not how it should look ---- */

static int take_approve(struct taking *t, struct error *error) {
  const char *hash = t->command.value;
  if (strlen(hash) != CONTENT_HASH_SIZE - 1 || hash[strspn(hash, "0123456789abcdef")])
    return error_set(error, ERROR_INVALID, "a release hash is %d hexadecimal digits", CONTENT_HASH_SIZE - 1);
  cJSON_AddStringToObject(t->facts, ANNOTATION_APPROVED, command_record(&t->command, hash, t->plan->arena));
  bool wanted = !strcmp(hash, t->q->asked->hash);
  t->event = (struct plan_event){"Normal", "Approved",
                                 arena_printf(t->plan->arena, "release %s is approved by %s%s%s", hash, by(t),
                                              wanted ? "" : "; what the spec asks for now is ", wanted ? "" : t->q->asked->hash)};
  return 0;
}

static int take_override(struct taking *t, struct error *error) {
  static const char prefix[] = "until=";
  const struct command *c = &t->command;
  int64_t until_ms;
  if (strncmp(c->value, prefix, strlen(prefix)) != 0 || parse_rfc3339(c->value + strlen(prefix), &until_ms) < 0)
    return error_set(error, ERROR_INVALID, "it does not begin with until= and a time such as 2026-12-24T18:00:00Z");
  if (!c->by || !c->reason) return error_set(error, ERROR_INVALID, "it says not who it is by, or not for which reason");
  if (until_ms <= t->o->now_ms) return error_set(error, ERROR_INVALID, "until has passed");
  if (until_ms > t->o->now_ms + OVERRIDE_MAX_HOURS * HOUR_MS)
    return error_set(error, ERROR_INVALID, "until is more than %d hours ahead", OVERRIDE_MAX_HOURS);
  cJSON_AddStringToObject(t->facts, ANNOTATION_OVERRIDE, command_record(c, c->value, t->plan->arena));
  t->event = (struct plan_event){
      "Warning", "ChangeOverridden",
      arena_printf(t->plan->arena, "windows and freezes hold nothing up until %s: by %s: %s", c->value + strlen(prefix), c->by, c->reason)};
  return 0;
}

static int take_now(struct taking *t, struct error *error) {
  return strcmp(t->command.value, "now") ? error_set(error, ERROR_INVALID, "its value is not now") : 0;
}

static int take_restart(struct taking *t, struct error *error) {
  if (take_now(t, error) < 0) return -1;
  annotations_add_time(t->facts, ANNOTATION_RESTARTED_AT, t->o->now_ms);
  t->event = (struct plan_event){"Normal", "RestartRequested",
                                 arena_printf(t->plan->arena, "the pods are to be restarted: asked for by %s", by(t))};
  return 0;
}

/* BODY (which is taken) is written to the revision first. */
static void write_revision(struct taking *t, const struct child *revision, cJSON *body) {
  t->needs = plan_add(t->plan, (struct action){.type = ACTION_MERGE, .resource = RESOURCE_REVISION, .name = revision->name, .body = body});
}

static int take_retry(struct taking *t, struct error *error) {
  const struct child *failed = t->q->target->failed, *revision = failed ? failed : t->q->target->history.asked;
  if (take_now(t, error) < 0) return -1;
  t->event = (struct plan_event){"Normal", "NothingToRetry", "nothing of this release is remembered as failed"};
  if (!revision) return 0;
  cJSON *annotations, *body = annotations_patch(revision->resource_version, &annotations);
  bool jobs = job_series_forget_failures(revision, annotations), release = failure_forget(revision, annotations);
  if (!jobs && !release) return cJSON_Delete(body), 0;
  write_revision(t, revision, body);
  t->event =
      (struct plan_event){"Normal", "RetryRequested",
                          arena_printf(t->plan->arena, "the failure of revision %lld is forgotten and it is tried again: asked for by %s",
                                       (long long)revision->revision.number, by(t))};
  return 0;
}

static int take_migrate(struct taking *t, struct error *error) {
  const struct child *revision = t->q->target->history.target;
  if (take_now(t, error) < 0) return -1;
  if (!revision) return error_set(error, ERROR_INVALID, "there is no revision yet whose migration could run");
  cJSON *annotations, *body = annotations_patch(revision->resource_version, &annotations);
  job_series_ask(revision, "migrate", annotations);
  write_revision(t, revision, body);
  t->event = (struct plan_event){"Normal", "MigrationRequested",
                                 arena_printf(t->plan->arena, "the migration of revision %lld is to run again: asked for by %s",
                                              (long long)revision->revision.number, by(t))};
  return 0;
}

/* KID joins those that must not be in the Secret; the list forgets those that others could not bring back any more than it. */
static void add_revoked(struct taking *t, const char *kid) {
  const char *before = stack_annotation(t->o->stack, ANNOTATION_REVOKED_KEYS);
  while (before && strlen(before) > REVOKED_MAX_BYTES) before = strchr(before, ' ') ? strchr(before, ' ') + 1 : NULL;
  const char *list = before ? arena_printf(t->plan->arena, "%s %s", before, kid) : kid;
  cJSON_AddStringToObject(t->facts, ANNOTATION_REVOKED_KEYS, list);
}

static int take_revoke(struct taking *t, const char *kid, struct error *error) {
  if (!json_member(t->o->keys->kids, kid) || strchr(kid, ' '))
    return error_set(error, ERROR_INVALID, "there is no key \"%.64s\"; the one that signs is %s", kid, t->o->keys->signing);
  add_revoked(t, kid);
  t->event = (struct plan_event){"Warning", "RevocationRequested",
                                 arena_printf(t->plan->arena, "key %s is taken out at once: asked for by %s%s%s", kid, by(t),
                                              t->command.reason ? ": " : "", t->command.reason ? t->command.reason : "")};
  return 0;
}

static int take_rotate(struct taking *t, struct error *error) {
  static const char revoke[] = "jwks/revoke=";
  const struct keys_view *keys = t->o->keys;
  const char *value = t->command.value;
  bool revokes = !strncmp(value, revoke, strlen(revoke));
  if (!revokes && strcmp(value, "jwks") != 0) return error_set(error, ERROR_INVALID, "its value is neither jwks nor jwks/revoke=<kid>");
  if (keys->state != KEYS_READ || keys->problem)
    return error_set(error, ERROR_INVALID, "the keys can't be read (condition KeysReady says why)");
  if (keys->kept_by)
    return error_set(error, ERROR_INVALID, "the Secret of the keys is written by others (%s): rotate them there", keys->kept_by);
  if (revokes) return take_revoke(t, value + strlen(revoke), error);
  cJSON_AddStringToObject(t->facts, ANNOTATION_REPLACE_KEY, command_record(&t->command, keys->signing, t->plan->arena));
  t->event = (struct plan_event){"Normal", "RotationRequested",
                                 arena_printf(t->plan->arena, "key %s is to be replaced: asked for by %s", keys->signing, by(t))};
  return 0;
}

static int take_rollback(struct taking *t, struct error *error) {
  const struct rollback_order order = {t->o, t->q->target, t->q->asked, &t->command, t->q->secret_ok};
  return rollback_order_take(&order, t->plan, &t->needs, &t->event, error);
}

static const struct row {
  const char *name, *form; /* of the annotation; how it should look */
  int (*take)(struct taking *t, struct error *error);
} rows[] = {
    {"approve", "<release hash>;by=<who>", take_approve},
    {"change-override", "until=<RFC 3339>;by=<who>;reason=<why>", take_override},
    {"migrate", "now;by=<who>", take_migrate},
    {"restart", "now;by=<who>", take_restart},
    {"retry", "now;by=<who>", take_retry},
    {"rotate", "jwks[/revoke=<kid>];by=<who>;reason=<why>", take_rotate},
    {"rollback-to", "<revision or previous>[/image];by=<who>;reason=<why>", take_rollback},
};

/* ---- taking one ---- */

/* What a command is known by, whether it can be read or not. */
static void key_of(const char *text, const struct command *command, char to[KEY_SIZE]) {
  char hash[CONTENT_HASH_SIZE] = "";
  cJSON *whole = cJSON_CreateString(text);
  if (!whole || content_hash(whole, hash) < 0) *hash = 0;
  cJSON_Delete(whole);
  (void)snprintf(to, KEY_SIZE, "%s=%s", command->id ? "id" : "text", command->id ? command->id : hash);
}

static void set_memory(cJSON *annotations, const cJSON *memory) {
  struct buffer text;
  buffer_init(&text, 64 * 1024);
  json_print(memory, &text);
  cJSON_AddStringToObject(annotations, ANNOTATION_HANDLED, buffer_text(&text));
  buffer_done(&text);
}

/* The one write that sets the facts, remembers and removes. */
static void plan_stack(const struct observation *o, cJSON *body, cJSON *facts, const cJSON *memory, uint64_t needs, struct plan_event event,
                       struct plan *plan) {
  set_memory(facts, memory);
  plan_add(plan,
           (struct action){
               .type = ACTION_MERGE, .resource = RESOURCE_STACK, .name = o->stack->name, .body = body, .needs = needs, .event = event});
}

static struct plan_event refusal(const struct row *row, const char *text, const struct error *why, struct arena *arena) {
  return (struct plan_event){"Warning", "CommandRefused",
                             arena_printf(arena, "%s=%.200s is removed: %s; it should look like " STACK_GROUP "/%s=%s", row->name, text,
                                          why->message, row->name, row->form)};
}

static struct plan_event coming_back(const struct row *row, struct arena *arena) {
  return (struct plan_event){
      "Warning", "CommandComesBack",
      arena_printf(
          arena,
          "%s is put back again and again and now ignored: it seems to be in Git, where a command does not belong; take it out there, then "
          "it may be given by kubectl annotate",
          row->name)};
}

/* PARSED: 0, or -1 with WHY. */
static void act(struct taking *t, const struct row *row, const char *text, int parsed, struct error *why) {
  if (parsed < 0 || row->take(t, why) < 0) t->event = refusal(row, text, why, t->plan->arena);
}

/* True when it asks for a write. */
static bool take(struct taking *t, const struct row *row, const char *name, const char *text, cJSON *memory) {
  const char *at = stack_annotated_at(t->o->stack, name);
  struct error why = {0};
  char key[KEY_SIZE];
  int parsed = command_parse(text, t->plan->arena, &t->command, &why);
  key_of(text, &t->command, key);
  bool released = handled_release(memory, row->name, key);
  enum handled_verdict verdict = handled_judge(memory, row->name, key, at, t->o->now_ms);
  if (verdict == COMMAND_LEFT && !released) return false;
  cJSON *body = annotations_patch(t->o->stack->resource_version, &t->facts);
  if (verdict == COMMAND_NEW) act(t, row, text, parsed, &why);
  if (verdict == COMMAND_COMES_BACK) t->event = coming_back(row, t->plan->arena);
  if (verdict == COMMAND_NEW || verdict == COMMAND_AGAIN) cJSON_AddNullToObject(t->facts, name);
  if (verdict != COMMAND_LEFT) handled_note(memory, row->name, key, at, t->o->now_ms);
  plan_stack(t->o, body, t->facts, memory, t->needs, t->event, t->plan);
  return true;
}

/* What was left where it was has gone: the next one counts again. */
static bool forget(struct taking *t, const struct row *row, cJSON *memory) {
  if (!handled_release(memory, row->name, NULL)) return false;
  cJSON *body = annotations_patch(t->o->stack->resource_version, &t->facts);
  plan_stack(t->o, body, t->facts, memory, 0, (struct plan_event){0}, t->plan);
  return true;
}

bool commands_plan(const struct commands_question *q, struct plan *plan) {
  const struct observation *o = q->o;
  cJSON *memory = NULL;
  bool taken = false;
  for (size_t i = 0; i < ELEMENTS(rows) && !taken; i++) {
    char name[64];
    (void)snprintf(name, sizeof name, STACK_GROUP "/%s", rows[i].name);
    const char *text = stack_annotation(o->stack, name), *remembered = stack_annotation(o->stack, ANNOTATION_HANDLED);
    if (!text && !remembered) continue;
    if (!memory) memory = handled_read(remembered);
    struct taking t = {.q = q, .o = o, .plan = plan};
    taken = text ? take(&t, &rows[i], name, text, memory) : forget(&t, &rows[i], memory);
  }
  cJSON_Delete(memory);
  return taken;
}
