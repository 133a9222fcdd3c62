#include "routes/app.h"
#include "routes/etag.h"
#include "routes/handlers.h"

#include <inttypes.h>

void jwks_get_set(struct request *request) {
  const struct app *app = app_of(request);
  const struct keys *keys = &app->keys;
  char *cache = arena_printf(request->arena, "public, max-age=%" PRId64, app->settings->jwks_max_age_s);
  if (!keys->ring || !cache)
    request_problem(request, &(struct problem){.type = PROBLEM_UNAVAILABLE, .detail = "No keys are loaded.", .retry_after_s = 1});
  else
    etag_answer(request, keys->etag, cache, "application/json", keys->jwks.data, keys->jwks.len);
}
