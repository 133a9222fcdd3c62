#include "../src/config_internal.h"

#include "base/buffer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "-----BEGIN X-----\n" */
#define PEM_BASE64 "LS0tLS1CRUdJTiBYLS0tLS0K"

static char directory[64];

static void make_directory(void) {
  strcpy(directory, "/tmp/kubeconfig-XXXXXX");
  cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void) {
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
  cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = make_directory, .fini = remove_directory);

static const char *path_of(const char *name) {
  static char paths[4][128];
  static unsigned at;
  char *path = paths[at++ % 4];
  (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "w");
  cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct kube_config *load(const char *files, const char *context, struct error *error) {
  return kube_config_load(&(struct kube_config_source){.files = files, .context = context}, error);
}

#define CLUSTER  "clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443/', certificate-authority-data: " PEM_BASE64 "}}]\n"
#define CONTEXT  "contexts: [{name: x, context: {cluster: c, user: u, namespace: shop}}]\ncurrent-context: x\n"
#define USER(of) "users: [{name: u, user: {" of "}}]\n"

Test(config, a_certificate_and_its_key) {
  struct error error = {0};
  write_file("config", CLUSTER CONTEXT USER("client-certificate: cert.pem, client-key-data: " PEM_BASE64));
  write_file("cert.pem", "-----BEGIN CERTIFICATE-----\n"); /* beside the file that names it */
  _cleanup_(kube_config_freep) struct kube_config *config = load(path_of("config"), NULL, &error);
  cr_assert_not_null(config, "%s", error.message);
  cr_expect_str_eq(config->server, "https://10.0.0.1:6443");
  cr_expect_str_eq(config->namespace, "shop");
  cr_expect_str_eq(config->context, "x");
  cr_expect_str_eq(config->ca_pem, "-----BEGIN X-----\n");
  cr_expect_str_eq(config->certificate_pem, "-----BEGIN CERTIFICATE-----\n");
  cr_expect_str_eq(config->key_pem, "-----BEGIN X-----\n");
  cr_expect_null(config->token);
  cr_expect_null(config->exec);
}

Test(config, tokens_proxies_and_names) {
  struct error error = {0};
  write_file("config",
             "apiVersion: v1\nkind: Config\npreferences: {}\n"
             "clusters: [{name: c, cluster: {server: 'http://h:1', insecure-skip-tls-verify: true, tls-server-name: name, proxy-url: "
             "'http://p:3128'}}]\n"
             "contexts: [{name: a, context: {cluster: c}}, {name: b, context: {cluster: c, user: u}}]\ncurrent-context: a\n" USER(
                 "token: secret, tokenFile: token"));
  write_file("token", "from-file\n");
  _cleanup_(kube_config_freep) struct kube_config *config = load(path_of("config"), "b", &error);
  cr_assert_not_null(config, "%s", error.message);
  cr_expect(config->insecure_skip_verify);
  cr_expect_str_eq(config->tls_server_name, "name");
  cr_expect_str_eq(config->proxy, "http://p:3128");
  cr_expect_str_eq(config->token, "secret");
  cr_expect_str_eq(config->token_file, path_of("token"));
  cr_expect_str_eq(config->namespace, "default");
  cr_expect_str_eq(config->context, "b");
}

Test(config, a_plugin) {
  struct error error = {0};
  write_file("config", CLUSTER CONTEXT USER(
                           "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [a, 'b c'], "
                           "env: [{name: NAME, value: v}], installHint: get it, provideClusterInfo: true, interactiveMode: IfAvailable}"));
  _cleanup_(kube_config_freep) struct kube_config *config = load(path_of("config"), NULL, &error);
  cr_assert_not_null(config, "%s", error.message);
  cr_assert_not_null(config->exec);
  cr_expect_str_eq(config->exec->command, path_of("bin/login"), "relative to the file");
  cr_expect_str_eq(config->exec->arguments[0], config->exec->command);
  cr_expect_str_eq(config->exec->arguments[2], "b c");
  cr_expect_null(config->exec->arguments[3]);
  cr_expect_str_eq(config->exec->environment[0], "NAME=v");
  cr_expect_null(config->exec->environment[1]);
  cr_expect(config->exec->provide_cluster_info);
}

Test(config, of_several_files_the_first_that_says_it_wins) {
  struct error error = {0};
  char list[512];
  write_file("a", "current-context: x\nclusters: [{name: c, cluster: {server: 'https://first:1'}}]\n");
  write_file("b", CLUSTER CONTEXT "users: [{name: u, user: {token: t}}]\n");
  (void)snprintf(list, sizeof list, "%s:%s:%s", path_of("missing"), path_of("a"), path_of("b"));
  cr_assert_eq(setenv("KUBECONFIG", list, 1), 0);
  _cleanup_(kube_config_freep) struct kube_config *config = load(NULL, NULL, &error);
  cr_assert_not_null(config, "%s", error.message);
  cr_expect_str_eq(config->server, "https://first:1");
  cr_expect_str_eq(config->token, "t");
}

Test(config, what_is_wrong_is_said_with_its_place) {
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"current-context: [", "line "},
      {"just text", "expected a kubeconfig"},
      {"{}", "current-context is not set"},
      {"current-context: z\n" CLUSTER, "nothing named \"z\" in contexts"},
      {"contexts: {}\ncurrent-context: x\n", "contexts is no list"},
      {"contexts: [{name: x}]\ncurrent-context: x\n", "contexts \"x\" has no object \"context\""},
      {"contexts: [{name: x, context: {}}]\ncurrent-context: x\n", "context.cluster is missing"},
      {"contexts: [{name: x, context: {cluster: 7}}]\ncurrent-context: x\n", "context.cluster is no string"},
      {CONTEXT, "nothing named \"c\" in clusters"},
      {CONTEXT "clusters: [{name: c, cluster: {}}]\n", "clusters \"c\": cluster.server is missing"},
      {CONTEXT "clusters: [{name: c, cluster: {server: 'ftp://x'}}]\n", "cluster.server is no URL"},
      {CONTEXT "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: '***'}}]\n",
       "certificate-authority-data is no base64"},
      {CONTEXT "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: 'aGVsbG8='}}]\n", "is no base64 of PEM"},
      {CONTEXT "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: nowhere.pem}}]\n", "nowhere.pem: No such file"},
      {CONTEXT "clusters: [{name: c, cluster: {server: 'https://x', insecure-skip-tls-verify: maybe}}]\n", "is not true or false"},
      {CONTEXT "clusters: [{name: c, cluster: {server: 'https://x', insecure-skip-tls-verify: true, certificate-authority-data: " PEM_BASE64
               "}}]\n",
       "exclude each other"},
      {CONTEXT CLUSTER, "nothing named \"u\" in users"},
      {CONTEXT CLUSTER USER("username: me, password: x"), "user.username is not supported"},
      {CONTEXT CLUSTER USER("auth-provider: {name: gcp}"), "user.auth-provider is not supported"},
      {CONTEXT CLUSTER USER("as: root"), "user.as is not supported"},
      {CONTEXT CLUSTER USER("client-key-data: " PEM_BASE64), "user.client-certificate is missing"},
      {CONTEXT CLUSTER USER("client-certificate-data: " PEM_BASE64), "user.client-key is missing"},
      {CONTEXT CLUSTER USER("tokenFile: nowhere"), "user.tokenFile names a file that cannot be read"},
      {CONTEXT CLUSTER USER("exec: {apiVersion: v1, command: x}"), "exec.apiVersion is unknown"},
      {CONTEXT CLUSTER USER("exec: {apiVersion: client.authentication.k8s.io/v1}"), "exec.command is missing"},
      {CONTEXT CLUSTER USER("exec: {apiVersion: client.authentication.k8s.io/v1, command: x, args: {}}"), "exec.args is no list"},
      {CONTEXT CLUSTER USER("exec: {apiVersion: client.authentication.k8s.io/v1, command: x, args: [1]}"), "exec.args holds"},
      {CONTEXT CLUSTER USER("exec: {apiVersion: client.authentication.k8s.io/v1, command: x, env: [{name: a}]}"), "exec.env holds"},
      {CONTEXT CLUSTER USER("exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}"),
       "must have a terminal"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct error error = {0};
    write_file("config", cases[i].text);
    _cleanup_(kube_config_freep) struct kube_config *config = load(path_of("config"), NULL, &error);
    cr_expect_null(config, "case %zu: %s", i, cases[i].words);
    cr_expect(strstr(error.message, cases[i].words), "case %zu: \"%s\" is not in \"%s\"", i, cases[i].words, error.message);
    cr_expect(strstr(error.message, directory), "case %zu: the file is not in \"%s\"", i, error.message);
  }
}

