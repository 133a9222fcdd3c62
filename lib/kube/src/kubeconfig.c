/* kubeconfig files (Kubernetes: "Organizing Cluster Access Using kubeconfig Files", client-go's tools/clientcmd). */
#include "config_internal.h"

#include "codec/base64.h"
#include "codec/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILES = 16 };

struct file {
  char *path;
  cJSON *json;
};

struct files {
  struct file file[MAX_FILES];
  size_t count;
  const char *list;
};

/* One named entry: where it stands, for what is said about it and what it refers to. */
struct entry {
  const struct file *file;
  const char *section, *name, *part; /* "clusters", "prod", "cluster" */
  const cJSON *json;                 /* the part */
};

static void files_done(struct files *files) {
  for (size_t i = 0; i < files->count; i++) {
    free(files->file[i].path);
    cJSON_Delete(files->file[i].json);
  }
}

static int complain(const struct entry *entry, const char *key, struct error *error, const char *what) {
  return error_set(error, ERROR_INVALID, "%s: %s \"%s\": %s.%s %s", entry->file->path, entry->section, entry->name, entry->part, key, what);
}

static int add_file(struct files *files, const char *path, bool optional, struct error *error) {
  _cleanup_free_ char *text = NULL;
  struct error failure = {0};
  if (config_read_file(path, false, &text, &failure) < 0) {
    if (optional && failure.cause == ENOENT) return 0;
    if (error) *error = failure;
    return error_wrap(error, "load the kubeconfig");
  }
  struct file *file = &files->file[files->count];
  file->path = strdup(path);
  if (!file->path) return error_oom(error);
  files->count++;
  int parsed = yaml_parse(text, strlen(text), &file->json, error);
  explicit_bzero(text, strlen(text));
  if (parsed < 0) return error_wrap(error, "%s", path);
  if (!cJSON_IsObject(file->json))
    return error_set(error, ERROR_INVALID, "%s: expected a kubeconfig: an object with clusters, users and contexts", path);
  return 0;
}

static int read_files(struct files *files, bool optional, struct error *error) {
  _cleanup_free_ char *copy = strdup(files->list);
  if (!copy) return error_oom(error);
  char *rest = copy;
  for (char *path; (path = strsep(&rest, ":"));) {
    if (!*path) continue;
    if (files->count == MAX_FILES) return error_set(error, ERROR_INVALID, "%s: more than %d kubeconfig files", files->list, MAX_FILES);
    if (add_file(files, path, optional, error) < 0) return -1;
  }
  if (!files->count) return error_set(error, ERROR_NOT_FOUND, "%s: there is no such kubeconfig", files->list);
  return 0;
}

static int find_entry(const struct files *files, const char *section, const char *name, const char *part, struct entry *ret,
                      struct error *error) {
  for (size_t i = 0; i < files->count; i++) {
    const cJSON *list = json_member(files->file[i].json, section);
    if (!list) continue;
    if (!cJSON_IsArray(list)) return error_set(error, ERROR_INVALID, "%s: %s is no list", files->file[i].path, section);
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
      const cJSON *its_name = json_member(item, "name");
      if (!cJSON_IsString(its_name) || strcmp(its_name->valuestring, name)) continue;
      *ret = (struct entry){&files->file[i], section, name, part, json_member(item, part)};
      if (cJSON_IsObject(ret->json)) return 0;
      return error_set(error, ERROR_INVALID, "%s: %s \"%s\" has no object \"%s\"", ret->file->path, section, name, part);
    }
  }
  return error_set(error, ERROR_INVALID, "%s: there is nothing named \"%s\" in %s", files->list, name, section);
}

/* A string of the part, NULL when absent or empty. */
static int get_text(const struct entry *entry, const char *key, const char **ret, struct error *error) {
  const cJSON *item = json_member(entry->json, key);
  if (item && !cJSON_IsString(item)) return complain(entry, key, error, "is no string; put it in quotes");
  *ret = item && *item->valuestring ? item->valuestring : NULL;
  return 0;
}

static int copy_text(const struct entry *entry, const char *key, char **to, struct error *error) {
  const char *text;
  if (get_text(entry, key, &text, error) < 0) return -1;
  if (!text) return 0;
  *to = strdup(text);
  return *to ? 0 : error_oom(error);
}

static int copy_bool(const struct entry *entry, const char *key, bool *to, struct error *error) {
  const cJSON *item = json_member(entry->json, key);
  if (item && !cJSON_IsBool(item)) return complain(entry, key, error, "is not true or false");
  *to = cJSON_IsTrue(item);
  return 0;
}

