/* YAML as the same tree that JSON makes (libyaml's events, YAML 1.1 with the core rules Kubernetes uses: sigs.k8s.io/yaml).
 *
 * Plain scalars become what kubectl makes of them: true/yes/on/y and their opposites, null/~ or nothing, integers (also 0x1f, 0b11, 0o644
 * and 0644, which are octal) and decimals; everything quoted, and everything else, is a string. Refused are anchors and aliases (no billion
 * laughs), merge keys, tags, duplicate keys, keys that are no scalars, NUL, integers beyond 2^53 - 1 (quote them), .inf and .nan, more than
 * 4 MB, and a depth over 64. One document.
 */
#pragma once

#include "codec/json.h"

/* ERROR_INVALID says line, column and what was wrong. An empty document gives an empty object. */
int yaml_parse(const char *text, size_t n, cJSON **ret, struct error *error) _must_check_;
