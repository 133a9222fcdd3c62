/* Bytes as lower-case hexadecimal digits.
 *
 *     char text[2 * sizeof digest + 1];
 *     hex_print(digest, sizeof digest, text);
 */
#pragma once

#include <stddef.h>

/* Two digits a byte, and a NUL. */
void hex_print(const void *bytes, size_t n, char *to);
