/* What one pod's /metrics says of how it serves its users: requests, failures, how long they took. Pure.
 *
 *     struct reading r;
 *     if (reading_take(text, n, &r, &error) < 0) ...     the pod's word can't be believed: it says why
 *     reading_add(&sum, &r);
 *     reading_quantile_s(&sum, 0.95)
 *
 * Counters begin with the process, and a new revision's pods are new: so all that they tell is of this revision, and no earlier reading has to be
 * remembered. What means nothing is left out: the probes, the metrics themselves, and POST /api/test-error, which fails to order.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

enum { READING_MAX_BUCKETS = 32 };

struct reading {
  double requests, errors; /* answered; of them with 5xx */
  size_t bucket_count;     /* 0: it tells nothing of durations */
  struct {
    double le_s, count; /* requests that took at most so long; the last bound is infinite */
  } buckets[READING_MAX_BUCKETS];
};

/* *RET is set on success only. A pod that tells nothing of these is no error: its image is not ours. */
int reading_take(const char *text, size_t n, struct reading *ret, struct error *error) _must_check_;

/* Adds what another pod of the same image says. Where their buckets differ, the sum tells nothing of durations. */
void reading_add(struct reading *sum, const struct reading *of);

/* The Q-quantile of the durations, as Prometheus' histogram_quantile estimates it: linear within a bucket, and the largest finite bound beyond it.
 * -1 where nothing is known. */
double reading_quantile_s(const struct reading *r, double q);
