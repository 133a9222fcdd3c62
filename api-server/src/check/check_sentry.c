/* Whether reports get to Sentry: asked with an envelope that has nothing in it. Nobody's request depends on it, so it is never a fault. */
#include "base/clock.h"
#include "check/check.h"
#include "net/http_client.h"
#include "observe/sentry_dsn.h"

#include <stdio.h>

enum { PATIENCE_MS = 3000 };

struct asking {
  bool done;
  int status;
  struct error error;
};

static void on_done(void *owner, const struct http_response *response) {
  struct asking *asking = owner;
  *asking = (struct asking){.done = true, .status = response->status, .error = response->error};
}

static int ask(struct loop *loop, const struct sentry_dsn *dsn, struct asking *asking, struct error *error) {
  char auth[256];
  (void)snprintf(auth, sizeof auth, "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=supernova-server/check, sentry_key=%s",
                 dsn->key);
  const char *headers[] = {auth, "Content-Type: application/x-sentry-envelope", NULL};
  _cleanup_(http_client_freep) struct http_client *client =
      http_client_new(loop, &(struct http_client_options){.user_agent = "check"}, error);
  struct http_request request = {.method = "POST", .url = dsn->url, .headers = headers, .body = "{}\n", .body_len = 3};
  request.timeout_ms = PATIENCE_MS;
  request.on_done = on_done;
  request.owner = asking;
  if (!client || !http_send(client, &request, error)) return -1;
  while (!asking->done)
    if (loop_turn(loop, 50, error) < 0) return -1;
  return 0;
}

static void tell(const struct asking *asking, struct check_finding *ret) {
  if (asking->error.kind)
    check_tell(ret, CHECK_NOTE, "SENTRY_DSN can't be reached, so reports are dropped: %s", asking->error.message);
  else if (asking->status == 401 || asking->status == 403)
    check_tell(ret, CHECK_NOTE, "SENTRY_DSN is refused with status %d, so reports are dropped", asking->status);
  else
    check_tell(ret, CHECK_OK, "reports can be sent where SENTRY_DSN leads");
  if (ret->verdict == CHECK_NOTE)
    (void)snprintf(ret->next, sizeof ret->next,
                   "see whether the key is still in Sentry, and whether a NetworkPolicy lets this pod reach it");
}

void check_sentry(struct checkup *checkup, struct check_finding *ret) {
  struct error error = {0};
  struct asking asking = {0};
  struct sentry_dsn dsn;
  struct loop *loop = loop_new(&error);
  if (!loop || sentry_dsn_parse(checkup->settings.sentry_dsn, &dsn) < 0 || ask(loop, &dsn, &asking, &error) < 0)
    check_fail(ret, &error, "");
  else
    tell(&asking, ret);
  loop_free(loop);
}
