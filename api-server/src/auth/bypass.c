#include "auth/bypass.h"

#include "base/clock.h"
#include "base/log.h"

static const char *refusal(const char *until, int64_t now_ms, int64_t *ret_until_ms) {
  int64_t until_ms;
  if (!*until) return "DEV_AUTH_OPEN_UNTIL is not set";
  if (parse_rfc3339(until, &until_ms) < 0) return "DEV_AUTH_OPEN_UNTIL is not an RFC 3339 time";
  if (until_ms <= now_ms) return "DEV_AUTH_OPEN_UNTIL is past";
  if (until_ms - now_ms > BYPASS_LONGEST_MS) return "DEV_AUTH_OPEN_UNTIL is more than 4 hours ahead";
  return *ret_until_ms = until_ms, NULL;
}

struct bypass bypass_decide(const struct settings *settings, int64_t now_ms) {
  struct bypass bypass = {0};
  if (!settings->dev_auth_open) return bypass;
  if (settings->environment == ENVIRONMENT_DEVELOPMENT) {
    log_warn("requests are let in without a verified token: DEV_AUTH_OPEN is true");
    return (struct bypass){INT64_MAX};
  }
  const char *why_not = refusal(settings->dev_auth_open_until, now_ms, &bypass.until_ms);
  if (why_not)
    log_error("DEV_AUTH_OPEN is true outside development and stays without effect", log_str("cause", why_not));
  else
    log_warn("requests are let in without a verified token", log_str("until", settings->dev_auth_open_until));
  return bypass;
}
