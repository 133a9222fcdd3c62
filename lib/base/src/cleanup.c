#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void free_p(void *pointer_to_pointer) {
  void *pointer;
  memcpy(&pointer, pointer_to_pointer, sizeof pointer);
  free(pointer);
  memset(pointer_to_pointer, 0, sizeof pointer);
}

void close_fdp(int *fd) {
  if (*fd >= 0) (void)close(*fd); /* nothing is to be done about a failed close */
  *fd = -1;
}
