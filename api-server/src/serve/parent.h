/* The parent of the workers: binds, forks, replaces who dies, and passes SIGTERM on.
 *
 * It makes one SO_REUSEPORT listener a worker and keeps them open, so that connections queued for a dead worker wait for its successor. One
 * more listener, for metrics, is shared by all: any worker tells the whole.
 */
#pragma once

#include "settings/settings.h"

/* Serves until SIGTERM or SIGINT; returns the exit status. What keeps it from starting is logged. */
int parent_run(const struct settings *settings);
