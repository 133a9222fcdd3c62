/* An API server that follows a script: one step a request, in order. A request that comes unasked is held without an answer. */
#pragma once

#include "kube/client.h"

#include "testing/http_server.h"
#include "testing/wait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct step {
  const char *asked;   /* must be in "METHOD target"; NULL: anything */
  const char *avoided; /* must not be in it */
  int status;
  const char *headers, *body;
  enum { ANSWER, STREAM, STREAM_AND_CUT, STREAM_AND_END, CUT } how;
};

struct script {
  struct loop *loop;
  struct http_server *server;
  struct kube_config config;
  struct kube_client *client;
  const struct step *steps;
  size_t at, unasked;
  struct http_connection *stream; /* the last one opened */
  char last_head[4096], last_body[4096];
};

static void script_on_request(void *owner, const struct http_server_request *request) {
  struct script *script = owner;
  const struct step *step = &script->steps[script->at];
  char line[4096];
  (void)snprintf(line, sizeof line, "%s %s", request->method, request->target);
  (void)snprintf(script->last_head, sizeof script->last_head, "%s", request->head);
  (void)snprintf(script->last_body, sizeof script->last_body, "%s", request->body);
  if (!step->status && step->how != CUT) {
    script->unasked++;
    return;
  }
  script->at++;
  cr_expect(!step->asked || strstr(line, step->asked), "step %zu: \"%s\" was expected in \"%s\"", script->at, step->asked, line);
  cr_expect(!step->avoided || !strstr(line, step->avoided), "step %zu: \"%s\" was not expected in \"%s\"", script->at, step->avoided, line);
  if (step->how == ANSWER) http_server_answer(request->connection, step->status, step->headers, step->body);
  if (step->how == STREAM || step->how == STREAM_AND_CUT || step->how == STREAM_AND_END) {
    script->stream = request->connection;
    http_server_begin(request->connection, step->status, step->headers);
    if (*step->body) http_server_piece(request->connection, step->body, strlen(step->body));
  }
  if (step->how == STREAM_AND_END) http_server_end(request->connection);
  if (step->how == STREAM_AND_CUT || step->how == CUT) http_server_cut(request->connection);
}

static inline struct script *script_new(const struct step *steps, unsigned max_in_flight) {
  struct error error = {0};
  struct script *script = calloc(1, sizeof *script);
  cr_assert_not_null(script);
  script->steps = steps;
  script->loop = loop_new(&error);
  cr_assert_not_null(script->loop, "%s", error.message);
  script->server = http_server_new(script->loop, script_on_request, NULL, script);
  script->config = (struct kube_config){.server = (char *)(uintptr_t)http_server_url(script->server)};
  static char no_proxy[] = "";
  script->config.proxy = no_proxy;
  script->client = kube_client_new(script->loop, &script->config, &(struct kube_client_options){.max_in_flight = max_in_flight}, &error);
  cr_assert_not_null(script->client, "%s", error.message);
  return script;
}

static inline void script_free(struct script *script) {
  kube_client_free(script->client);
  http_server_free(script->server);
  loop_free(script->loop);
  free(script);
}

static bool script_is_done(void *owner) {
  const struct script *script = owner;
  const struct step *next = &script->steps[script->at];
  return !next->status && next->how != CUT;
}

static inline void script_play(struct script *script) {
  wait_until(script->loop, 20000, script_is_done, script, "all that the script knows has been asked");
}
