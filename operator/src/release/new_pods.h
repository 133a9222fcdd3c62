/* The pods that the Deployment's template makes, told from those before by what the template says of itself: revision, Secret, restart. Pure.
 *
 *     struct new_pods pods = new_pods_of(o, &deployment->deployment);
 *     for (size_t i = 0; (pod = new_pods_next(o, &deployment->deployment, &i));) ...
 */
#pragma once

#include "stack/observation.h"

struct new_pods {
  size_t count, ready;
  int64_t last_ready_ms; /* when the last of those that are ready became so; 0: none is */
};

struct new_pods new_pods_of(const struct observation *o, const struct deployment_facts *deployment);

/* The one at or behind *AT, which goes past it; NULL: no more. Those on their way out are left out. */
const struct child *new_pods_next(const struct observation *o, const struct deployment_facts *deployment, size_t *at);
