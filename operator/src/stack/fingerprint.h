/* What an object says, in four bytes a value: enough to see whether it still says what we rendered.
 *
 * The cache cannot keep whole objects, and plan must find every drift. So a fingerprint holds one hash of (path, value) for each scalar of an
 * object. What was rendered is still there exactly when each hash of the rendered manifest is among the live object's: fields that defaults,
 * admission or other managers added do not disturb. Where additions are drift themselves (a container, a variable, a volume, a port), a second set
 * holds one hash for each list item that is there, and none may be foreign.
 *
 *     fingerprint_take(live, &a); fingerprint_take(rendered, &b);
 *     if (!fingerprint_covers(&a, &b)) ...      a rendered value is changed or gone
 *     if (fingerprint_foreign(&a, &b)) ...      somebody added a guarded item
 *
 * Paths name list items by their merge key where Kubernetes has one (containers by name), so order does not matter. Quantities are compared by value:
 * the API server gives 2000m back as 2. 32 bits leave one chance in about 30 million that a single changed value goes unseen.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fingerprint {
  uint32_t *values; /* sorted; one allocation holds both sets */
  uint32_t *items;  /* sorted; guarded list items */
  size_t value_count, item_count;
};

/* Of everything but identity (apiVersion, kind, name, namespace, the server's own metadata) and status. -1 without memory. */
int fingerprint_take(const cJSON *object, struct fingerprint *ret);
void fingerprint_done(struct fingerprint *f);

/* Every value of RENDERED is in LIVE. */
bool fingerprint_covers(const struct fingerprint *live, const struct fingerprint *rendered);

/* LIVE has a guarded item that RENDERED has not. */
bool fingerprint_foreign(const struct fingerprint *live, const struct fingerprint *rendered);

/* Writes the path of the first value of RENDERED (a manifest) that LIVE has not, such as "spec.ports[0].port", cut to SIZE; false where it has all. */
bool fingerprint_name_missing(const struct fingerprint *live, const cJSON *rendered, char *path, size_t size);
