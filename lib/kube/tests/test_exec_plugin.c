#include "../src/exec_plugin.h"

#include "testing/wait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define V1 "client.authentication.k8s.io/v1"

Test(exec_plugin, what_plugins_print) {
  static const struct {
    const char *text, *words, *token;
    int64_t expires_ms;
  } cases[] = {
      {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
       "\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"1970-01-01T00:00:07Z\"}}",
       NULL, "t", 7000},
      {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}}", NULL,
       NULL, 0},
      {"please log in", "did not print JSON", NULL, 0},
      {"{\"kind\":\"Other\",\"apiVersion\":\"" V1 "\"}", "did not print an ExecCredential", NULL, 0},
      {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "beta1\",\"status\":{\"token\":\"t\"}}", "did not print an ExecCredential", NULL,
       0},
      {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}", "neither a token", NULL, 0},
      {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"clientKeyData\":\"k\"}}", "expected both or none", NULL, 0},
      {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}}",
       "no RFC 3339 time", NULL, 0},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct exec_credential credential = {0};
    struct error error = {0};
    int decoded = exec_credential_decode(cases[i].text, strlen(cases[i].text), V1, &credential, &error);
    cr_expect_eq(decoded, cases[i].words ? -1 : 0, "case %zu: %s", i, error.message);
    cr_expect(!cases[i].words || strstr(error.message, cases[i].words), "case %zu: %s", i, error.message);
    cr_expect(!cases[i].token || (credential.token && !strcmp(credential.token, cases[i].token)), "case %zu", i);
    cr_expect_eq(credential.expires_ms, cases[i].expires_ms, "case %zu", i);
    exec_credential_done(&credential);
  }
}

struct outcome {
  bool done;
  char token[128];
  struct error error;
};

static void on_done(void *owner, struct exec_credential *credential, const struct error *error) {
  struct outcome *outcome = owner;
  outcome->done = true;
  outcome->error = *error;
  (void)snprintf(outcome->token, sizeof outcome->token, "%s", credential->token ? credential->token : "");
}

static struct outcome run(const char *script) {
  struct loop *loop = loop_new(NULL);
  struct outcome outcome = {0};
  struct error error = {0};
  char *arguments[] = {"sh", "-c", (char *)(uintptr_t)script, NULL}, *environment[] = {"WHO=me", NULL};
  struct kube_exec exec = {.api_version = V1, .command = "sh", .install_hint = "", .arguments = arguments, .environment = environment};
  struct kube_config config = {.exec = &exec, .server = "https://h"};
  cr_assert_not_null(exec_run_start(loop, &config, on_done, &outcome, &error), "%s", error.message);
  cr_assert(!outcome.done);
  wait_for_flag(loop, 10000, &outcome.done, "the plugin has ended");
  loop_free(loop);
  return outcome;
}

#define PRINT_TOKEN(token) "printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"%s\"}}' \"" token "\""

Test(exec_plugin, its_output_is_the_credential_and_it_sees_its_environment) {
  cr_expect_str_eq(run(PRINT_TOKEN("$WHO")).token, "me");
  cr_expect_str_eq(run("case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) " PRINT_TOKEN("told") ";; esac").token, "told");
  cr_expect_str_eq(run(PRINT_TOKEN("early") "; sleep 5 & exit 0").token, "early", "a grandchild that holds the pipe is not waited for");
}

Test(exec_plugin, its_failures_are_sentences) {
  cr_expect(strstr(run("exit 3").error.message, "ended with status 3"));
  cr_expect(strstr(run("kill -9 $$").error.message, "ended with status 137"));
  cr_expect(strstr(run("yes").error.message, "more than") != NULL);
  cr_expect(strstr(run("echo hello").error.message, "did not print JSON"));
}

Test(exec_plugin, one_that_is_not_there_says_how_to_get_it) {
  struct loop *loop = loop_new(NULL);
  struct error error = {0};
  char *arguments[] = {"no-such-plugin", NULL}, *environment[] = {NULL};
  struct kube_exec exec = {.api_version = V1,
                           .command = "no-such-plugin",
                           .install_hint = "Get it from its makers.",
                           .arguments = arguments,
                           .environment = environment};
  struct kube_config config = {.exec = &exec, .server = "https://h"};
  cr_assert_null(exec_run_start(loop, &config, on_done, NULL, &error));
  cr_expect_eq(error.kind, ERROR_INVALID);
  cr_expect(strstr(error.message, "Get it from its makers."), "%s", error.message);
  loop_free(loop);
}

Test(exec_plugin, a_cancelled_one_is_killed_and_silent) {
  struct loop *loop = loop_new(NULL);
  struct outcome outcome = {0};
  char *arguments[] = {"sleep", "60", NULL}, *environment[] = {NULL};
  struct kube_exec exec = {.api_version = V1, .command = "sleep", .install_hint = "", .arguments = arguments, .environment = environment};
  struct kube_config config = {.exec = &exec, .server = "https://h"};
  struct exec_run *started = exec_run_start(loop, &config, on_done, &outcome, NULL);
  cr_assert_not_null(started);
  exec_run_cancel(started);
  run_for(loop, 20);
  cr_assert(!outcome.done);
  loop_free(loop);
}
