/* Metrics as a pod tells them, line by line: Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, "Text format details"). Pure, and allocates nothing.
 *
 * The text is a pod's word: it may be half there, or lie. A line that is not of the format ends the reading.
 *
 *     struct exposition e = exposition_of(text, n);
 *     struct series s;
 *     while (exposition_next(&e, &s))
 *       if (series_is(&s, "http_requests_total")) ...
 *     if (e.wrong_line) ...                                   the number of the line that could not be read
 *
 * Owner: a series borrows from the text.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct exposition {
  const char *at, *end;
  size_t line, wrong_line; /* counted from 1; 0: none */
};

struct series {
  const char *name, *labels; /* not NUL-terminated; labels without their braces */
  size_t name_n, labels_n;
  double value; /* may be NaN or infinite */
};

struct exposition exposition_of(const char *text, size_t n);

/* The next sample, past comments and empty lines; false at the end, or where a line is wrong. */
bool exposition_next(struct exposition *e, struct series *ret);

bool series_is(const struct series *series, const char *name);

/* Copies the value of a label, its escapes undone; false, and "" in TO, where there is none, or it needs more than SIZE. */
bool series_label(const struct series *series, const char *label, char *to, size_t size);
