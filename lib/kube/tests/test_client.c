#include "kube/client.h"

#include "base/clock.h"
#include "script.h"

#include <sys/stat.h>
#include <unistd.h>

struct answer {
  int done, status;
  struct error error;
  char body[256];
};

static void on_done(void *owner, const struct kube_response *response) {
  struct answer *answer = owner;
  answer->done++;
  answer->status = response->status;
  answer->error = response->error;
  (void)snprintf(answer->body, sizeof answer->body, "%s", response->body);
}

static bool is_done(void *owner) { return ((struct answer *)owner)->done > 0; }

static struct kube_call *ask(struct script *script, struct answer *answer, struct kube_request request) {
  request.on_done = on_done;
  request.owner = answer;
  if (!request.path) request.path = "/api/v1/pods?x=y";
  struct kube_call *call = kube_send(script->client, &request, NULL);
  cr_assert_not_null(call);
  return call;
}

#define STATUS(reason, message) "{\"kind\":\"Status\",\"reason\":\"" reason "\",\"message\":\"" message "\"}"

/* Each status with the body that an API server gives it. */
Test(client, errors_by_status_and_reason) {
  static const struct {
    struct step step;
    enum error_kind kind;
    const char *words;
  } cases[] = {
      {{NULL, NULL, 400, NULL, STATUS("BadRequest", "no"), ANSWER}, ERROR_INVALID, "no"},
      {{NULL, NULL, 401, NULL, STATUS("Unauthorized", "who?"), ANSWER}, ERROR_FORBIDDEN, "who?"},
      {{NULL, NULL, 403, NULL, STATUS("Forbidden", "pods is forbidden"), ANSWER}, ERROR_FORBIDDEN, "pods is forbidden"},
      {{NULL, NULL, 404, NULL, STATUS("NotFound", "gone"), ANSWER}, ERROR_NOT_FOUND, "gone"},
      {{NULL, NULL, 409, NULL, STATUS("Conflict", "changed"), ANSWER}, ERROR_CONFLICT, "changed"},
      {{NULL, NULL, 409, NULL, STATUS("AlreadyExists", "there"), ANSWER}, ERROR_EXISTS, "there"},
      {{NULL, NULL, 410, NULL, STATUS("Expired", "too old"), ANSWER}, ERROR_GONE, "too old"},
      {{NULL, NULL, 422, NULL, STATUS("Invalid", "spec.x"), ANSWER}, ERROR_INVALID, "spec.x"},
      {{NULL, NULL, 500, NULL, STATUS("InternalError", "etcd"), ANSWER}, ERROR_RETRY, "etcd"},
      {{NULL, NULL, 503, NULL, "upstream is down\n<html>", ANSWER},
       ERROR_RETRY,
       "GET /api/v1/pods: the API server answered 503 upstream is down"},
      {{NULL, NULL, 504, NULL, STATUS("Timeout", ""), ANSWER}, ERROR_RETRY, "answered 504 Timeout"},
      {{NULL, NULL, 429, NULL, "Too many requests", ANSWER}, ERROR_THROTTLED, "Too many requests"},
      {{.how = CUT}, ERROR_RETRY, "closed without an answer"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct step steps[2] = {cases[i].step, {0}};
    struct script *script = script_new(steps, 0);
    struct answer answer = {0};
    ask(script, &answer, (struct kube_request){0});
    wait_until(script->loop, 5000, is_done, &answer, "the request is answered");
    cr_expect_eq(answer.error.kind, cases[i].kind, "%d: %s", cases[i].step.status, error_kind_name(answer.error.kind));
    cr_expect_eq(answer.status, cases[i].step.status);
    cr_expect(!cases[i].step.status || answer.error.cause == cases[i].step.status);
    cr_expect(strstr(answer.error.message, cases[i].words), "%d: %s", cases[i].step.status, answer.error.message);
    script_free(script);
  }
}

static void drop(void *owner, const char *bytes, size_t n) { (void)owner, (void)bytes, (void)n; }

/* Writes and refusals tell the time as well; what a watch's first line said is old when it ends. */
Test(client, the_servers_clock_is_taken_from_every_answer) {
  static const struct {
    const char *method;
    int status;
    enum kube_lane lane;
    bool streams, counts;
  } rows[] = {{"GET", 200, KUBE_LANE_CALLS, false, true},
              {"PATCH", 409, KUBE_LANE_CALLS, false, true},
              {"POST", 503, KUBE_LANE_LEASE, false, true},
              {"GET", 200, KUBE_LANE_WATCH, true, false}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct step steps[2] = {{NULL, NULL, rows[i].status, "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n", "{}", ANSWER}, {0}};
    struct script *script = script_new(steps, 0);
    struct answer answer = {0};
    cr_assert_eq(kube_client_skew_ms(script->client), 0);
    ask(script, &answer, (struct kube_request){.method = rows[i].method, .lane = rows[i].lane, .on_data = rows[i].streams ? drop : NULL});
    wait_until(script->loop, 5000, is_done, &answer, "the request is answered");
    int64_t off_ms = kube_client_skew_ms(script->client) - (INT64_C(1767225600000) - clock_real_ms());
    cr_expect(rows[i].counts ? off_ms > -60000 && off_ms < 60000 : !kube_client_skew_ms(script->client), "row %zu", i);
    script_free(script);
  }
}

Test(client, a_write_carries_its_body_and_kind) {
  static const struct step steps[] = {{"PATCH /api/v1/pods?x=y", NULL, 200, NULL, "{}", ANSWER}, {0}};
  struct script *script = script_new(steps, 0);
  struct answer answer = {0};
  ask(script, &answer, (struct kube_request){.method = "PATCH", .content_type = KUBE_APPLY, .body = "{\"a\":1}", .body_len = 7});
  wait_until(script->loop, 5000, is_done, &answer, "the request is answered");
  cr_expect_eq(answer.error.kind, ERROR_NONE);
  cr_expect_str_eq(answer.body, "{}");
  cr_expect_str_eq(script->last_body, "{\"a\":1}");
  cr_expect(strstr(script->last_head, "Content-Type: application/apply-patch+yaml\r\n"));
  cr_expect(strstr(script->last_head, "Accept: application/json\r\n"));
  cr_expect(!strstr(script->last_head, "Authorization"));
  script_free(script);
}

Test(client, retry_after_holds_the_calls_but_not_the_lease) {
  static const struct step steps[] = {{NULL, NULL, 429, "Retry-After: 1\r\n", "slow down", ANSWER},
                                      {"/lease", NULL, 200, NULL, "{}", ANSWER},
                                      {"/later", NULL, 200, NULL, "{}", ANSWER},
                                      {0}};
  struct script *script = script_new(steps, 0);
  struct answer first = {0}, later = {0}, lease = {0};
  ask(script, &first, (struct kube_request){0});
  wait_until(script->loop, 5000, is_done, &first, "the first is refused");
  cr_expect_eq(first.error.kind, ERROR_THROTTLED);
  cr_expect_eq(first.error.after_ms, 1000);
  int64_t since_ms = clock_monotonic_ms();
  ask(script, &later, (struct kube_request){.path = "/later"});
  ask(script, &lease, (struct kube_request){.path = "/lease", .lane = KUBE_LANE_LEASE});
  wait_until(script->loop, 5000, is_done, &later, "the one that waited is answered");
  cr_expect_geq(clock_monotonic_ms() - since_ms, 950);
  cr_expect_eq(lease.done, 1);
  script_free(script);
}

static bool two_were_asked(void *owner) { return ((struct script *)owner)->unasked == 2; }

Test(client, no_more_than_its_bound_is_in_flight) {
  static const struct step steps[] = {{0}};
  struct script *script = script_new(steps, 2);
  struct answer answer = {0};
  struct kube_call *calls[5];
  for (size_t i = 0; i < ELEMENTS(calls); i++) calls[i] = ask(script, &answer, (struct kube_request){0});
  wait_until(script->loop, 5000, two_were_asked, script, "two are sent");
  run_for(script->loop, 50);
  cr_expect_eq(script->unasked, 2, "the others wait");
  cr_expect_eq(kube_client_in_flight(script->client), 5);
  kube_cancel(calls[4]);
  kube_cancel(calls[0]);
  cr_expect_eq(kube_client_in_flight(script->client), 3);
  run_for(script->loop, 50);
  cr_expect_eq(script->unasked, 3, "the place of the cancelled one was taken");
  cr_expect_eq(answer.done, 0);
  script_free(script);
  cr_expect_eq(answer.done, 0, "freeing is silent");
}

static void start_another(void *owner, const struct kube_response *response) {
  (void)response;
  struct script *script = owner;
  struct kube_request again = {.path = "/again", .on_done = start_another, .owner = script};
  if (script->at < 3) cr_assert_not_null(kube_send(script->client, &again, NULL));
}

Test(client, answers_may_send) {
  static const struct step steps[] = {
      {"/first", NULL, 200, NULL, "{}", ANSWER}, {"/again", NULL, 200, NULL, "{}", ANSWER}, {"/again", NULL, 200, NULL, "{}", ANSWER}, {0}};
  struct script *script = script_new(steps, 1);
  cr_assert_not_null(kube_send(script->client, &(struct kube_request){.path = "/first", .on_done = start_another, .owner = script}, NULL));
  script_play(script);
  script_free(script);
}

/* A plugin is asked once for all that wait, and once more when what it gave is refused. */
Test(client, a_plugin_gives_the_token) {
  static const struct step steps[] = {{NULL, NULL, 200, NULL, "{}", ANSWER},
                                      {NULL, NULL, 200, NULL, "{}", ANSWER},
                                      {NULL, NULL, 401, NULL, "{}", ANSWER},
                                      {NULL, NULL, 200, NULL, "{}", ANSWER},
                                      {0}};
  char directory[] = "/tmp/kube-exec-XXXXXX", command[512];
  cr_assert_not_null(mkdtemp(directory));
  (void)snprintf(command, sizeof command,
                 "echo x >> %s/runs; printf "
                 "'{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"t%%d\"}}' $(wc "
                 "-l < %s/runs)",
                 directory, directory);
  char *arguments[] = {"sh", "-c", command, NULL}, *environment[] = {NULL};
  struct kube_exec exec = {.api_version = "client.authentication.k8s.io/v1",
                           .command = "sh",
                           .install_hint = "",
                           .arguments = arguments,
                           .environment = environment};
  struct script *script = script_new(steps, 1);
  script->config.exec = &exec;
  struct answer answers[3] = {0};
  ask(script, &answers[0], (struct kube_request){0});
  ask(script, &answers[1], (struct kube_request){0});
  wait_until(script->loop, 10000, is_done, &answers[1], "both are answered");
  cr_expect_eq(answers[0].status, 200);
  cr_expect(strstr(script->last_head, "Authorization: Bearer t1\r\n"), "%s", script->last_head);
  ask(script, &answers[2], (struct kube_request){0});
  wait_until(script->loop, 10000, is_done, &answers[2], "the third is answered");
  cr_expect_eq(answers[2].status, 200, "after it was refused once");
  cr_expect(strstr(script->last_head, "Authorization: Bearer t2\r\n"), "%s", script->last_head);
  script->config.exec = NULL;
  script_free(script);
  (void)snprintf(command, sizeof command, "rm -rf %s", directory);
  cr_assert_eq(system(command), 0);
}

Test(client, a_plugin_that_fails_fails_the_call_with_its_sentence) {
  static const struct step steps[] = {{0}};
  char *arguments[] = {"false", NULL}, *environment[] = {NULL};
  struct kube_exec exec = {.api_version = "client.authentication.k8s.io/v1",
                           .command = "false",
                           .install_hint = "",
                           .arguments = arguments,
                           .environment = environment};
  struct script *script = script_new(steps, 0);
  script->config.exec = &exec;
  struct answer answer = {0};
  ask(script, &answer, (struct kube_request){0});
  wait_until(script->loop, 10000, is_done, &answer, "the call has failed");
  cr_expect(strstr(answer.error.message, "\"false\" ended with status 1"), "%s", answer.error.message);
  cr_expect_eq(script->unasked, 0);
  script->config.exec = NULL;
  script_free(script);
}
