/* POST /auth/token: mints a token for whoever knows the issuer's secret. */
#include "auth/mint.h"
#include "base/clock.h"
#include "routes/bodies.h"
#include "routes/call.h"
#include "routes/handlers.h"

#include <inttypes.h>
#include <string.h>

enum { SUBJECT_MAX = 256, ROLES_MAX = 16, TTL_DEFAULT_S = 3600 };

struct token_rules token_rules(const struct settings *settings) {
  return (struct token_rules){{{"sub", FIELD_TEXT, true, 1, SUBJECT_MAX},
                               {"roles", FIELD_TEXTS, false, 0, ROLES_MAX},
                               {"ttl", FIELD_INTEGER, false, 1, settings->jwt_max_ttl_s},
                               {"extra", FIELD_OBJECT, false, 0, 0},
                               {0}}};
}

static void check_extra(const cJSON *extra, struct wrong_fields *wrong) {
  const cJSON *claim;
  if (!cJSON_IsObject(extra)) return; /* a list's items have no names */
  cJSON_ArrayForEach(claim, extra) if (mint_is_reserved(claim->string)) {
    fields_wrong(wrong, "extra.", claim->string, "is a claim that only this server sets");
  }
}

static struct mint_wish wish_of(const cJSON *json, int64_t longest_s) {
  int64_t usual_s = longest_s < TTL_DEFAULT_S ? longest_s : TTL_DEFAULT_S;
  return (struct mint_wish){.sub = json_string(json, "sub", ""),
                            .roles = json_member(json, "roles"),
                            .extra = json_member(json, "extra"),
                            .ttl_s = json_int(json, "ttl", usual_s)};
}

static void answer(struct request *request, const struct keyring *ring, const struct mint_wish *wish) {
  const struct app *app = app_of(request);
  struct buffer *body = request_scratch(request);
  struct error error = {0};
  int64_t exp_s;
  buffer_puts(body, "{\"ok\":true,\"token\":\"");
  if (mint(ring, app->settings->auth_issuer, app->settings->auth_audience, clock_real_ms() / 1000, wish, body, &exp_s, &error) < 0) {
    call_fail(request, &error);
    return;
  }
  buffer_printf(body, "\",\"kid\":\"%s\",\"exp\":%" PRId64 "}", ring->signing_kid, exp_s);
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, 200, "application/json", body->data, body->len);
}

void token_post(struct request *request) {
  const struct app *app = app_of(request);
  const cJSON *json = call_of(request)->json;
  const struct token_rules rules = token_rules(app->settings);
  struct wrong_fields wrong = {.arena = request->arena};
  fields_check(json, "", rules.all, &wrong);
  check_extra(json_member(json, "extra"), &wrong);
  if (fields_answer(request, &wrong)) return;
  struct mint_wish wish = wish_of(json, app->settings->jwt_max_ttl_s);
  if (app->keys.ring)
    answer(request, app->keys.ring, &wish);
  else
    request_problem(request, &(struct problem){.type = PROBLEM_UNAVAILABLE, .detail = "No keys are loaded.", .retry_after_s = 1});
}
