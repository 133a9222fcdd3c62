/* Randomness from the kernel (getrandom(2)), which never fails once the system has started. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *to, size_t n);
uint64_t random_u64(void);

/* Uniform in 0 … bound - 1; 0 for bound 0. */
uint64_t random_below(uint64_t bound);
