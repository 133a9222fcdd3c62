/* A fuzzer without libFuzzer: gives it each file of its corpus, once. The last file that is named is the one that broke something.
 *
 *     build/asan/lib/codec/codec-fuzz_json lib/codec/fuzz/corpus/json [FILE…]
 */
#include "testing/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static int replayed;

static void give_up(const char *path) {
  perror(path);
  exit(1);
}

/* In memory of exactly its size, so that AddressSanitizer sees a step too far. */
static void replay_file(const char *path) {
  struct stat about;
  FILE *file = fopen(path, "re");
  if (!file || fstat(fileno(file), &about) < 0) give_up(path);
  size_t n = (size_t)about.st_size;
  uint8_t *data = malloc(n ? n : 1);
  if (!data || fread(data, 1, n, file) != n) give_up(path);
  (void)fclose(file);
  fprintf(stderr, "%s\n", path);
  (void)LLVMFuzzerTestOneInput(data, n);
  free(data);
  replayed++;
}

static void replay_folder(const char *folder) {
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  if (count < 0) give_up(folder);
  for (int i = 0; i < count; i++) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    if (*entries[i]->d_name != '.') replay_file(path);
    free(entries[i]);
  }
  free(entries);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    struct stat about;
    if (stat(argv[i], &about) < 0) give_up(argv[i]);
    S_ISDIR(about.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);
  }
  printf("%d inputs\n", replayed);
  return replayed ? 0 : 1;
}
