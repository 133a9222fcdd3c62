/* Attributes and scope-bound cleanup.
 *
 * Ownership is visible in the declaration: a local that owns something carries _cleanup_(x_freep), and TAKE() hands it over.
 * A function uses either _cleanup_ or goto, never both.
 *
 *     _cleanup_(buffer_freep) struct buffer *b = buffer_new(4096);
 *     ...
 *     return TAKE(b);      // the caller owns it now; the cleanup sees NULL
 */
#pragma once

#include <stddef.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _must_check_        __attribute__((warn_unused_result))
#define _printf_(at, first) __attribute__((format(printf, at, first)))
#define _unused_            __attribute__((unused))

/* The value of P; P itself becomes NULL. */
#define TAKE(p)               \
  __extension__({             \
    __typeof__(p) *_p = &(p); \
    __typeof__(p) _v = *_p;   \
    *_p = NULL;               \
    _v;                       \
  })

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds MEMBER at POINTER. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Declares TYPE_freep for a FREE function that takes a pointer and accepts NULL. */
#define DEFINE_CLEANUP(type, name, free_function) \
  _unused_ static inline void name(type **p) {    \
    if (*p) free_function(*p);                    \
    *p = NULL;                                    \
  }

/* Frees what a malloc-ed pointer variable points to and sets it to NULL; of _cleanup_free_. */
void free_p(void *pointer_to_pointer);
#define _cleanup_free_ _cleanup_(free_p)

/* Closes a descriptor when it is not negative. */
void close_fdp(int *fd);
#define _cleanup_close_ _cleanup_(close_fdp)
