/* Every address that this server answers. */
#pragma once

#include "http/router.h"

extern const struct route routes[];
/* The same, with the metrics at the public port too: in development. */
extern const struct route development_routes[];
