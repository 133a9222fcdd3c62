#include "routes/design_tokens.h"

#include "base/log.h"
#include "codec/json.h"
#include "routes/app.h"
#include "routes/etag.h"
#include "routes/handlers.h"
#include "settings/file.h"

#include <stdio.h>
#include <string.h>

static const struct json_limits token_limits = {.max_bytes = DESIGN_TOKENS_MAX, .max_depth = 64, .no_duplicate_keys = true};

static int load(struct design_tokens *tokens, struct error *error) {
  _cleanup_buffer_ struct buffer text;
  char hex[SHA256_HEX_SIZE];
  buffer_init(&text, DESIGN_TOKENS_MAX);
  if (file_read(tokens->file, &text, error) < 0) return -1;
  if (json_check(text.data ? text.data : "", text.len, &token_limits, error) < 0) return error_wrap(error, "%s", tokens->file);
  if (sha256_hex(text.data, text.len, hex) < 0) return error_oom(error);
  buffer_done(&tokens->text);
  tokens->text = text;
  text = (struct buffer){0};
  bool changed = strncmp(tokens->etag + 1, hex, SHA256_HEX_SIZE - 1) != 0;
  (void)snprintf(tokens->etag, sizeof tokens->etag, "\"%s\"", hex);
  if (changed && tokens->changed) tokens->changed(tokens->owner);
  return 0;
}

static int look(struct dir_watch *watch) {
  struct design_tokens *tokens = CONTAINER_OF(watch, struct design_tokens, watch);
  struct error error = {0};
  if (load(tokens, &error) == 0) return *tokens->failure = 0, 0;
  bool absent = error.kind == ERROR_NOT_FOUND;
  if (absent) buffer_clear(&tokens->text);
  if (!absent && strcmp(tokens->failure, error.message) != 0) log_error("the design tokens can't be read", log_err(&error));
  (void)snprintf(tokens->failure, sizeof tokens->failure, "%s", error.message);
  return absent ? 0 : -1;
}

int design_tokens_start(struct design_tokens *tokens, struct loop *loop, const char *file, struct error *error) {
  *tokens = (struct design_tokens){.file = file, .changed = tokens->changed, .owner = tokens->owner};
  const char *slash = strrchr(file, '/');
  size_t n = slash ? (size_t)(slash - file) : 0;
  if (n >= sizeof tokens->directory) return error_set(error, ERROR_INVALID, "DESIGN_TOKENS_FILE is too long");
  (void)snprintf(tokens->directory, sizeof tokens->directory, "%.*s", slash ? (int)n : 1, slash ? file : ".");
  return dir_watch_start(&tokens->watch, loop, tokens->directory, look, error);
}

void design_tokens_stop(struct design_tokens *tokens) {
  dir_watch_stop(&tokens->watch);
  buffer_done(&tokens->text);
}

size_t design_tokens_event(const struct design_tokens *tokens, char to[DESIGN_TOKENS_EVENT_SIZE]) {
  if (!tokens->text.len) return 0;
  int quoted = (int)strlen(tokens->etag) - 2;
  return (size_t)snprintf(to, DESIGN_TOKENS_EVENT_SIZE, "{\"etag\":\"%.*s\"}", quoted, tokens->etag + 1);
}

void design_tokens_get(struct request *request) {
  const struct design_tokens *tokens = &app_of(request)->design_tokens;
  if (!tokens->text.len) {
    request_refuse(request, PROBLEM_NOT_FOUND, "No design tokens are mounted.");
    return;
  }
  etag_answer(request, tokens->etag, "public, no-cache", "application/json", tokens->text.data, tokens->text.len);
}
