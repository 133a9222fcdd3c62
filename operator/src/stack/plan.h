/* What is to be done about one stack: writes in their order, its status, what people are told, and when to look again.
 *
 *     struct plan plan = {.arena = arena};
 *     uint64_t made = plan_add(&plan, (struct action){.type = ACTION_CREATE, .resource = RESOURCE_SERVICE, .name = "shop", .body = manifest});
 *     plan_add(&plan, (struct action){…, .needs = made});        // skipped where the Service could not be made
 *     plan_done(&plan);
 *
 * Filled by plan_make (plan_make.h), carried out by apply (apply.h).
 */
#pragma once

#include "base/arena.h"
#include "stack/observation.h"

enum { PLAN_MAX_ACTIONS = 48 };

enum action_type {
  ACTION_CREATE,    /* POST of body */
  ACTION_APPLY,     /* server-side apply of body, which carries the observed uid */
  ACTION_OWN,       /* JSON patch: our fields of operation Update become Apply's, so that a field can leave later */
  ACTION_MERGE,     /* JSON merge patch of body, which carries the observed resourceVersion */
  ACTION_DELETE,    /* with the observed uid as precondition */
  ACTION_MAKE_KEYS, /* make a signing key and POST its Secret */
  ACTION_ADD_KEY,   /* make a signing key and put it into body, which is then sent as by ACTION_MERGE */
};

struct plan_event {
  const char *type;   /* Normal, Warning */
  const char *reason; /* NULL: no event */
  const char *note;
};

struct action {
  enum action_type type;
  enum resource resource;
  const char *name;
  const char *field_manager;
  cJSON *body;             /* owned by the plan */
  const char *uid;         /* observed; NULL for creations */
  const char *kid;         /* of the key that ACTION_ADD_KEY makes */
  uint64_t needs;          /* bits of earlier actions without which this one is skipped */
  struct plan_event event; /* told once it has succeeded */
  struct {
    const char *render, *what; /* where it sets drift back (mends.h), else NULL */
  } mend;
};

struct plan {
  struct arena *arena; /* borrowed; strings live in it */
  struct action actions[PLAN_MAX_ACTIONS];
  size_t action_count;
  cJSON *status;            /* the whole status as it should be; NULL: leave it */
  bool status_changed;      /* it differs from what is there */
  struct plan_event event;  /* told once the status has taken it */
  struct plan_event notice; /* likewise, beside it */
  struct plan_event mail;   /* likewise: what became of a message */
  const char *deliver;      /* id of the entry of status.outbox that is sent now; NULL: none */
  int64_t look_again_ms;    /* 0: when something changes */
  const char *phase;
  bool minds_clock;                    /* that the clock was set has been answered */
  struct look_target looks[LOOKS_MAX]; /* pods that a decision wants to hear */
  size_t look_count;
};

void plan_done(struct plan *plan);

/* Adds an action (BODY is taken; name, uid and note are copied: what was observed may go while the plan is carried out) and returns its bit; 0 when
 * the plan is full: the rest follows in the next round. */
uint64_t plan_add(struct plan *plan, struct action action);

/* Asks to be called again after DELAY_MS at the latest. */
void plan_look_again(struct plan *plan, int64_t delay_ms);

/* Asks for a look at POD, which the next round then finds in its observation. Beyond LOOKS_MAX there is none. */
void plan_look_at(struct plan *plan, const char *uid, const char *pod, const char *address);
