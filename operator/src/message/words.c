#include "message/words.h"

#include "base/clock.h"
#include "change/command.h"
#include "change/commands.h"
#include "release/annotations.h"
#include "release/last_words.h"

#include <stdio.h>
#include <string.h>

enum {
  SUBJECT_MAX_BYTES = 140 /* a header of Slack holds 150 characters */,
  DESCRIPTION_MAX_BYTES = 800,
  WHY_MAX_BYTES = 600,
  MINUTE_S = 60
};

struct writing {
  const struct observation *o;
  const struct judgement *j;
  const cJSON *told;
  struct arena *arena;
  struct buffer text;
};

static void line(struct writing *w, const char *label, const char *value) {
  if (value && *value) buffer_printf(&w->text, "%s: %s\n", label, value);
}

/* "2025-10-19 12:00 UTC" */
static const char *when(const struct writing *w, int64_t ms) {
  char text[RFC3339_SIZE];
  format_rfc3339(ms, text);
  return arena_printf(w->arena, "%.10s %.5s UTC", text, text + 11);
}

static const char *minutes(const struct writing *w, int64_t seconds) {
  int64_t n = (seconds + MINUTE_S / 2) / MINUTE_S;
  if (seconds < MINUTE_S) return arena_printf(w->arena, "%lld seconds", (long long)seconds);
  return arena_printf(w->arena, "%lld minute%s", (long long)n, n == 1 ? "" : "s");
}

/* ---- what it is about ---- */

const char *words_release_hash(const struct judgement *j) {
  const struct child *target = j->history.target;
  return target ? child_release_hash(target) : j->asked.hash;
}

static const char *image_of(const struct writing *w, const struct child *revision) {
  struct content content = {0};
  if (!revision || content_parse(revision->revision.content, &content, NULL) < 0) return NULL;
  const char *image = arena_strdup(w->arena, content.image);
  content_done(&content);
  return image;
}

static const char *image_asked(const struct writing *w, bool planned) {
  const char *image = planned ? NULL : image_of(w, w->j->history.target);
  return image ? image : w->j->asked.image ? w->j->asked.image : "";
}

/* "v1.2.3" of "registry/server:v1.2.3", or the beginning of the digest. */
static const char *version_of(const struct writing *w, const char *image) {
  const char *rest = image + stack_repository_length(image);
  if (*rest == ':') return arena_strndup(w->arena, rest + 1, strcspn(rest + 1, "@"));
  return *rest == '@' ? arena_strndup(w->arena, rest + 1, strlen("sha256:") + 12) : image;
}

static const char *environment(const struct writing *w) {
  const char *name = w->o->stack->spec.environment;
  return arena_printf(w->arena, "%c%s", *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name, *name ? name + 1 : "");
}

static const char *command(const struct writing *w, const char *annotation) {
  return arena_printf(w->arena, "kubectl -n %s annotate supernovastack %s " STACK_GROUP "/%s", w->o->stack->namespace, w->o->stack->name,
                      annotation);
}

/* ---- lines ---- */

/* Which stack of which namespace: the runbook's words alone say only the product. */
static void write_place(struct writing *w) { line(w, "Stack", arena_printf(w->arena, "%s/%s", w->o->stack->namespace, w->o->stack->name)); }

static void write_duration(struct writing *w) {
  const cJSON *took = json_get(w->told, "tookSeconds"), *seconds;
  struct buffer list;
  buffer_init(&list, 256);
  int64_t sum = 0;
  cJSON_ArrayForEach(seconds, took) {
    sum += json_int(seconds, "", 0);
    buffer_printf(&list, "%s%s", list.len ? ", " : "", minutes(w, json_int(seconds, "", 0)));
  }
  int n = cJSON_GetArraySize(took);
  line(w, "Duration",
       n ? arena_printf(w->arena, "~%s (the last took %s)", minutes(w, sum / n), buffer_text(&list)) : "not known yet: none was measured");
  buffer_done(&list);
}

