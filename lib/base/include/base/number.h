/* Strict numbers: the whole text or nothing. No white space, no plus sign, no leading zeros, no overflow. */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 and *ret within min…max, or -1 and *ret untouched. TEXT may be NULL (-1). */
int parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret) _must_check_;
int parse_int64_n(const char *text, size_t n, int64_t min, int64_t max, int64_t *ret) _must_check_;

/* A decimal fraction such as 0.05 (no exponent), within min…max. */
int parse_decimal(const char *text, double min, double max, double *ret) _must_check_;

/* Exactly "true" or "false". */
int parse_bool(const char *text, bool *ret) _must_check_;
