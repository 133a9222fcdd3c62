#include "crypto/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILES = 2 * JWKS_MAX + 2, MAX_FILE_BYTES = 128 << 10, MAX_KID = 64 };

static const char pem_suffix[] = ".pem";

static bool is_kid(const char *kid, size_t n) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return n && n <= MAX_KID && *kid != '.' && strspn(kid, allowed) >= n;
}

static int parse_public(const cJSON *files, struct jwks **ret, struct error *error) {
  const char *text = json_string(json_member(files, "jwks.json"), "", NULL);
  if (!text) return error_set(error, ERROR_INVALID, "jwks.json is missing");
  if (jwks_parse(text, strlen(text), ret, error) < 0) return error_wrap(error, "jwks.json");
  if (!jwks_count(*ret)) return error_set(error, ERROR_INVALID, "jwks.json has no RS256 key");
  return 0;
}

static int parse_signing(const cJSON *files, const struct jwks *keys, char kid[KID_SIZE], struct error *error) {
  const char *text = json_string(json_member(files, "signing"), "", NULL);
  if (!text) return error_set(error, ERROR_INVALID, "signing is missing, expected a file with the kid of the key that signs");
  size_t n = strcspn(text, "\r\n");
  if (text[n + strspn(text + n, "\r\n")] || !is_kid(text, n))
    return error_set(error, ERROR_INVALID, "signing is not one line with a kid of letters, digits, dots and dashes");
  memcpy(kid, text, n);
  kid[n] = 0;
  if (!jwks_get(keys, kid)) return error_set(error, ERROR_INVALID, "signing names the key %s, which jwks.json does not have", kid);
  return 0;
}

/* The private half in FILE, which must be that of its kid's public half. */
static int parse_private(const cJSON *file, const struct jwks *keys, struct rsa_key **ret, char kid[KID_SIZE], struct error *error) {
  _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
  size_t n = strlen(file->string) - strlen(pem_suffix);
  if (!is_kid(file->string, n)) return error_set(error, ERROR_INVALID, "%.80s is not named by a kid", file->string);
  if (!cJSON_IsString(file)) return error_set(error, ERROR_INVALID, "%s is no text", file->string);
  memcpy(kid, file->string, n);
  kid[n] = 0;
  const struct rsa_key *half = jwks_get(keys, kid);
  if (rsa_key_parse_private(file->valuestring, strlen(file->valuestring), &key, error) < 0) return error_wrap(error, "%s", file->string);
  if (!half) return error_set(error, ERROR_INVALID, "%s has no public half in jwks.json", file->string);
  if (!rsa_key_same_public(half, key))
    return error_set(error, ERROR_INVALID, "%s does not match its public half in jwks.json", file->string);
  *ret = TAKE(key);
  return 0;
}

static bool is_pem(const char *name) {
  size_t n = strlen(name), suffix = strlen(pem_suffix);
  return n >= suffix && !strcmp(name + n - suffix, pem_suffix);
}

static int parse(const cJSON *files, struct keyring *ring, struct error *error) {
  if (parse_public(files, &ring->keys, error) < 0 || parse_signing(files, ring->keys, ring->signing_kid, error) < 0) return -1;
  for (const cJSON *file = files->child; file; file = file->next) {
    _cleanup_(rsa_key_freep) struct rsa_key *key = NULL;
    char kid[KID_SIZE];
    if (!is_pem(file->string)) continue;
    if (parse_private(file, ring->keys, &key, kid, error) < 0) return -1;
    if (strcmp(kid, ring->signing_kid) != 0) continue;
    if (ring->signing) return error_set(error, ERROR_INVALID, "%s stands there twice", file->string);
    ring->signing = TAKE(key);
  }
  if (!ring->signing)
    return error_set(error, ERROR_INVALID, "signing names the key %s, but %s.pem is missing", ring->signing_kid, ring->signing_kid);
  return 0;
}

int keyring_parse(const cJSON *files, struct keyring **ret, struct error *error) {
  _cleanup_(keyring_freep) struct keyring *ring = calloc(1, sizeof *ring);
  if (!ring) return error_oom(error);
  if (parse(files, ring, error) < 0) return -1;
  *ret = TAKE(ring);
  return 0;
}

int keyring_check(const cJSON *files, struct error *error) {
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  return keyring_parse(files, &ring, error);
}

void keyring_free(struct keyring *ring) {
  if (!ring) return;
  jwks_free(ring->keys);
  rsa_key_free(ring->signing);
  free(ring);
}