static void write_description(struct writing *w, const char *description) {
  const char *clean = last_words_clean(w->arena, description, DESCRIPTION_MAX_BYTES);
  for (const char *p = clean; *p; p += strcspn(p, "\n"), p += *p == '\n') {
    const char *from = p + strspn(p, " \t\r-");
    size_t n = strcspn(from, "\r\n");
    if (n) buffer_printf(&w->text, "  - %.*s\n", (int)n, from);
  }
}

static void write_changes(struct writing *w, bool planned) {
  const char *description = stack_annotation(w->o->stack, ANNOTATION_DESCRIPTION);
  const char *from = image_of(w, w->j->history.current), *to = image_asked(w, planned);
  buffer_puts(&w->text, "Changes:\n");
  if (description) write_description(w, description);
  if (!from)
    buffer_printf(&w->text, "  - First install: %s\n", to);
  else if (strcmp(from, to) != 0)
    buffer_printf(&w->text, "  - Image: %s -> %s\n", from, to);
  else
    buffer_printf(&w->text, "  - Settings, with the same image\n");
}

static void write_contacts(struct writing *w) {
  const struct stack *stack = w->o->stack;
  line(w, "Ticket", last_words_clean(w->arena, stack_annotation(stack, ANNOTATION_TICKET), DESCRIPTION_MAX_BYTES));
  line(w, "On-call", stack->spec.change.on_call);
}

static void write_rollback(struct writing *w) {
  if (w->j->history.current) line(w, "Rollback", arena_printf(w->arena, "%s (< 2 minutes)", command(w, "rollback-to=previous")));
}

static const char *why(const struct writing *w) { return last_words_clean(w->arena, w->j->standing.message, WHY_MAX_BYTES); }

/* Each thing that was looked at, with its mark. */
static void write_verification(struct writing *w) {
  static const struct {
    enum series_state state;
    const char *words;
  } migrations[] = {{SERIES_DONE, "✅ Migrations completed"}, {SERIES_OFF, "➖ Migrations: none was asked for"}};
  const struct deployment_facts *d = w->j->deployment ? &w->j->deployment->deployment : NULL;
  buffer_puts(&w->text, "Verification:\n");
  buffer_printf(&w->text, "  %s All pods healthy (%lld of %lld)\n", d && d->available >= d->replicas ? "✅" : "❌",
                d ? (long long)d->available : 0LL, d ? (long long)d->replicas : 0LL);
  for (size_t i = 0; i < ELEMENTS(migrations); i++)
    if (w->j->hooks.migration.state == migrations[i].state) buffer_printf(&w->text, "  %s\n", migrations[i].words);
}

/* A way back is not judged anew: what it says of its first time would be no news. */
static void write_verified(struct writing *w) {
  const char *verified = w->j->history.target ? w->j->history.target->revision.verified : NULL;
  if (verified) buffer_printf(&w->text, "  %s %s\n", strstr(verified, VERIFIED_INCONCLUSIVE) ? "➖" : "✅", verified);
}

static void write_took(struct writing *w) {
  int64_t since_ms;
  if (parse_rfc3339(json_string(w->told, "since", NULL), &since_ms) == 0) line(w, "Duration", minutes(w, (w->o->now_ms - since_ms) / 1000));
}

/* ---- messages ---- */

static void write_before(struct writing *w, bool planned) {
  const struct change *change = &w->j->change;
  const char *open = change->at_ms ? when(w, change->at_ms) : "when what it waits for is there";
  line(w, "When", planned ? open : when(w, w->o->now_ms));
  if (planned) line(w, "Waits for", change->blocked_by);
  write_duration(w);
  line(w, "Impact", w->j->history.current ? "None expected (rolling update)" : "None: nothing was there before");
  write_changes(w, planned);
  write_rollback(w);
  write_contacts(w);
}

static void write_planned(struct writing *w) { write_before(w, true); }

static void write_started(struct writing *w) { write_before(w, false); }

static void write_success(struct writing *w) {
  line(w, "Status", "✅ Successful");
  line(w, "Deployed", when(w, w->o->now_ms));
  write_took(w);
  write_verification(w);
}