/* Paths are relative to the file that they stand in. */
static char *resolve(const struct file *file, const char *path) {
  const char *slash = strrchr(file->path, '/');
  char *resolved = NULL;
  if (*path == '/' || !slash) return strdup(path);
  return asprintf(&resolved, "%.*s/%s", (int)(slash - file->path), file->path, path) < 0 ? NULL : resolved;
}

static int decode_pem(const struct entry *entry, const char *key, const char *data, char **to, struct error *error) {
  _cleanup_buffer_ struct buffer pem;
  buffer_init_secret(&pem, CONFIG_MAX_FILE_BYTES);
  if (base64_decode(data, strlen(data), &pem) < 0) return complain(entry, key, error, "is no base64");
  if (!strstr(buffer_text(&pem), "-----BEGIN ")) return complain(entry, key, error, "is no base64 of PEM");
  *to = buffer_take(&pem);
  return *to ? 0 : error_oom(error);
}

/* KEY names a file, KEY-data holds it in base64 and wins. */
static int copy_pem(const struct entry *entry, const char *key, char **to, struct error *error) {
  char data_key[64];
  const char *data, *path;
  (void)snprintf(data_key, sizeof data_key, "%s-data", key); /* the keys are ours and fit */
  if (get_text(entry, data_key, &data, error) < 0 || get_text(entry, key, &path, error) < 0) return -1;
  if (data) return decode_pem(entry, data_key, data, to, error);
  if (!path) return 0;
  _cleanup_free_ char *resolved = resolve(entry->file, path);
  if (!resolved) return error_oom(error);
  if (config_read_file(resolved, false, to, error) < 0)
    return error_wrap(error, "%s: %s \"%s\"", entry->file->path, entry->section, entry->name);
  if (!strstr(*to, "-----BEGIN ")) return complain(entry, key, error, "names a file that is no PEM");
  return 0;
}

static bool is_url(const char *server) {
  size_t scheme = !strncmp(server, "https://", 8) ? 8 : !strncmp(server, "http://", 7) ? 7 : 0;
  return scheme && server[scheme] && server[scheme] != '/';
}

static int read_cluster(const struct entry *entry, struct kube_config *config, struct error *error) {
  if (copy_text(entry, "server", &config->server, error) < 0 || copy_text(entry, "tls-server-name", &config->tls_server_name, error) < 0 ||
      copy_text(entry, "proxy-url", &config->proxy, error) < 0 || copy_pem(entry, "certificate-authority", &config->ca_pem, error) < 0 ||
      copy_bool(entry, "insecure-skip-tls-verify", &config->insecure_skip_verify, error) < 0)
    return -1;
  if (!config->server) return complain(entry, "server", error, "is missing, expected https://HOST:PORT");
  if (!is_url(config->server)) return complain(entry, "server", error, "is no URL, expected https://HOST:PORT");
  for (size_t n = strlen(config->server); n && config->server[n - 1] == '/';) config->server[--n] = '\0';
  if (config->insecure_skip_verify && config->ca_pem)
    return complain(entry, "insecure-skip-tls-verify", error, "and a certificate authority exclude each other");
  return 0;
}

static int copy_arguments(const struct entry *entry, const cJSON *json, struct kube_exec *exec, struct error *error) {
  const cJSON *args = json_member(json, "args"), *item;
  if (args && !cJSON_IsArray(args)) return complain(entry, "exec.args", error, "is no list");
  size_t count = 1;
  exec->arguments = calloc((size_t)cJSON_GetArraySize(args) + 2, sizeof *exec->arguments);
  if (!exec->arguments || !(exec->arguments[0] = strdup(exec->command))) return error_oom(error);
  for (item = args ? args->child : NULL; item; item = item->next) {
    if (!cJSON_IsString(item)) return complain(entry, "exec.args", error, "holds something that is no string");
    if (!(exec->arguments[count++] = strdup(item->valuestring))) return error_oom(error);
  }
  return 0;
}

static int copy_environment(const struct entry *entry, const cJSON *json, struct kube_exec *exec, struct error *error) {
  const cJSON *env = json_member(json, "env"), *item;
  if (env && !cJSON_IsArray(env)) return complain(entry, "exec.env", error, "is no list");
  exec->environment = calloc((size_t)cJSON_GetArraySize(env) + 1, sizeof *exec->environment);
  if (!exec->environment) return error_oom(error);
  size_t count = 0;
  for (item = env ? env->child : NULL; item; item = item->next) {
    const char *name = json_string(item, "name", NULL), *value = json_string(item, "value", NULL);
    if (!name || !value) return complain(entry, "exec.env", error, "holds an entry without a name and a value");
    if (asprintf(&exec->environment[count], "%s=%s", name, value) < 0) return exec->environment[count] = NULL, error_oom(error);
    count++;
  }
  return 0;
}

