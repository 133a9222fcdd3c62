/* What settings that are well formed come to. */
#include "auth/bypass.h"
#include "auth/secrets.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "check/check.h"
#include "routes/routes.h"

#include <stdlib.h>

void check_bypass(struct checkup *checkup, struct check_finding *ret) {
  int64_t now_ms = clock_real_ms();
  struct bypass bypass = bypass_decide(&checkup->settings, now_ms);
  if (bypass_is_open(&bypass, now_ms))
    check_tell(ret, CHECK_NOTE, "DEV_AUTH_OPEN lets requests in without a token%s%s", bypass.until_ms < INT64_MAX ? " until " : "",
               bypass.until_ms < INT64_MAX ? checkup->settings.dev_auth_open_until : "");
  else
    check_tell(ret, CHECK_NOTE,
               "DEV_AUTH_OPEN is true and lets nobody in: outside development it needs DEV_AUTH_OPEN_UNTIL, 4 h ahead at most");
}

/* Taken, so that an older Secret needs no change. */
void check_unused(struct checkup *checkup, struct check_finding *ret) {
  const char *secret = getenv("APPLE_SHARED_SECRET");
  (void)checkup;
  if (secret && *secret)
    check_tell(ret, CHECK_NOTE, "APPLE_SHARED_SECRET is set and not used: what Apple signs is verified by its certificates");
}

/* The routes know which secret each of them needs. */
void check_closed(struct checkup *checkup, struct check_finding *ret) {
  const struct secrets secrets = {.settings = &checkup->settings};
  _cleanup_buffer_ struct buffer list;
  buffer_init(&list, sizeof ret->sentence);
  for (const struct route *route = routes; route->path; route++) {
    enum secret secret = (enum secret)route->secret;
    if (secret == SECRET_NONE || secret_is_set(&secrets, secret)) continue;
    buffer_printf(&list, "%s%s %s (%s)", list.len ? ", " : "", http_method_name(route->method), route->path, secret_setting(secret));
  }
  if (list.len) check_tell(ret, CHECK_NOTE, "without their secrets these answer 503: %s", buffer_text(&list));
}
