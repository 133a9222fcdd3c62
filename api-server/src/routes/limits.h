/* The classes of rate limits: their names and settings. */
#pragma once

#include "http/router.h"
#include "settings/settings.h"

/* "read"; NULL where nothing is counted. For who is known by an address alone, "read/address": subjects may be named like addresses. */
const char *limit_name(enum limit_class class);
const char *limit_name_of_addresses(enum limit_class class);

/* Requests in a window. */
int64_t limit_max(enum limit_class class, const struct settings *settings);
int64_t limit_window_ms(enum limit_class class, const struct settings *settings);
