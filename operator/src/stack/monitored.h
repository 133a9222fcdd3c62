/* The condition Monitored: whether the cluster can take what spec.monitoring asks for by name. It stands there only while something is `enabled` that
 * needs the prometheus-operator's API: `auto` asks for nothing. A stack without its monitors serves all the same, so Ready doesn't rest on it. Pure. */
#pragma once

#include "stack/conditions.h"
#include "stack/observation.h"

void monitored_set_condition(const struct observation *o, struct conditions *c);
