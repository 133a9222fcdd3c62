/* Which representation a client wants, where there are several (RFC 9110, 12.5.1).
 *
 *     static const char *const types[] = {"application/json", "application/jwt"};
 *     switch (accept_choose(&request->head, types, ELEMENTS(types))) {
 *       case -1: 406            the field is there, and gives none of them a weight
 *
 * The most specific range that names a type gives it its weight: type/subtype, type and *, then * and *. Parameters but q are not looked at. An element that
 * can't be read is passed over; a field in which nothing can be read counts as absent.
 */
#pragma once

#include "http/request_head.h"

#include <stddef.h>

/* The place in TYPES of the one with the greatest weight, the first of equals; -1: none is acceptable. */
int accept_choose(const struct request_head *head, const char *const *types, size_t count);
