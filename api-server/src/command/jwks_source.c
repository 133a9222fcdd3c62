#include "command/jwks_source.h"

#include "net/http_client.h"
#include "settings/file.h"

#include <stdio.h>
#include <string.h>

enum { SET_MAX = 256 * 1024, FETCH_MS = 10000, PATH_SIZE = 4352 };

struct fetch {
  struct loop *loop;
  struct buffer *to;
  struct error error; /* ERROR_NONE: it is there */
};

static void on_fetched(void *owner, const struct http_response *response) {
  struct fetch *fetch = owner;
  if (response->error.kind)
    fetch->error = response->error;
  else if (response->status != 200)
    error_set(&fetch->error, ERROR_RETRY, "the key set was answered with %d", response->status);
  else
    buffer_append(fetch->to, response->body, response->body_len);
  loop_stop(fetch->loop);
}

static int fetch(const char *url, struct buffer *to, struct error *error) {
  _cleanup_(loop_freep) struct loop *loop = loop_new(error);
  if (!loop) return -1;
  _cleanup_(http_client_freep) struct http_client *client =
      http_client_new(loop, &(struct http_client_options){.user_agent = "supernova-server/" SUPERNOVA_VERSION}, error);
  struct fetch fetching = {.loop = loop, .to = to};
  struct http_request request = {.url = url, .timeout_ms = FETCH_MS, .max_response = SET_MAX, .on_done = on_fetched, .owner = &fetching};
  if (!client || !http_send(client, &request, error) || loop_run(loop, error) < 0) return -1;
  if (fetching.error.kind == ERROR_NONE) return 0;
  if (error) *error = fetching.error;
  return -1;
}

static bool is_url(const char *source) { return !strncmp(source, "https://", 8) || !strncmp(source, "http://", 7); }

int jwks_from(const char *source, const char *directory, struct jwks **ret, struct error *error) {
  char path[PATH_SIZE];
  struct error failure = {0};
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, SET_MAX);
  if (!source) (void)snprintf(path, sizeof path, "%s/jwks.json", directory);
  const char *from = source ? source : path;
  if ((is_url(from) ? fetch(from, &text, &failure) : file_read(from, &text, &failure)) < 0) {
    if (!source && failure.kind == ERROR_NOT_FOUND) return *ret = NULL, 0;
    if (error) *error = failure;
    return error_wrap(error, "read the keys at %s", from);
  }
  return jwks_parse(buffer_text(&text), text.len, ret, error) < 0 ? error_wrap(error, "%s", from) : 0;
}
