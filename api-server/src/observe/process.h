/* CPU, memory and descriptors of the parent and its workers together, read from /proc (proc(5)) when somebody asks. */
#pragma once

#include "observe/metrics.h"

/* Sets METRIC_PROCESS_CPU, _MEMORY and _FDS; what can't be read is left out. */
void process_measure(struct metrics *metrics);
