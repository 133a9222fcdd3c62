/* Randomness from the kernel (getrandom(2)), which never fails once the system has started. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *to, size_t n);
uint64_t random_u64(void);

/* 128 of them as 32 hexadecimal digits: a name that nobody else has, or guesses. */
enum { RANDOM_ID_SIZE = 33 };
void random_id(char to[RANDOM_ID_SIZE]);

/* Uniform in 0 … bound - 1; 0 for bound 0. */
uint64_t random_below(uint64_t bound);
