#include "runtime/settings.h"

#include "base/number.h"
#include "base/random.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { TEXT, NUMBER, LEVEL, ACCESS, NAMESPACES };

static const struct setting {
  const char *variable;
  enum kind kind;
  size_t offset;
  const char *fallback;
  int64_t min, max;
  const char *meaning;
} table[] = {
    {"WATCH_NAMESPACES", NAMESPACES, offsetof(struct settings, namespaces), "", 0, 0, "namespaces to look after, by commas; empty: all"},
    {"SERVER_IMAGE", TEXT, offsetof(struct settings, server_image), "docker.io/library/supernova-server:" SUPERNOVA_VERSION, 0, 0,
     "image of a stack that names none"},
    {"PAGERDUTY_URL", TEXT, offsetof(struct settings, pagerduty_url), "https://events.pagerduty.com", 0, 0,
     "PagerDuty's Events API; the European one is https://events.eu.pagerduty.com"},
    {"POD_ACCESS", ACCESS, offsetof(struct settings, pod_access), "auto", 0, 0,
     "how new pods are asked how they serve: direct, by their addresses; proxy, through the API server; auto, whichever works"},
    {"LOG_LEVEL", LEVEL, offsetof(struct settings, log_level), "info", 0, 0, "trace, debug, info, warn, error or fatal"},
    {"METRICS_PORT", NUMBER, offsetof(struct settings, metrics_port), "8080", 0, 65535, "port of /metrics; 0: any free one"},
    {"PROBE_PORT", NUMBER, offsetof(struct settings, probe_port), "8081", 0, 65535, "port of /healthz and /readyz; 0: any free one"},
    {"MAX_IN_FLIGHT", NUMBER, offsetof(struct settings, max_in_flight), "16", 1, 256, "requests to the API server at once, watches apart"},
    {"LEASE_DURATION_SECONDS", NUMBER, offsetof(struct settings, lease_duration_s), "15", 3, 600,
     "after how long a silent leader is replaced"},
    {"DISCOVERY_SECONDS", NUMBER, offsetof(struct settings, discovery_s), "60", 1, 3600,
     "how often it is looked whether the cluster serves the prometheus-operator's API"},
    {"POD_NAME", TEXT, offsetof(struct settings, identity), "", 0, 0, "identity in the Lease; empty: the host's name"},
    {"POD_NAMESPACE", TEXT, offsetof(struct settings, own_namespace), "supernova-system", 0, 0, "namespace of the Lease"},
    {"KUBECONFIG", TEXT, offsetof(struct settings, kubeconfig), "", 0, 0, "credentials outside a cluster; empty: the pod's own"},
};

static void *field(struct settings *settings, const struct setting *row) { return (char *)settings + row->offset; }

static int set_text(char **to, const char *text) {
  char *copy = strdup(text);
  if (!copy) return -1;
  free(*to);
  *to = copy;
  return 0;
}

static void free_list(char **list) {
  for (char **p = list; p && *p; p++) free(*p);
  free(list);
}

static bool is_namespace(const char *text, size_t n) {
  if (!n || n > 63 || text[0] == '-' || text[n - 1] == '-') return false;
  for (size_t i = 0; i < n; i++)
    if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-') return false;
  return true;
}

static int set_namespaces(struct settings *settings, const char *text, struct error *error) {
  size_t count = 0;
  char **list = calloc(strlen(text) / 2 + 2, sizeof *list);
  if (!list) return error_oom(error);
  for (const char *p = text; *p;) {
    size_t n = strcspn(p, ",");
    if (!is_namespace(p, n)) {
      free_list(list);
      return error_set(error, ERROR_INVALID,
                       "WATCH_NAMESPACES has \"%.*s\", expected names of namespaces by commas, such as shop,supernova", (int)n, p);
    }
    list[count++] = strndup(p, n);
    p += n + (p[n] == ',');
  }
  free_list(settings->namespaces);
  settings->namespaces = list;
  return 0;
}

static int set_access(enum pod_access *to, const char *text) {
  static const char *const names[] = {[POD_ACCESS_AUTO] = "auto", [POD_ACCESS_DIRECT] = "direct", [POD_ACCESS_PROXY] = "proxy"};
  for (size_t i = 0; i < ELEMENTS(names); i++)
    if (!strcmp(text, names[i])) return *to = (enum pod_access)i, 0;
  return -1;
}

