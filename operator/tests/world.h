/* For tests of decisions: an observation put together from YAML, and what a plan says as one line an action.
 *
 *     struct world w;
 *     world_init(&w, "image: {repository: r, tag: v1}");            the spec of a stack demo/shop
 *     world_secret(&w, "DATABASE_URL", "REDIS_URL", "ISSUER_ADMIN_SECRET", NULL);
 *     world_keys(&w, "1760908689588");
 *     world_plan(&w);                                               then w.plan, and world_says(&w)
 *     world_carry_out(&w);                                          what was written is there at the next plan
 */
#pragma once

#include "stack/plan_make.h"

enum { WORLD_MAX_OBJECTS = 64 };

struct world {
  struct stack *stack;
  struct secret_view secret;
  struct keys_view keys;
  struct observation o;
  struct arena *arena;
  struct plan plan;
  cJSON *objects[RESOURCES]; /* arrays of live objects */
  struct child *children[RESOURCES][WORLD_MAX_OBJECTS];
  const struct child *pointers[RESOURCES][WORLD_MAX_OBJECTS];
  int64_t version;
  struct looks looks; /* at pods, as the plans asked for them */
  struct probe said;  /* what each of them says when it is looked at: at first that all is well, and no request */
  char says[4096];
};

/* A spec that says nothing of change has its enforcement Off: what the world's clock says is then of no matter. One that says nothing of rollout has no
 * canary, and no window in which new pods are watched; one that says nothing of jwks.rotationInterval rotates by command alone. */
void world_init(struct world *w, const char *spec_yaml);
void world_done(struct world *w);

/* Replaces the spec and raises the generation. */
void world_spec(struct world *w, const char *spec_yaml);

/* Somebody writes an annotation of the stack, AT a time that managedFields have (NULL: they don't). */
void world_annotate(struct world *w, const char *name, const char *value, const char *at);
void world_secret(struct world *w, const char *first_key, ...) __attribute__((sentinel));
void world_keys(struct world *w, const char *kid);

/* An optional API comes or goes, and its objects with it. */
void world_api(struct world *w, enum resource resource, enum api_state state);

/* Adds or replaces an object of the world. */
void world_put(struct world *w, enum resource resource, const char *yaml);
cJSON *world_object(struct world *w, enum resource resource, const char *name); /* NULL: not there */
void world_remove(struct world *w, enum resource resource, const char *name);

void world_plan(struct world *w);

/* "create Deployment shop; merge ControllerRevision shop-1; status RollingOut" */
const char *world_says(struct world *w);

/* Plays the API server for the plan's writes, as far as plain objects go: creations, merges, applies as replacements, deletions, status. */
void world_carry_out(struct world *w);

/* Plans and carries out until nothing is left to write (at most 20 rounds, else it fails). */
void world_settle(struct world *w);

/* Somebody deletes the stack; what has to be done first is not done yet. */
void world_delete(struct world *w);
/* So many pods of the Deployment's template, READY of them ready since now, in place of those of an earlier call. */
void world_new_pods(struct world *w, int64_t count, int64_t ready);
/* The Deployment's pods all are as wanted. */
void world_pods_ready(struct world *w);
/* The Deployment has missed its progress deadline: its new pods never became ready, the old ones serve. */
void world_pods_stuck(struct world *w);
/* The Job ends; MESSAGE becomes its pod's termination message. */
void world_job_ends(struct world *w, const char *job, bool succeeds, int exit_code, const char *message);

const char *world_phase(struct world *w);
/* "True RollingOut": status and reason of a condition of the planned status; "" where there is none. */
const char *world_condition(struct world *w, const char *type);
