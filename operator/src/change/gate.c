#include "change/gate.h"

#include "base/clock.h"
#include "change/calendar.h"
#include "change/command.h"
#include "change/commands.h"
#include "release/annotations.h"
#include "stack/children_plan.h"

#include <string.h>

enum { LOOK_AGAIN_MAX_MS = 60 * 60 * 1000 /* a clock may be set meanwhile */, TEXT_BYTES = 1024, WINDOWS_SHOWN = 4 };

static const struct {
  enum change_kind kind;
  const char *words;
} kinds[] = {{CHANGE_RELEASE, "a release"},
             {CHANGE_SETTINGS, "changed settings of the pods"},
             {CHANGE_SECRET, "a changed Secret"},
             {CHANGE_RESTART, "a restart"}};

/* One thing that stands in the way. */
struct block {
  const char *reason, *why, *way; /* of the condition; a phrase; the command that helps */
};

struct decision {
  const struct change_question *q;
  struct arena *arena;
  struct calendar calendar;
  struct block blocks[3];
  size_t block_count;
  bool is_open;
  struct change change;
};

static void block(struct decision *d, const char *reason, const char *why, const char *way) {
  d->blocks[d->block_count++] = (struct block){reason, why, way};
}

static const char *time_text(const struct decision *d, int64_t at_ms) {
  char text[RFC3339_SIZE];
  format_rfc3339(at_ms, text);
  return arena_strdup(d->arena, text);
}

static const char *text_of(struct decision *d, struct buffer *text) {
  const char *kept = arena_strdup(d->arena, buffer_text(text));
  buffer_done(text);
  return kept ? kept : "";
}

/* "Tue, Wed, Thu 10:00-14:00; Sat 00:00-24:00": no more than the condition has room for. */
static const char *windows_text(struct decision *d) {
  const cJSON *windows = d->q->stack->spec.change.windows, *window, *day;
  if (!windows && d->calendar.window_count) return stack_default_window_text;
  struct buffer text;
  buffer_init(&text, TEXT_BYTES);
  int shown = 0;
  cJSON_ArrayForEach(window, windows) {
    if (shown++) buffer_puts(&text, "; ");
    if (shown > WINDOWS_SHOWN) {
      buffer_puts(&text, "…");
      break;
    }
    cJSON_ArrayForEach(day, json_get(window, "days"))
        buffer_printf(&text, "%s%s", day->prev && day->prev->next ? ", " : "", json_string(day, "", ""));
    buffer_printf(&text, " %s-%s", json_string(window, "start", ""), json_string(window, "end", ""));
  }
  return text_of(d, &text);
}

static const char *annotate_command(const struct decision *d, const char *annotation) {
  return arena_printf(d->arena, "kubectl -n %s annotate supernovastack %s '" STACK_GROUP "/%s'", d->q->stack->namespace, d->q->stack->name,
                      annotation);
}

/* The override that rules now: who and why; NULL: none does. */
static const char *override_by(const struct decision *d) {
  const char *text = stack_annotation(d->q->stack, ANNOTATION_OVERRIDE);
  struct command command;
  int64_t until_ms;
  if (!text || command_parse(text, d->arena, &command, NULL) < 0 || strncmp(command.value, "until=", 6) != 0) return NULL;
  if (parse_rfc3339(command.value + 6, &until_ms) < 0 || until_ms <= d->q->now_ms) return NULL;
  return arena_printf(d->arena, "%s: %s", command.by ? command.by : "somebody", command.reason ? command.reason : "no reason given");
}

static void ask_calendar(struct decision *d) {
  const struct stack_freeze *freeze = calendar_freeze_at(&d->calendar, d->q->now_ms);
  d->is_open = calendar_is_open(&d->calendar, d->q->now_ms);
  if (d->is_open || (d->change.overridden_by = override_by(d))) return;
  int64_t open_ms = calendar_next_open(&d->calendar, d->q->now_ms);
  d->change.at_ms = open_ms < 0 ? 0 : open_ms;
  const char *opens = open_ms < 0 ? arena_printf(d->arena, "never within %d days", CALENDAR_DAYS)
                                  : arena_printf(d->arena, "until %s", time_text(d, open_ms));
  const char *way = annotate_command(d, "change-override=until=<RFC 3339>;by=<who>;reason=<why>");
  if (freeze)
    block(d, "Frozen",
          arena_printf(d->arena, "a freeze holds until %s%s%s (%s)", time_text(d, freeze->to_ms), *freeze->reason ? ": " : "",
                       freeze->reason, open_ms < 0 ? opens : arena_printf(d->arena, "changes begin again at %s", time_text(d, open_ms))),
          way);
  else
    block(d, "OutsideWindow", arena_printf(d->arena, "changes begin %s UTC, so %s", windows_text(d), opens), way);
}

