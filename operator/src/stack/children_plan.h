/* The children of a stack: which must be made, changed, mended or removed. Pure. */
#pragma once

#include "release/content.h"
#include "render/render.h"
#include "stack/plan.h"

struct children_verdict {
  uint64_t pods_need;   /* actions that make what pods refer to (account, settings, tokens) */
  const char *conflict; /* names the first object that belongs to somebody else and is in the way; NULL: none. In the plan's arena */
};

/* Every child of the table but the Deployment, rendered from the stack and CONTENT. */
struct children_verdict children_plan(const struct observation *o, const struct content *content, struct plan *plan);

/* The Deployment, and the replicas it is given. The Secret has been read. NEEDS: the actions without which its pods would not start. CONFLICT as above. */
void children_plan_deployment(const struct observation *o, const struct content *content, uint64_t needs, struct plan *plan,
                              const char **conflict);

/* For a stack that something is wrong with: what others changed is set back and replicas are followed, but no pod is replaced, whatever the spec or the
 * Secret have come to say. */
void children_keep_deployment(const struct observation *o, const struct content *content, struct plan *plan);