static void write_deployed(struct writing *w) {
  write_success(w);
  write_verified(w);
  write_contacts(w);
}

static void write_rolled_back(struct writing *w) {
  write_success(w);
  write_contacts(w);
}

static void write_failed(struct writing *w) {
  line(w, "Status", "❌ Failed");
  line(w, "When", when(w, w->o->now_ms));
  line(w, "Why", arena_printf(w->arena, "%s: %s", w->j->standing.reason, why(w)));
  line(w, "Impact", w->j->deployment && w->j->deployment->deployment.available ? "pods go on serving" : "no pod serves");
  line(w, "Retry", command(w, "retry=now"));
  write_rollback(w);
  write_contacts(w);
}

static void write_rollback_started(struct writing *w) {
  line(w, "When", when(w, w->o->now_ms));
  line(w, "Duration", "< 2 minutes");
  line(w, "Impact", "None expected (rolling update)");
  line(w, "To", image_asked(w, false));
  write_contacts(w);
}

const char *words_override_rules(const struct observation *o, struct arena *arena) {
  static const char prefix[] = "until=";
  const char *text = stack_annotation(o->stack, ANNOTATION_OVERRIDE);
  struct command record;
  int64_t until_ms;
  if (!text || command_parse(text, arena, &record, NULL) < 0 || strncmp(record.value, prefix, strlen(prefix)) != 0) return NULL;
  return parse_rfc3339(record.value + strlen(prefix), &until_ms) == 0 && until_ms > o->now_ms ? text : NULL;
}

static void write_override(struct writing *w) {
  struct command record;
  const char *text = words_override_rules(w->o, w->arena);
  int64_t until_ms;
  if (!text || command_parse(text, w->arena, &record, NULL) < 0 || parse_rfc3339(record.value + strlen("until="), &until_ms) < 0) return;
  line(w, "When", when(w, w->o->now_ms));
  line(w, "Until", when(w, until_ms));
  line(w, "By", record.by);
  line(w, "Reason", last_words_clean(w->arena, record.reason, DESCRIPTION_MAX_BYTES));
  write_contacts(w);
}

/* The subject: BEFORE, then the environment where it is named, then TITLE and the version. */
static const struct row {
  const char *event;
  bool names_environment;
  const char *title;
  void (*write)(struct writing *w);
} rows[] = {
    {"ReleasePlanned", true, "Deployment Planned", write_planned},
    {"ReleaseStarted", true, "Deployment", write_started},
    {"ReleaseDeployed", false, "Deployment Complete", write_deployed},
    {"ReleaseFailed", false, "Deployment Failed", write_failed},
    {"RollbackStarted", true, "Rollback", write_rollback_started},
    {"RollbackDeployed", false, "Rollback Complete", write_rolled_back},
    {"ChangeOverridden", true, "Change Window Overridden", write_override},
};

static const char *subject_of(const struct writing *w, const struct row *row) {
  const char *version = version_of(w, image_asked(w, !strcmp(row->event, "ReleasePlanned")));
  const char *whole = arena_printf(w->arena, "[Supernova] %s%s%s - %s", row->names_environment ? environment(w) : "",
                                   row->names_environment ? " " : "", row->title, version);
  return last_words_clean(w->arena, whole, SUBJECT_MAX_BYTES);
}

struct words words_for(const struct observation *o, const struct judgement *j, const char *event, const cJSON *told, struct arena *arena) {
  struct words words = {.subject = "", .text = ""};
  const struct row *row = rows;
  while (strcmp(row->event, event) != 0) row++;
  struct writing w = {.o = o, .j = j, .told = told, .arena = arena};
  buffer_init(&w.text, 16 * 1024);
  write_place(&w);
  row->write(&w);
  words.subject = subject_of(&w, row);
  words.text = last_words_clean(arena, buffer_text(&w.text), WORDS_MAX_BYTES);
  if (j->history.target && strcmp(event, "ReleasePlanned") != 0) words.revision = j->history.target->revision.number;
  buffer_done(&w.text);
  return words;
}
