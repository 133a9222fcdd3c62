/* Text with places to fill in: @STACK@ becomes the value of STACK.
 *
 *     const struct fill fills[] = {{"STACK", "shop"}, {0}};
 *     fill_text("job=\"@STACK@\"", fills, &buffer);          // job="shop"
 *
 * What stands between two @ but is no name of the list stays as it is. Values are put in as they are: names and numbers, which need no quoting. The
 * buffer's sticky failure tells that memory ran out or its bound was met.
 */
#pragma once

#include "base/buffer.h"

struct fill {
  const char *name, *value; /* the list ends with a NULL name */
};

void fill_text(const char *text, const struct fill *fills, struct buffer *to);
