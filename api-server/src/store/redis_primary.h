/* The one server of the modes single and Sentinel: its connection, its back-off, and in Sentinel's mode the search for it. */
#pragma once

#include "store/redis_internal.h"

struct redis_primary *redis_primary_new(struct redis *redis, struct error *error);
void redis_primary_free(struct redis_primary *primary); /* accepts NULL */

int redis_primary_send(struct redis_primary *primary, struct redis_flight *flight,
                       struct error *error) _must_check_; /* takes it, unless -1 */
bool redis_primary_is_up(const struct redis_primary *primary);
bool redis_primary_place(const struct redis_primary *primary, struct redis_place *ret); /* false: not known yet */