static void ask_approval(struct decision *d) {
  const char *text = stack_annotation(d->q->stack, ANNOTATION_APPROVED);
  struct command command;
  if (!d->q->stack->spec.change.require_approval) return;
  if (text && command_parse(text, d->arena, &command, NULL) == 0 && !strcmp(command.value, d->q->release_hash))
    d->change.approved_by = command.by ? command.by : "somebody";
  else
    block(d, "ApprovalMissing", arena_printf(d->arena, "release %s is not approved", d->q->release_hash),
          annotate_command(d, arena_printf(d->arena, "approve=%s;by=<who>", d->q->release_hash)));
}

static void ask_ticket(struct decision *d) {
  const char *ticket = stack_annotation(d->q->stack, ANNOTATION_TICKET);
  if (d->q->stack->spec.change.require_ticket && (!ticket || !*ticket))
    block(d, "TicketMissing", "no change ticket is named", annotate_command(d, "change-ticket=<ticket>"));
}

/* "a release and a restart". */
static const char *asked_text(struct decision *d) {
  struct buffer text;
  buffer_init(&text, TEXT_BYTES);
  for (size_t i = 0; i < ELEMENTS(kinds); i++)
    if (d->q->asks & (unsigned)kinds[i].kind) buffer_printf(&text, "%s%s", text.len ? " and " : "", kinds[i].words);
  return text_of(d, &text);
}

/* The phrases of all blocks, or the commands that help. */
static const char *join(struct decision *d, bool ways) {
  struct buffer text;
  buffer_init(&text, 4 * TEXT_BYTES);
  for (size_t i = 0; i < d->block_count; i++) buffer_printf(&text, "%s%s", i ? "; " : "", ways ? d->blocks[i].way : d->blocks[i].why);
  return text_of(d, &text);
}

static void say(struct decision *d, bool allowed, const char *reason, const char *message) {
  d->change.allowed = allowed;
  d->change.reason = reason;
  d->change.message = message ? message : "";
}

/* When the calendar turns next, looked at often enough for a clock that is set. */
static int64_t turns_ms(const struct decision *d) {
  int64_t now_ms = d->q->now_ms;
  int64_t turn_ms = d->is_open ? calendar_next_close(&d->calendar, now_ms) : calendar_next_open(&d->calendar, now_ms);
  return turn_ms < 0 || turn_ms - now_ms > LOOK_AGAIN_MAX_MS ? LOOK_AGAIN_MAX_MS : turn_ms - now_ms;
}

static void conclude(struct decision *d, bool enforced) {
  struct change *c = &d->change;
  const char *asked = asked_text(d);
  bool blocked = d->block_count;
  c->held = blocked && enforced;
  c->warned = blocked && !enforced;
  if (!c->held || d->block_count > 1) c->at_ms = 0; /* people have to do something first */
  c->begins = !c->held && (d->q->asks & CHANGE_RELEASE);
  if (c->held) {
    c->blocked_by = join(d, false);
    c->look_again_ms = turns_ms(d);
    say(d, false, d->blocks[0].reason,
        arena_printf(d->arena, "waiting: %s, because %s; to let it through: %s", asked, c->blocked_by, join(d, true)));
  } else if (c->warned) {
    say(d, true, "Warned", arena_printf(d->arena, "%s: it goes on, as change.enforcement is Warn, although %s", asked, join(d, false)));
  } else if (c->overridden_by) {
    say(d, true, "Overridden", arena_printf(d->arena, "%s: let through outside of the windows by %s", asked, c->overridden_by));
  } else {
    say(d, true, "Open", arena_printf(d->arena, "%s: it may begin now", asked));
  }
}

struct change change_decide(const struct change_question *question, struct arena *arena) {
  struct decision d = {.q = question, .arena = arena, .change = {.asks = question->asks}};
  enum stack_enforcement enforcement = stack_enforcement(question->stack);
  calendar_of_stack(question->stack, &d.calendar);
  if (enforcement == CHANGE_OFF) {
    say(&d, true, "NotEnforced", "change.enforcement is Off: nothing has to wait");
  } else if (!question->asks) {
    say(&d, true, "NothingWaits", "nothing waits to replace pods");
  } else {
    ask_calendar(&d);
    if (question->asks & CHANGE_RELEASE) ask_approval(&d), ask_ticket(&d);
    conclude(&d, enforcement == CHANGE_ENFORCE);
  }
  return d.change;
}

/* ---- what is asked for ---- */