Test(config, nothing_to_read_says_what_to_set) {
  struct error error = {0};
  cr_assert_null(load(path_of("missing"), NULL, &error));
  cr_expect_eq(error.kind, ERROR_NOT_FOUND);
  cr_assert_eq(setenv("KUBECONFIG", path_of("missing"), 1), 0);
  cr_assert_null(load(NULL, NULL, &error));
  cr_expect(strstr(error.message, "there is no such kubeconfig"), "%s", error.message);
  cr_assert(unsetenv("KUBECONFIG") == 0 && unsetenv("HOME") == 0 && unsetenv("KUBERNETES_SERVICE_HOST") == 0);
  cr_assert_null(load(NULL, NULL, &error));
  cr_expect(strstr(error.message, "set KUBECONFIG"), "%s", error.message);
}

Test(config, in_a_pod) {
  static const struct {
    const char *host, *server;
  } cases[] = {{"10.96.0.1", "https://10.96.0.1:443"}, {"fd00::1", "https://[fd00::1]:443"}};
  write_file("token", "t0\n");
  write_file("ca.crt", "-----BEGIN CERTIFICATE-----\n");
  write_file("namespace", "supernova-system\n");
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct error error = {0};
    _cleanup_(kube_config_freep) struct kube_config *config = calloc(1, sizeof *config);
    cr_assert_eq(in_cluster_load(cases[i].host, "443", directory, config, &error), 0, "%s", error.message);
    cr_expect_str_eq(config->server, cases[i].server);
    cr_expect_str_eq(config->namespace, "supernova-system");
    cr_expect_str_eq(config->token_file, path_of("token"));
    cr_expect_null(config->context);
  }
  struct error error = {0};
  _cleanup_(kube_config_freep) struct kube_config *config = calloc(1, sizeof *config);
  cr_assert_eq(unlink(path_of("token")), 0);
  cr_assert_eq(in_cluster_load("h", "443", directory, config, &error), -1);
  cr_expect(strstr(error.message, "automountServiceAccountToken"), "%s", error.message);
}

/* Cut and changed at every place, a kubeconfig is refused or taken, and never a crash. */
Test(config, damaged_files_are_survived) {
  static const char whole[] = CLUSTER CONTEXT USER("client-certificate-data: " PEM_BASE64 ", client-key-data: " PEM_BASE64);
  for (size_t n = 0; n < sizeof whole - 1; n += 3) {
    char text[sizeof whole];
    memcpy(text, whole, sizeof whole);
    text[n] = "{}[]:,'\"\t%"[n % 10];
    write_file("config", text);
    _cleanup_(kube_config_freep) struct kube_config *changed = load(path_of("config"), NULL, NULL);
    text[n] = '\0';
    write_file("config", text);
    _cleanup_(kube_config_freep) struct kube_config *cut = load(path_of("config"), NULL, NULL);
  }
}