static int set(struct settings *settings, const struct setting *row, const char *text, struct error *error) {
  switch (row->kind) {
    case TEXT: return set_text(field(settings, row), text) < 0 ? error_oom(error) : 0;
    case NAMESPACES: return set_namespaces(settings, text, error);
    case LEVEL:
      if (parse_log_level(text, field(settings, row)) == 0) return 0;
      return error_set(error, ERROR_INVALID, "%s is \"%s\", expected %s", row->variable, text, row->meaning);
    case ACCESS:
      if (set_access(field(settings, row), text) == 0) return 0;
      return error_set(error, ERROR_INVALID, "%s is \"%s\", expected auto, direct or proxy", row->variable, text);
    case NUMBER:
      if (parse_int64(text, row->min, row->max, field(settings, row)) == 0) return 0;
      return error_set(error, ERROR_INVALID, "%s is \"%s\", expected a whole number from %lld to %lld", row->variable, text,
                       (long long)row->min, (long long)row->max);
  }
  return error_set(error, ERROR_BUG, "%s has no kind", row->variable);
}

/* WATCH_NAMESPACES is --watch-namespaces. */
static bool flag_is(const struct setting *row, const char *flag, size_t n) {
  if (strlen(row->variable) != n) return false;
  for (size_t i = 0; i < n; i++)
    if ((row->variable[i] == '_' ? '-' : tolower((unsigned char)row->variable[i])) != flag[i]) return false;
  return true;
}

static int read_flag(struct settings *settings, const char *argument, const char *next, int *ret_used, struct error *error) {
  *ret_used = 1;
  if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) return settings->show_help = true, 0;
  if (!strcmp(argument, "--version")) return settings->show_version = true, 0;
  if (strncmp(argument, "--", 2) != 0) return error_set(error, ERROR_INVALID, "\"%s\" is not a flag; see --help", argument);
  const char *name = argument + 2, *equals = strchr(name, '=');
  size_t n = equals ? (size_t)(equals - name) : strlen(name);
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    if (!flag_is(&table[i], name, n)) continue;
    if (!equals && !next) return error_set(error, ERROR_INVALID, "--%s needs a value", name);
    *ret_used = equals ? 1 : 2;
    return set(settings, &table[i], equals ? equals + 1 : next, error);
  }
  return error_set(error, ERROR_INVALID, "there is no flag --%.*s; see --help", (int)n, name);
}

/* Unique to this process, so that a restarted container is not taken for the one before. */
static int complete_identity(struct settings *settings) {
  char host[256] = "unknown", *unique = NULL;
  (void)gethostname(host, sizeof host - 1);
  const char *name = *settings->identity ? settings->identity : host;
  if (asprintf(&unique, "%s_%08x", name, (unsigned)random_u64()) < 0) return -1;
  free(settings->identity);
  settings->identity = unique;
  return 0;
}

int settings_read(struct settings *ret, int argc, char **argv, struct error *error) {
  struct settings settings = {0};
  int result = 0;
  for (size_t i = 0; result == 0 && i < ELEMENTS(table); i++) {
    const char *value = getenv(table[i].variable);
    result = set(&settings, &table[i], value && *value ? value : table[i].fallback, error);
  }
  for (int i = 1, used; result == 0 && i < argc; i += used) result = read_flag(&settings, argv[i], argv[i + 1], &used, error);
  if (result == 0 && complete_identity(&settings) < 0) result = error_oom(error);
  if (result < 0) return settings_done(&settings), -1;
  *ret = settings;
  return 0;
}

void settings_done(struct settings *settings) {
  free_list(settings->namespaces);
  free(settings->server_image);
  free(settings->pagerduty_url);
  free(settings->identity);
  free(settings->own_namespace);
  free(settings->kubeconfig);
  *settings = (struct settings){0};
}

void settings_help(struct buffer *to) {
  buffer_puts(
      to, "supernova-operator keeps every SupernovaStack of a cluster as its spec says.\n\nSettings (flag, or environment variable):\n");
  for (size_t i = 0; i < ELEMENTS(table); i++) {
    char flag[64] = "--";
    size_t n = strlen(table[i].variable);
    for (size_t k = 0; k < n && k + 3 < sizeof flag; k++)
      flag[k + 2] = (char)(table[i].variable[k] == '_' ? '-' : tolower((unsigned char)table[i].variable[k]));
    buffer_printf(to, "  %-26s %-24s %s%s%s%s\n", flag, table[i].variable, table[i].meaning, *table[i].fallback ? " (" : "",
                  table[i].fallback, *table[i].fallback ? ")" : "");
  }
  buffer_puts(to, "  --version                                           prints the version\n");
}
