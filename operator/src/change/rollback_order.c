#include "change/rollback_order.h"

#include "base/number.h"
#include "release/annotations.h"

#include <string.h>

enum { LISTED_BYTES = 256 };

/* What is asked for, as it was found. */
struct wish {
  const struct child *revision;
  bool image;
};

static const struct child *find(const struct observation *o, int64_t number) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  for (size_t i = 0; i < revisions->count; i++) {
    const struct child *revision = revisions->items[i];
    if (revision->revision.number == number && !revision->deleting && observation_owns(o, revision)) return revision;
  }
  return NULL;
}

static int no_such(const struct observation *o, int64_t number, struct error *error) {
  const struct child_list *revisions = &o->children[RESOURCE_REVISION];
  _cleanup_buffer_ struct buffer listed;
  buffer_init(&listed, LISTED_BYTES);
  for (size_t i = 0; i < revisions->count; i++)
    if (revisions->items[i]->revision.deployed_ms)
      buffer_printf(&listed, "%s%lld", listed.len ? ", " : "", (long long)revisions->items[i]->revision.number);
  return error_set(error, ERROR_INVALID, "there is no revision %lld; those that were deployed and are kept: %s", (long long)number,
                   listed.len ? buffer_text(&listed) : "none");
}

/* On the way back already, it is the same again: the operator may have been killed between the pin and the end of the command. */
static const struct child *find_previous(const struct target *t) {
  const struct history *h = &t->history;
  if (h->target == h->current) return h->previous;
  return t->mode == TARGET_PINNED || t->mode == TARGET_IMAGE ? t->pin.revision : h->current;
}

static int read_wish(const struct rollback_order *order, struct wish *wish, struct error *error) {
  static const char previous[] = "previous";
  const char *value = order->command->value;
  size_t n = strcspn(value, "/");
  int64_t number;
  wish->image = value[n];
  bool is_previous = n == strlen(previous) && !strncmp(value, previous, n);
  bool is_number = !is_previous && parse_int64_n(value, n, 1, INT64_MAX, &number) == 0;
  if ((!is_previous && !is_number) || (wish->image && strcmp(value + n, "/image") != 0))
    return error_set(error, ERROR_INVALID, "its value is neither a revision's number nor previous, with or without /image behind it");
  if (is_number) wish->revision = find(order->o, number);
  if (is_number && !wish->revision) return no_such(order->o, number, error);
  if (is_previous) wish->revision = find_previous(order->target);
  return wish->revision ? 0 : error_set(error, ERROR_INVALID, "no revision was deployed before this one");
}

static int check(const struct rollback_order *order, const struct wish *wish, struct arena *arena, struct error *error) {
  const struct revision_facts *r = &wish->revision->revision;
  const struct rollback_evidence e = rollback_evidence_of(order->o, wish->revision, order->target->history.current, order->secret_ok);
  enum rollback_verdict verdict = rollback_judge(&e);
  bool is_asked = wish->revision == order->target->history.asked && !wish->image;
  if (is_asked && !r->deployed_ms) return 0;
  if (!r->deployed_ms) return error_set(error, ERROR_INVALID, "revision %lld was never deployed", (long long)r->number);
  if (wish->image && r->image && !strcmp(r->image, order->asked->image))
    return error_set(error, ERROR_INVALID, "the image of revision %lld is the one that the spec asks for", (long long)r->number);
  if (order->command->force || verdict == ROLLBACK_SAFE || verdict == ROLLBACK_UNKNOWN) return 0;
  return error_set(error, ERROR_INVALID, "revision %lld can't serve (%s): %s; with ;force behind it, it is done all the same",
                   (long long)r->number, rollback_verdict_name(verdict), rollback_explain(&e, arena));
}

static struct pin pin_of(const struct rollback_order *order, const struct wish *wish, const struct content *with_image) {
  const struct command *c = order->command;
  struct pin pin = {.by = c->by, .reason = c->reason, .forced = c->force, .at_ms = order->o->now_ms};
  if (wish->image) {
    pin.image = order->asked->image;
    pin.content = with_image->hash;
  } else {
    pin.against = order->asked->hash;
  }
  return pin;
}

/* The pin, and then that there is no other. Taking up the spec again needs none, unless it has to be forced. */
static int plan_pins(const struct rollback_order *order, const struct wish *wish, struct plan *plan, uint64_t *needs, struct error *error) {
  bool is_asked = wish->revision == order->target->history.asked && !wish->image;
  struct content from = {0}, with_image = {0};
  cJSON *annotations, *body;
  if (is_asked && !order->command->force) return *needs = pin_clean(order->o, NULL, 0, plan), 0;
  if (wish->image) {
    if (content_parse(wish->revision->revision.content, &from, error) < 0) return -1;
    int made = content_with_image(order->asked, &from, &with_image, error);
    content_done(&from);
    if (made < 0) return -1;
  }
  const struct pin pin = pin_of(order, wish, &with_image);
  body = annotations_patch(wish->revision->resource_version, &annotations);
  pin_annotate(&pin, annotations);
  content_done(&with_image);
  *needs = plan_add(plan, (struct action){.type = ACTION_MERGE, .resource = RESOURCE_REVISION, .name = wish->revision->name, .body = body});
  *needs |= pin_clean(order->o, wish->revision, *needs, plan);
  return 0;
}

static struct plan_event event_of(const struct rollback_order *order, const struct wish *wish, struct arena *arena) {
  const struct command *c = order->command;
  long long number = (long long)wish->revision->revision.number;
  const char *by = c->by ? c->by : "somebody", *reason = c->reason ? c->reason : "no reason given";
  const char *what = wish->image ? "the spec is released with the image of" : "the pods go back to";
  if (wish->revision == order->target->history.asked && !wish->image) what = "the spec is taken up again, which is";
  return (struct plan_event){c->force ? "Warning" : "Normal", "RollbackRequested",
                             arena_printf(arena, "%s revision %lld%s: asked for by %s: %s", what, number,
                                          c->force ? ", whatever speaks against it" : "", by, reason)};
}

int rollback_order_take(const struct rollback_order *order, struct plan *plan, uint64_t *ret_needs, struct plan_event *ret_event,
                        struct error *error) {
  struct wish wish = {0};
  if (read_wish(order, &wish, error) < 0 || check(order, &wish, plan->arena, error) < 0) return -1;
  if (plan_pins(order, &wish, plan, ret_needs, error) < 0) return -1;
  *ret_event = event_of(order, &wish, plan->arena);
  return 0;
}