void keyring_files_free(cJSON *files) {
  for (cJSON *file = files ? files->child : NULL; file; file = file->next)
    if (cJSON_IsString(file)) explicit_bzero(file->valuestring, strlen(file->valuestring));
  cJSON_Delete(files);
}

static int print_public(const struct rsa_key *key, const char *kid, struct buffer *to) {
  _cleanup_(json_freep) cJSON *jwk = rsa_key_jwk(key, kid);
  if (!jwk) return -1;
  buffer_puts(to, "{\"keys\":[");
  json_print(jwk, to);
  buffer_puts(to, "]}");
  return to->failed ? -1 : 0;
}

int keyring_make(const struct rsa_key *key, const char *kid, cJSON **ret_files, struct error *error) {
  if (!is_kid(kid, strlen(kid))) return error_set(error, ERROR_INVALID, "%.80s is no kid of letters, digits, dots and dashes", kid);
  _cleanup_(keyring_files_freep) cJSON *files = cJSON_CreateObject();
  _cleanup_buffer_ struct buffer public = {0}, private = {0};
  char name[MAX_KID + sizeof pem_suffix];
  buffer_init(&public, MAX_FILE_BYTES);
  buffer_init_secret(&private, MAX_FILE_BYTES);
  (void)snprintf(name, sizeof name, "%s%s", kid, pem_suffix);
  if (rsa_key_print_private(key, &private, error) < 0) return -1;
  if (!files || print_public(key, kid, &public) < 0 || !cJSON_AddStringToObject(files, "jwks.json", buffer_text(&public)) ||
      !cJSON_AddStringToObject(files, "signing", kid) || !cJSON_AddStringToObject(files, name, buffer_text(&private)))
    return error_oom(error);
  *ret_files = TAKE(files);
  return 0;
}

static int open_directory(const char *path, struct error *error) {
  _cleanup_close_ int outer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (outer < 0) return error_errno(error, errno, "open %s", path);
  int inner = openat(outer, "..data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (inner >= 0) return inner;
  if (errno != ENOENT) return error_errno(error, errno, "open %s/..data", path);
  inner = outer;
  outer = -1;
  return inner;
}

static int read_all(int fd, const char *name, struct buffer *to, struct error *error) {
  for (;;) {
    char *room = buffer_reserve(to, 4096);
    if (!room) return error_set(error, ERROR_INVALID, "%s is larger than %d bytes", name, MAX_FILE_BYTES);
    ssize_t n = read(fd, room, 4096);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return error_errno(error, errno, "read %s", name);
    if (!n) return 0;
    buffer_grew(to, (size_t)n);
  }
}

static int read_file(int directory, const char *name, cJSON *files, struct error *error) {
  struct stat status;
  _cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return error_errno(error, errno, "open %s", name);
  if (fstat(fd, &status) < 0) return error_errno(error, errno, "look at %s", name);
  if (!S_ISREG(status.st_mode)) return 0;
  _cleanup_buffer_ struct buffer text = {0};
  buffer_init_secret(&text, MAX_FILE_BYTES);
  if (read_all(fd, name, &text, error) < 0) return -1;
  if (cJSON_GetArraySize(files) == MAX_FILES) return error_set(error, ERROR_INVALID, "there are more than %d files", MAX_FILES);
  if (strlen(buffer_text(&text)) != text.len) return error_set(error, ERROR_INVALID, "%s holds a NUL", name);
  return cJSON_AddStringToObject(files, name, buffer_text(&text)) ? 0 : error_oom(error);
}

/* Takes FD. Names with a dot in front are Kubernetes' own. */
static int read_files(int fd, cJSON *files, struct error *error) {
  DIR *directory = fdopendir(fd);
  if (!directory) {
    int number = errno;
    (void)close(fd);
    return error_errno(error, number, "list the files");
  }
  int rc = 0;
  for (struct dirent *entry; rc == 0 && (entry = readdir(directory));)
    if (*entry->d_name != '.') rc = read_file(fd, entry->d_name, files, error);
  (void)closedir(directory);
  return rc;
}

int keyring_load(const char *directory, struct keyring **ret, struct error *error) {
  _cleanup_(keyring_files_freep) cJSON *files = cJSON_CreateObject();
  if (!files) return error_oom(error);
  int fd = open_directory(directory, error);
  if (fd < 0) return -1;
  if (read_files(fd, files, error) < 0 || keyring_parse(files, ret, error) < 0) return error_wrap(error, "read the keys in %s", directory);
  return 0;
}
