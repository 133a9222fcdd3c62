/* What one pod's /metrics says of how it serves its users: requests, failures, how long they took, and which keys it has. Pure.
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

#include <stdbool.h>
#include <stddef.h>

enum { READING_MAX_BUCKETS = 32, READING_MAX_KEYS = 32, READING_KID_SIZE = 129 };

struct reading {
  double requests, errors; /* answered; of them with 5xx */
  size_t bucket_count;     /* 0: it tells nothing of durations */
  struct {
    double le_s, count; /* requests that took at most so long; the last bound is infinite */
  } buckets[READING_MAX_BUCKETS];
  double workers;
  size_t key_count; /* 0: it tells nothing of its keys */
  struct {
    char kid[READING_KID_SIZE];
    double loaded, signs; /* workers that have it; of them, that sign with it */
  } keys[READING_MAX_KEYS];
};

/* *RET is set on success only. A pod that tells nothing of these is no error: its image is not ours. */
int reading_take(const char *text, size_t n, struct reading *ret, struct error *error) _must_check_;

/* Whether every worker has loaded the key of that kid, and with SIGNS signs with it. */
bool reading_has_key(const struct reading *r, const char *kid, bool signs);

/* Adds what another pod of the same image says of its requests. Where their buckets differ, the sum tells nothing of durations. */
void reading_add(struct reading *sum, const struct reading *of);

/* The Q-quantile of the durations, as Prometheus' histogram_quantile estimates it: linear within a bucket, and the largest finite bound beyond it.
 * -1 where nothing is known. */
double reading_quantile_s(const struct reading *r, double q);
