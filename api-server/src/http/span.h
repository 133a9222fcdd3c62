/* A borrowed run of bytes: what a parser found, where it lies. Never NUL-terminated, never owned.
 *
 *     struct span rest = SPAN("keep-alive, Upgrade"), item;
 *     while (span_next_item(&rest, &item)) if (span_is_word(item, "upgrade")) ...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct span {
  const char *at; /* NULL: there is none */
  size_t len;
};

#define SPAN(literal) ((struct span){literal, sizeof(literal) - 1})

/* The same bytes. */
bool span_equal(struct span a, struct span b);

/* The same bytes, where ASCII letters match in either case: field names, hosts, tokens (RFC 9110, 5.1 and 5.6.2). */
bool span_equal_word(struct span a, struct span b);
bool span_is_word(struct span a, const char *word);

/* Up to the first BYTE, or all of it; what follows the byte stays in *REST (at NULL when the byte was not there). */
struct span span_cut(struct span *rest, char byte);

/* Without spaces and tabs at both ends (OWS, RFC 9110, 5.6.3). */
struct span span_trim(struct span s);

/* The next item of a comma-separated list, trimmed, perhaps empty; false at the end (RFC 9110, 5.6.1). */
bool span_next_item(struct span *rest, struct span *ret_item);