static int read_exec(const struct entry *entry, struct kube_config *config, struct error *error) {
  const cJSON *json = json_member(entry->json, "exec");
  if (!json) return 0;
  const char *version = json_string(json, "apiVersion", ""), *command = json_string(json, "command", "");
  if (strcmp(version, "client.authentication.k8s.io/v1") && strcmp(version, "client.authentication.k8s.io/v1beta1"))
    return complain(entry, "exec.apiVersion", error, "is unknown, expected client.authentication.k8s.io/v1 or v1beta1");
  if (!*command) return complain(entry, "exec.command", error, "is missing");
  if (!strcmp(json_string(json, "interactiveMode", ""), "Always"))
    return complain(entry, "exec.interactiveMode", error, "is Always: a plugin that must have a terminal cannot be run here");
  struct kube_exec *exec = config->exec = calloc(1, sizeof *exec);
  if (!exec) return error_oom(error);
  exec->api_version = strdup(version);
  exec->command = strchr(command, '/') ? resolve(entry->file, command) : strdup(command);
  exec->install_hint = strdup(json_string(json, "installHint", ""));
  exec->provide_cluster_info = json_bool(json, "provideClusterInfo", false);
  if (!exec->api_version || !exec->command || !exec->install_hint) return error_oom(error);
  return copy_arguments(entry, json, exec, error) < 0 ? -1 : copy_environment(entry, json, exec, error);
}

static int read_user(const struct entry *entry, struct kube_config *config, struct error *error) {
  static const char *const refused[] = {"auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"};
  for (size_t i = 0; i < ELEMENTS(refused); i++)
    if (json_member(entry->json, refused[i]))
      return complain(entry, refused[i], error, "is not supported; use a certificate, a token or exec");
  const char *path;
  if (copy_pem(entry, "client-certificate", &config->certificate_pem, error) < 0 ||
      copy_pem(entry, "client-key", &config->key_pem, error) < 0 || copy_text(entry, "token", &config->token, error) < 0 ||
      get_text(entry, "tokenFile", &path, error) < 0)
    return -1;
  if (!config->certificate_pem != !config->key_pem)
    return complain(entry, config->key_pem ? "client-certificate" : "client-key", error,
                    "is missing, but the other half of the pair is there");
  if (path && !(config->token_file = resolve(entry->file, path))) return error_oom(error);
  if (config->token_file && access(config->token_file, R_OK) < 0)
    return complain(entry, "tokenFile", error, "names a file that cannot be read");
  return read_exec(entry, config, error);
}

static int choose_context(const struct files *files, const char *context, const char **ret, struct error *error) {
  *ret = context;
  for (size_t i = 0; !*ret && i < files->count; i++) {
    const char *current = json_string(files->file[i].json, "current-context", "");
    if (*current) *ret = current;
  }
  if (*ret) return 0;
  return error_set(error, ERROR_INVALID,
                   "%s: current-context is not set; set it (kubectl config use-context NAME) or name one with --context", files->list);
}

static int read_context(const struct files *files, const char *context, struct kube_config *config, struct error *error) {
  struct entry entry, cluster, user;
  const char *name, *cluster_name, *user_name;
  if (choose_context(files, context, &name, error) < 0 || find_entry(files, "contexts", name, "context", &entry, error) < 0 ||
      get_text(&entry, "cluster", &cluster_name, error) < 0 || get_text(&entry, "user", &user_name, error) < 0 ||
      copy_text(&entry, "namespace", &config->namespace, error) < 0)
    return -1;
  if (!cluster_name) return complain(&entry, "cluster", error, "is missing, expected the name of a cluster");
  if (!config->namespace) config->namespace = strdup("default");
  config->context = strdup(name);
  if (!config->namespace || !config->context) return error_oom(error);
  if (find_entry(files, "clusters", cluster_name, "cluster", &cluster, error) < 0 || read_cluster(&cluster, config, error) < 0) return -1;
  if (!user_name) return 0; /* anonymous */
  return find_entry(files, "users", user_name, "user", &user, error) < 0 ? -1 : read_user(&user, config, error);
}

int kubeconfig_load(const char *list, const char *context, bool optional, struct kube_config *config, struct error *error) {
  _cleanup_(files_done) struct files files = {.list = list};
  return read_files(&files, optional, error) < 0 ? -1 : read_context(&files, context, config, error);
}
