/* Where a stack stands, as one row of kstatus (sigs.k8s.io/cli-utils) and a word for people. */
#pragma once

#include <stdbool.h>

struct standing {
  const char *phase; /* Pending, Migrating, RollingOut, Verifying, RollingBack, Ready, Held, Blocked, Suspended, Failed */
  bool ready, reconciling, stalled;
  const char *reason, *message;
};
