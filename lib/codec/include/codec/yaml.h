/* YAML as the same tree that JSON makes (libyaml's events, YAML 1.1 with the core rules Kubernetes uses: sigs.k8s.io/yaml).
 *
 * Plain scalars true/false, null/~, integers and decimals become JSON types; everything quoted is a string. Anchors and aliases are
 * refused (no billion laughs), as are duplicate keys, keys that are no scalars, tags, and a depth over 64. One document.
 */
#pragma once

#include "codec/json.h"

/* ERROR_INVALID says line, column and what was wrong. An empty document gives an empty object. */
int yaml_parse(const char *text, size_t n, cJSON **ret, struct error *error) _must_check_;
