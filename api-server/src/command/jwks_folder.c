#include "command/jwks_folder.h"

#include "base/number.h"
#include "settings/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 128 * 1024, PATH_SIZE = 4352 };

/* -1: no number, and older than any. */
static int64_t made_at(const char *kid) {
  int64_t ms;
  return parse_int64(kid, 0, INT64_MAX, &ms) < 0 ? -1 : ms;
}

static bool is_newer(const char *kid, const char *than) {
  if (!*than) return true;
  return made_at(kid) != made_at(than) ? made_at(kid) > made_at(than) : strcmp(kid, than) > 0;
}

static int find_newest(const char *folder, char kid[KID_SIZE], struct error *error) {
  DIR *directory = opendir(folder);
  if (!directory) return error_errno(error, errno, "open %s", folder);
  *kid = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    char path[PATH_SIZE];
    if (*entry->d_name == '.' || strlen(entry->d_name) >= KID_SIZE) continue;
    if (snprintf(path, sizeof path, "%s/%s/private.pem", folder, entry->d_name) >= (int)sizeof path) continue;
    if (access(path, F_OK) == 0 && is_newer(entry->d_name, kid)) memcpy(kid, entry->d_name, strlen(entry->d_name) + 1);
  }
  (void)closedir(directory);
  return *kid ? 0 : error_set(error, ERROR_INVALID, "%s holds no key: expected <kid>/private.pem", folder);
}

static int add(cJSON *files, const char *name, const char *path, struct error *error) {
  _cleanup_(buffer_done_secret) struct buffer text;
  buffer_init_secret(&text, FILE_MAX);
  if (file_read(path, &text, error) < 0) return -1;
  if (strlen(buffer_text(&text)) != text.len) return error_set(error, ERROR_INVALID, "%s holds a NUL", path);
  return cJSON_AddStringToObject(files, name, buffer_text(&text)) ? 0 : error_oom(error);
}

int jwks_folder_read(const char *folder, cJSON **ret_files, char ret_kid[KID_SIZE], struct error *error) {
  _cleanup_(keyring_files_freep) cJSON *files = cJSON_CreateObject();
  char path[PATH_SIZE], kid[KID_SIZE], pem[KID_SIZE + 8];
  if (find_newest(folder, kid, error) < 0) return -1;
  (void)snprintf(path, sizeof path, "%s/jwks.json", folder);
  if (!files) return error_oom(error);
  if (add(files, "jwks.json", path, error) < 0) return -1;
  (void)snprintf(pem, sizeof pem, "%s.pem", kid);
  if (snprintf(path, sizeof path, "%s/%s/private.pem", folder, kid) >= (int)sizeof path)
    return error_set(error, ERROR_INVALID, "the folder's name is too long");
  if (add(files, pem, path, error) < 0) return -1;
  if (!cJSON_AddStringToObject(files, "signing", kid)) return error_oom(error);
  if (keyring_check(files, error) < 0) return error_wrap(error, "%s", folder);
  *ret_files = TAKE(files);
  memcpy(ret_kid, kid, sizeof kid);
  return 0;
}
