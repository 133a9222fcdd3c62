#include "release/target.h"

#include <string.h>

struct choice {
  const struct target_question *q;
  struct target *target;
};

/* What is wanted is what this revision holds. A revision that can't be read can't be gone back to. */
static bool want_revision(struct choice *c, enum target_mode mode, const struct child *revision) {
  struct content content = {0};
  if (content_parse(revision->revision.content, &content, NULL) < 0) return false;
  content_done(&c->target->own);
  c->target->own = content;
  c->target->content = &c->target->own;
  c->target->mode = mode;
  return true;
}

static bool want_image(struct choice *c) {
  const struct pin *pin = &c->target->pin;
  struct content from = {0}, content = {0};
  if (content_parse(pin->revision->revision.content, &from, NULL) < 0) return false;
  int made = content_with_image(c->q->asked, &from, &content, NULL);
  content_done(&from);
  if (made < 0) return false;
  c->target->own = content;
  c->target->content = &c->target->own;
  c->target->mode = TARGET_IMAGE;
  return true;
}

/* By hand. True where that leaves nothing else to be asked. */
static bool choose_pinned(struct choice *c) {
  struct target *t = c->target;
  t->pin = pin_find(c->q->o);
  if (!pin_holds(&t->pin, c->q->asked)) return false;
  if (!t->pin.image) return want_revision(c, TARGET_PINNED, t->pin.revision);
  return want_image(c) && !strcmp(t->pin.content, t->content->hash);
}

static bool is_asked_of_pods(const struct choice *c, const char *hash) {
  const struct child *d = c->q->deployment;
  return d && d->deployment.content_hash && !strcmp(d->deployment.content_hash, hash);
}

static bool is_safe(struct choice *c, const struct child *revision, bool unknown_too) {
  c->target->evidence = rollback_evidence_of(c->q->o, revision, c->target->history.current, c->q->secret_ok);
  enum rollback_verdict verdict = rollback_judge(&c->target->evidence);
  return verdict == ROLLBACK_SAFE || (unknown_too && verdict == ROLLBACK_UNKNOWN);
}

static void choose_after_failure(struct choice *c) {
  const struct child *current = c->target->history.current;
  bool applied = is_asked_of_pods(c, c->target->content->hash);
  c->target->mode = TARGET_HELD;
  if (!current) return;
  bool may = is_safe(c, current, false) && stack_rolls_back(c->q->o->stack);
  if (!applied || may) (void)want_revision(c, TARGET_PUT_BACK, current);
}

/* Who asks for an earlier revision decides for what nobody knows, but not against what is known. */
static void choose_earlier(struct choice *c) {
  const struct child *revision = c->target->history.target, *current = c->target->history.current;
  if (is_asked_of_pods(c, c->q->asked->hash) || pin_permits(&c->target->pin, c->q->asked) || is_safe(c, revision, true)) return;
  (void)want_revision(c, TARGET_REFUSED, current);
}

static void choose(struct choice *c) {
  struct target *t = c->target;
  t->history = history_read(c->q->o, c->q->asked);
  const struct child *asked = t->history.asked;
  bool settled = choose_pinned(c);
  if (!settled) {
    if (t->mode == TARGET_IMAGE) t->history = history_read(c->q->o, t->content);
    t->failed = t->history.target;
    t->failure = failure_read(c->q->o, t->failed, t->content);
    if (t->failure.reason)
      choose_after_failure(c);
    else if (t->mode == TARGET_SPEC && history_goes_back(&t->history))
      choose_earlier(c);
  }
  t->history = history_read(c->q->o, t->content);
  t->history.back = settled && t->mode == TARGET_IMAGE;
  t->history.asked = asked;
}

void target_choose(const struct target_question *question, struct target *to) {
  *to = (struct target){.content = question->asked};
  choose(&(struct choice){question, to});
}

void target_done(struct target *target) {
  content_done(&target->own);
  *target = (struct target){0};
}

bool target_rolls_back(const struct target *t, const struct child *deployment) {
  const struct deployment_facts *d = deployment ? &deployment->deployment : NULL;
  const struct history *h = &t->history;
  if (!d) return false;
  bool says_it = d->content_hash && !strcmp(d->content_hash, t->content->hash);
  bool complete =
      d->observed_generation >= d->generation && d->updated == d->replicas && d->current == d->replicas && d->available == d->replicas;
  if (says_it) return d->rolling_back && !(complete && h->target == h->current);
  return history_goes_back(h) || (h->target && h->target == h->current);
}