static bool differs(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") != 0; }

/* What is laid over the revision, and isn't as these pods have it. */
static unsigned overlay_asks(const struct observation *o, const struct deployment_facts *d) {
  const char *restarted = stack_annotation(o->stack, ANNOTATION_RESTARTED_AT);
  return (differs(d->secret_hash, o->secret->hash) ? CHANGE_SECRET : 0U) |
         (restarted && differs(d->restarted_at, restarted) ? CHANGE_RESTART : 0U);
}

static unsigned asks(const struct observation *o, const struct history *history, const struct content *target,
                     const struct child *deployment) {
  const struct deployment_facts *d = deployment ? &deployment->deployment : NULL;
  if (!history->current || !d) return 0; /* nothing was ever Deployed, or nothing runs */
  bool says_target = !differs(d->content_hash, target->hash);
  if (history->target != history->current) {
    const struct revision_facts *r = history->target ? &history->target->revision : NULL;
    bool began = r && r->began_ms;
    return history_goes_back(history) || began || says_target ? 0 : CHANGE_RELEASE | overlay_asks(o, d);
  }
  if (!says_target || !d->available || !children_would_roll(o, target)) return 0; /* a put-back, or nothing that could be disturbed */
  unsigned overlays = overlay_asks(o, d);
  return overlays ? overlays : CHANGE_SETTINGS;
}

struct change change_judge(const struct observation *o, const struct history *history, const struct content *target,
                           const struct child *deployment, struct plan *plan) {
  const struct change_question question = {o->stack, o->now_ms, asks(o, history, target, deployment), target->hash};
  struct change change = change_decide(&question, plan->arena);
  if (change.look_again_ms) plan_look_again(plan, change.look_again_ms);
  return change;
}

/* ---- what is remembered ---- */

void change_annotate_begin(const struct change *change, const struct observation *o, cJSON *annotations) {
  const char *ticket = stack_annotation(o->stack, ANNOTATION_TICKET);
  annotations_add_time(annotations, ANNOTATION_BEGAN_AT, o->now_ms);
  if (change->approved_by) cJSON_AddStringToObject(annotations, ANNOTATION_APPROVED_BY, change->approved_by);
  if (change->overridden_by) cJSON_AddStringToObject(annotations, ANNOTATION_OVERRIDDEN_BY, change->overridden_by);
  if (ticket) cJSON_AddStringToObject(annotations, ANNOTATION_TICKET, ticket);
}

const struct child *change_in_flight(const struct observation *o, const struct history *history) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  const struct child *found = NULL;
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    bool began = observation_owns(o, revision) && !revision->deleting && revision->revision.began_ms;
    if (!began || revision == history->target || revision == history->current) continue;
    if (!found || revision->revision.began_ms > found->revision.began_ms) found = revision;
  }
  return found;
}

/* The approval names the target, which has begun. */
static bool approval_is_used(const struct observation *o, const struct history *history, const struct content *target,
                             const struct change *change) {
  const char *approved = stack_annotation(o->stack, ANNOTATION_APPROVED);
  size_t n = strlen(target->hash);
  bool began = change->begins || (history->target && (history->target->revision.began_ms || history->target->revision.deployed_ms));
  return approved && began && !strncmp(approved, target->hash, n) && (!approved[n] || approved[n] == ';');
}

void change_clean(const struct observation *o, const struct history *history, const struct content *target, const struct change *change,
                  uint64_t needs, struct plan *plan) {
  cJSON *annotations, *body;
  const struct child *gave_way = change_in_flight(o, history);
  if (gave_way) {
    body = annotations_patch(gave_way->resource_version, &annotations);
    cJSON_AddNullToObject(annotations, ANNOTATION_BEGAN_AT);
    plan_add(plan,
             (struct action){.type = ACTION_MERGE, .resource = RESOURCE_REVISION, .name = gave_way->name, .body = body, .needs = needs});
  }
  if (!approval_is_used(o, history, target, change)) return;
  body = annotations_patch(o->stack->resource_version, &annotations);
  cJSON_AddNullToObject(annotations, ANNOTATION_APPROVED);
  plan_add(plan, (struct action){.type = ACTION_MERGE, .resource = RESOURCE_STACK, .name = o->stack->name, .body = body, .needs = needs});
}

cJSON *change_next_disruption(const struct change *change) {
  char at[RFC3339_SIZE];
  if (!change->held) return NULL;
  cJSON *next = cJSON_CreateObject();
  format_rfc3339(change->at_ms, at);
  if (change->at_ms) cJSON_AddStringToObject(next, "at", at);
  cJSON *reasons = cJSON_AddArrayToObject(next, "reasons");
  for (size_t i = 0; i < ELEMENTS(kinds); i++)
    if (change->asks & (unsigned)kinds[i].kind) cJSON_AddItemToArray(reasons, cJSON_CreateString(kinds[i].words));
  cJSON_AddStringToObject(next, "blockedBy", change->blocked_by);
  return next;
}
