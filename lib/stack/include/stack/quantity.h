/* Amounts as Kubernetes writes them: "2000m", "2", "2Gi", "1e3" (API reference, resource.Quantity). */
#pragma once

#include <stdbool.h>

/* As a plain number, so that equal amounts are equal; false where it is none. */
bool quantity_parse(const char *text, double *ret);
