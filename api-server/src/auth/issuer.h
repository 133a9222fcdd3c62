/* The issuer's secret: who knows it may mint tokens. Compared in constant time, over digests. */
#pragma once

#include "http/span.h"
#include "settings/settings.h"

enum issuer_match { ISSUER_UNKNOWN, ISSUER_CURRENT, ISSUER_PREVIOUS };

/* Always compares with both, so that the time doesn't tell which one is near. An absent header is unknown. */
enum issuer_match issuer_check(const struct settings *settings, struct span given);
