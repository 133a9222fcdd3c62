#include "routes/design_tokens.h"

#include "base/log.h"
#include "codec/json.h"
#include "settings/file.h"
#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 1000 };

static const struct json_limits token_limits = {.max_bytes = DESIGN_TOKENS_MAX, .max_depth = 64, .no_duplicate_keys = true};

struct design_tokens_set design_tokens_in_force(const struct design_tokens *tokens) {
  if (tokens->version) return (struct design_tokens_set){buffer_text(&tokens->posted), tokens->posted_etag, tokens->posted.len};
  if (!tokens->mounted.len) return (struct design_tokens_set){0};
  return (struct design_tokens_set){buffer_text(&tokens->mounted), tokens->mounted_etag, tokens->mounted.len};
}

size_t design_tokens_event(const struct design_tokens *tokens, char to[DESIGN_TOKENS_EVENT_SIZE]) {
  struct design_tokens_set set = design_tokens_in_force(tokens);
  if (!set.text) return 0;
  return (size_t)snprintf(to, DESIGN_TOKENS_EVENT_SIZE, "{\"etag\":\"%.*s\"}", (int)strlen(set.etag) - 2, set.etag + 1);
}

static void tell(struct design_tokens *tokens) {
  if (tokens->changed) tokens->changed(tokens->owner);
}

/* ---- what was mounted ---- */

static int load(struct design_tokens *tokens, struct error *error) {
  _cleanup_buffer_ struct buffer text;
  char hex[SHA256_HEX_SIZE];
  buffer_init(&text, DESIGN_TOKENS_MAX);
  if (file_read(tokens->file, &text, error) < 0) return -1;
  if (json_check(text.data ? text.data : "", text.len, &token_limits, error) < 0) return error_wrap(error, "%s", tokens->file);
  if (sha256_hex(text.data, text.len, hex) < 0) return error_oom(error);
  buffer_done(&tokens->mounted);
  tokens->mounted = text;
  text = (struct buffer){0};
  bool changed = strncmp(tokens->mounted_etag + 1, hex, SHA256_HEX_SIZE - 1) != 0;
  (void)snprintf(tokens->mounted_etag, sizeof tokens->mounted_etag, "\"%s\"", hex);
  if (changed && !tokens->version) tell(tokens);
  return 0;
}

static int look_at_file(struct dir_watch *watch) {
  struct design_tokens *tokens = CONTAINER_OF(watch, struct design_tokens, watch);
  struct error error = {0};
  if (load(tokens, &error) == 0) return *tokens->failure = 0, 0;
  bool absent = error.kind == ERROR_NOT_FOUND;
  if (absent) buffer_clear(&tokens->mounted);
  if (!absent && strcmp(tokens->failure, error.message) != 0) log_error("the design tokens can't be read", log_err(&error));
  (void)snprintf(tokens->failure, sizeof tokens->failure, "%s", error.message);
  return absent ? 0 : -1;
}

/* ---- what was posted ---- */

void design_tokens_query(const struct design_tokens *tokens, struct design_tokens_query *asked) {
  asked->held = tokens->version;
  (void)snprintf(asked->text, sizeof asked->text, "%" PRId64, tokens->version);
  asked->query.statement = STATEMENT_DESIGN_TOKENS;
  db_parameter(&asked->query, 0, asked->text);
}

static int hold(struct design_tokens *tokens, int64_t version, const char *text, struct error *error) {
  _cleanup_buffer_ struct buffer copy;
  buffer_init(&copy, DESIGN_TOKENS_MAX);
  if (text) buffer_puts(&copy, text);
  if (copy.failed) return error_oom(error);
  buffer_done(&tokens->posted);
  tokens->posted = copy;
  copy = (struct buffer){0};
  tokens->version = version;
  (void)snprintf(tokens->posted_etag, sizeof tokens->posted_etag, "\"%" PRId64 "\"", version);
  tell(tokens);
  return 0;
}

/* Several questions may be under way: an answer that another has overtaken is none. A version that goes back is that of a database which was
 * restored. */
int design_tokens_take(struct design_tokens *tokens, const struct design_tokens_query *asked, const PGresult *result, struct error *error) {
  int64_t version = 0;
  const char *text = NULL;
  if (db_rows(result) > 0) {
    if (db_int64(result, 0, 0, &version, error) < 0) return -1;
    text = db_text(result, 0, 1);
  }
  tokens->known = true;
  bool overtaken = version < tokens->version && asked->held != tokens->version;
  if (version == tokens->version || overtaken || (version && !text)) return 0;
  return hold(tokens, version, text, error);
}

static void on_looked(struct db_query *query, const PGresult *result, const struct error *error) {
  struct design_tokens *tokens = CONTAINER_OF(query, struct design_tokens, looking.query);
  struct error failure;
  bool failed = error || design_tokens_take(tokens, &tokens->looking, result, &failure) < 0;
  bool again = tokens->again;
  tokens->again = false;
  if (failed)
    (void)!timer_set(&tokens->retry, RETRY_MS); /* without memory the next hint tries again */
  else if (again)
    design_tokens_look(tokens);
}

void design_tokens_look(struct design_tokens *tokens) {
  struct error error;
  tokens->again = tokens->looking.query.db != NULL;
  if (tokens->again) return;
  tokens->looking.query = (struct db_query){.done = on_looked};
  design_tokens_query(tokens, &tokens->looking);
  if (db_submit(tokens->db, &tokens->looking.query, &error) < 0) (void)!timer_set(&tokens->retry, RETRY_MS);
}

static void on_retry(struct timer *timer) { design_tokens_look(CONTAINER_OF(timer, struct design_tokens, retry)); }

/* ---- its life ---- */

int design_tokens_start(struct design_tokens *tokens, struct loop *loop, const char *file, struct error *error) {
  *tokens = (struct design_tokens){.db = tokens->db, .changed = tokens->changed, .owner = tokens->owner, .file = file};
  timer_init(&tokens->retry, loop, on_retry);
  const char *slash = strrchr(file, '/');
  size_t n = slash ? (size_t)(slash - file) : 0;
  if (n >= sizeof tokens->directory) return error_set(error, ERROR_INVALID, "DESIGN_TOKENS_FILE is too long");
  (void)snprintf(tokens->directory, sizeof tokens->directory, "%.*s", slash ? (int)n : 1, slash ? file : ".");
  return dir_watch_start(&tokens->watch, loop, tokens->directory, look_at_file, error);
}

void design_tokens_stop(struct design_tokens *tokens) {
  db_cancel(&tokens->looking.query);
  if (tokens->retry.loop) timer_stop(&tokens->retry);
  dir_watch_stop(&tokens->watch);
  buffer_done(&tokens->mounted);
  buffer_done(&tokens->posted);
}
