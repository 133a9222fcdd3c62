/* Who waits for a reply of Redis'. */
#pragma once

#include "base/error.h"

#include <hiredis/hiredis.h>

/* Embedded in what waits for the reply. */
struct redis_command {
  /* Called exactly once, never from within redis_submit. REPLY (borrowed until the return; may be of type REDIS_REPLY_ERROR) is NULL where ERROR
   * is not. */
  void (*done)(struct redis_command *command, const redisReply *reply, const struct error *error);
  struct redis_flight *flight; /* the redis' own; NULL: not under way */
};
