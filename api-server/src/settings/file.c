#include "settings/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PORTION = 16 * 1024 };

int file_read(const char *path, struct buffer *to, struct error *error) {
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error_errno(error, errno, "open %s", path);
  for (;;) {
    char portion[PORTION];
    ssize_t n = read(fd, portion, sizeof portion);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_errno(error, errno, "read %s", path);
    if (n == 0) return 0;
    buffer_append(to, portion, (size_t)n);
    if (to->failed) return error_set(error, ERROR_INVALID, "%s has more than %zu bytes", path, to->max);
  }
}
