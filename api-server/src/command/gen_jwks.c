/* gen-jwks: a new signing key, beside those that are there; or those of a folder, as a Secret. */
#include "base/clock.h"
#include "base/number.h"
#include "codec/base64.h"
#include "command/command.h"
#include "command/jwks_folder.h"
#include "crypto/keyring.h"
#include "settings/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, PATH_SIZE = 4352 };

/* Written beside and renamed, so that a server that watches never reads half a file. */
static int write_file(const char *directory, const char *name, const char *content, struct error *error) {
  char path[PATH_SIZE], draft[PATH_SIZE];
  (void)snprintf(path, sizeof path, "%s/%s", directory, name);
  if (snprintf(draft, sizeof draft, "%s/.%s.new", directory, name) >= (int)sizeof draft)
    return error_set(error, ERROR_INVALID, "the directory's name is too long");
  mode_t mode = strstr(name, ".pem") ? 0600 : 0644;
  _cleanup_close_ int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return error_errno(error, errno, "write %s", path);
  size_t n = strlen(content);
  if (write(fd, content, n) != (ssize_t)n || fsync(fd) < 0 || rename(draft, path) < 0) return error_errno(error, errno, "write %s", path);
  return 0;
}

/* The set that is there already, with the new key in it: tokens of its predecessors stay good. */
static int join_sets(const char *directory, const cJSON *files, struct buffer *to, struct error *error) {
  char path[PATH_SIZE];
  _cleanup_buffer_ struct buffer before;
  _cleanup_(json_freep) cJSON *old = NULL, *new = NULL;
  const char *fresh = cJSON_GetStringValue(json_member(files, "jwks.json"));
  (void)snprintf(path, sizeof path, "%s/jwks.json", directory);
  buffer_init(&before, FILE_MAX);
  if (access(path, F_OK) < 0) return buffer_puts(to, fresh), 0;
  if (file_read(path, &before, error) < 0) return -1;
  if (json_parse(before.data ? before.data : "", before.len, &json_limits_request, &old, error) < 0) return error_wrap(error, "%s", path);
  if (json_parse(fresh, strlen(fresh), &json_limits_request, &new, error) < 0) return -1;
  cJSON *keys = cJSON_GetObjectItemCaseSensitive(old, "keys");
  if (!cJSON_IsArray(keys)) return error_set(error, ERROR_INVALID, "%s holds no list of keys", path);
  cJSON_AddItemToArray(keys, cJSON_DetachItemFromArray(cJSON_GetObjectItemCaseSensitive(new, "keys"), 0));
  json_print(old, to);
  return to->failed ? error_oom(error) : 0;
}

/* The private half first and the pointer to it last: at no moment does `signing` name a key that is not there. */
static int write_directory(const char *directory, const cJSON *files, const char *kid, struct error *error) {
  char pem[KID_SIZE + 8];
  _cleanup_buffer_ struct buffer set;
  buffer_init(&set, FILE_MAX);
  (void)snprintf(pem, sizeof pem, "%s.pem", kid);
  if (mkdir(directory, 0700) < 0 && errno != EEXIST) return error_errno(error, errno, "make %s", directory);
  if (join_sets(directory, files, &set, error) < 0) return -1;
  if (write_file(directory, pem, cJSON_GetStringValue(json_member(files, pem)), error) < 0) return -1;
  if (write_file(directory, "jwks.json", buffer_text(&set), error) < 0) return -1;
  if (write_file(directory, "signing", cJSON_GetStringValue(json_member(files, "signing")), error) < 0) return -1;
  (void)printf("✓ Generated keypair with kid=%s\n  Private: %s/%s\n✓ Updated %s/jwks.json\n", kid, directory, pem, directory);
  return 0;
}

/* A Secret's data, to be piped into kubectl: the name is the caller's, who knows the stack. */
static int print_secret(const cJSON *files, const char *done, const char *kid, struct error *error) {
  const cJSON *file;
  _cleanup_(buffer_done_secret) struct buffer text;
  buffer_init_secret(&text, FILE_MAX);
  buffer_puts(&text, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: supernova-server-jwks\ntype: Opaque\ndata:\n");
  cJSON_ArrayForEach(file, files) {
    buffer_printf(&text, "  %s: ", file->string);
    base64_encode(file->valuestring, strlen(file->valuestring), &text);
    buffer_puts(&text, "\n");
  }
  if (text.failed) return error_oom(error);
  (void)fputs(buffer_text(&text), stdout);
  (void)fprintf(stderr, "✓ %s kid=%s\n", done, kid);
  return 0;
}

static int generate(unsigned bits, const char *output, struct error *error) {
  char kid[KID_SIZE];
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  key_new_kid(clock_real_ms(), kid);
  if (rsa_key_generate(bits, &key, error) < 0 || keyring_make(key, kid, &files, error) < 0) return -1;
  return strcmp(output, "secret") ? write_directory(output, files, kid, error) : print_secret(files, "Generated keypair with", kid, error);
}

static int take_over(const char *folder, struct error *error) {
  char kid[KID_SIZE];
  _cleanup_(keyring_files_freep) cJSON *files = NULL;
  if (jwks_folder_read(folder, &files, kid, error) < 0) return -1;
  return print_secret(files, "Took the keys over; what signs is", kid, error);
}

static const char *misuse(const char *bits, const char *output, const char *from) {
  int64_t number;
  if (!output) return "--output is missing";
  if (from && strcmp(output, "secret") != 0) return "--from goes with --output secret";
  if (from && bits) return "--bits is for a new key, and --from makes none";
  return !bits || parse_int64(bits, RSA_MIN_BITS, RSA_MAX_BITS, &number) == 0 ? NULL : "--bits must be 2048 to 8192";
}

int gen_jwks_main(int argc, char **argv) {
  const char *values[3] = {NULL, NULL, NULL};
  struct error error = {0};
  int64_t bits = RSA_MIN_BITS;
  if (command_options(argc, argv, (const char *const[]){"bits", "output", "from", NULL}, values) < 0) return COMMAND_USAGE;
  const char *wrong = misuse(values[0], values[1], values[2]);
  if (wrong) return (void)fprintf(stderr, "supernova-server gen-jwks: %s\n", wrong), COMMAND_USAGE;
  if (values[0] && parse_int64(values[0], RSA_MIN_BITS, RSA_MAX_BITS, &bits) < 0) return COMMAND_USAGE;
  int done = values[2] ? take_over(values[2], &error) : generate((unsigned)bits, values[1], &error);
  return done < 0 ? command_failed("gen-jwks", &error) : COMMAND_DONE;
}
