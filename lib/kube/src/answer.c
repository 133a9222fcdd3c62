#include "answer.h"

#include "codec/json.h"

#include <string.h>

static const struct {
  int status;
  enum error_kind kind;
} kinds[] = {
    {400, ERROR_INVALID}, {401, ERROR_FORBIDDEN}, {403, ERROR_FORBIDDEN}, {404, ERROR_NOT_FOUND},
    {405, ERROR_INVALID}, {409, ERROR_CONFLICT},  {410, ERROR_GONE},      {413, ERROR_INVALID},
    {415, ERROR_INVALID}, {422, ERROR_INVALID},   {429, ERROR_THROTTLED},
};

static enum error_kind kind_of(int status, const char *reason) {
  if (!strcmp(reason, "AlreadyExists")) return ERROR_EXISTS;
  for (size_t i = 0; i < ELEMENTS(kinds); i++)
    if (kinds[i].status == status) return kinds[i].kind;
  return ERROR_RETRY;
}

void answer_error_of_status(int code, const char *reason, const char *message, int64_t retry_after_ms, struct error *ret_error) {
  error_set(ret_error, kind_of(code, reason), "%s", message);
  ret_error->cause = code;
  ret_error->after_ms = retry_after_ms;
}

/* The beginning of what is no Status: a line of a proxy or of the API server's own flow control. */
static void plain_text(const char *body, char *to, size_t size) {
  size_t n = 0;
  for (; body[n] >= ' ' && body[n] <= '~' && n + 1 < size; n++) to[n] = body[n];
  to[n] = '\0';
}

void answer_error(const struct http_response *response, const char *method, const char *path, struct error *ret_error) {
  *ret_error = response->error;
  if (response->error.kind || response->status / 100 == 2) return;
  _cleanup_(json_freep) cJSON *status = NULL;
  if (json_parse(response->body, response->body_len, &json_limits_cluster, &status, NULL) < 0) status = NULL;
  const char *reason = json_string(status, "reason", ""), *message = json_string(status, "message", "");
  char words[160];
  plain_text(response->body, words, sizeof words);
  answer_error_of_status(response->status, reason, message, response->retry_after_ms, ret_error);
  if (*message) return;
  enum error_kind kind = ret_error->kind;
  error_set(ret_error, kind, "%s %.*s: the API server answered %d %s", method, (int)strcspn(path, "?"), path, response->status,
            status ? reason : words);
  ret_error->cause = response->status;
  ret_error->after_ms = response->retry_after_ms;
}
