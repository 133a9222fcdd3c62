/* The children of a stack: which must be made, changed, mended or removed. Pure. */
#pragma once

#include "release/content.h"
#include "render/render.h"
#include "stack/plan.h"

/* What has a name that a child is to have: a sentence about the first of each sort, in the plan's arena; NULL: none. */
struct obstacles {
  const char *foreign; /* it belongs to somebody else */
  const char *leaving; /* it was an earlier stack's and is being removed */
};

struct children_verdict {
  uint64_t pods_need; /* actions that make what pods refer to (account, settings, tokens) */
  struct obstacles obstacles;
};

/* Every child of the table but the Deployment, rendered from the stack and CONTENT. */
struct children_verdict children_plan(const struct observation *o, const struct content *content, struct plan *plan);

/* How the Deployment's pods are replaced. */
struct pace {
  bool back;      /* it goes back to what has served before: all at once */
  int64_t canary; /* how many new pods it holds at; 0: it goes on to the last */
};

/* The Deployment, and the replicas it is given. The Secret has been read. NEEDS: the
 * actions without which its pods would not start. OBSTACLES as above. */
void children_plan_deployment(const struct observation *o, const struct content *content, struct pace pace, uint64_t needs,
                              struct plan *plan, struct obstacles *obstacles);

/* For a stack that something is wrong with: what others changed is set back and replicas are followed, but no pod is replaced, whatever the spec or the
 * Secret have come to say. */
void children_keep_deployment(const struct observation *o, const struct content *content, struct plan *plan);

/* The Deployment that is there has not the pods that children_plan_deployment would ask for: they would be replaced. */
bool children_would_roll(const struct observation *o, const struct content *content);
