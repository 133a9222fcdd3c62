/* Prints what the guard makes of each file named: "<bytes of the transcript>\n<the transcript>". For tests/compare_llhttp.mjs.
 *
 *     gcc -std=gnu17 -D_GNU_SOURCE -Iapi-server/src -Iapi-server/tests -Ilib/base/include api-server/fuzz/print_guard.c \
 *       api-server/src/http/{guard_*,request_head,percent,bytes,span}.c lib/base/src/{buffer,cleanup}.c -o /tmp/print_guard
 */
#include "guard_transcript.h"

enum { FILE_MAX = 1 << 20, OUT_MAX = 8 << 20 };

static int print_transcript(const char *path, char *bytes) {
  FILE *file = fopen(path, "r");
  if (!file) return perror(path), 1;
  size_t n = fread(bytes, 1, FILE_MAX, file);
  (void)fclose(file);
  struct buffer out;
  buffer_init(&out, OUT_MAX);
  guard_transcript(&out, &guard_default_limits, bytes, n, NULL, 0);
  printf("%zu\n", out.len);
  (void)fwrite(buffer_text(&out), 1, out.len, stdout);
  buffer_done(&out);
  return 0;
}

int main(int argc, char **argv) {
  static char bytes[FILE_MAX];
  int failed = 0;
  for (int i = 1; i < argc; i++) failed |= print_transcript(argv[i], bytes);
  return failed;
}
