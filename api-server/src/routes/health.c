/* Whether this server lives, may be given requests, and how it and its neighbours are.
 *
 * Not ready until the database was reached once and its schema fits, and while draining. A neighbour that is away later makes no pod
 * unready: all pods share it, and taking them all out helps nobody. The body tells the truth. */
#include "base/clock.h"
#include "observe/build.h"
#include "routes/app.h"
#include "routes/handlers.h"

#include <string.h>

static const char *status_of(const struct app *app) {
  if (app->draining) return "draining";
  if (!app->schema.fitted) return "starting";
  bool well = db_health(app->db).up && (!app->redis || redis_health(app->redis).up) && app->keys.ring;
  return well ? "ok" : "degraded";
}

static bool is_ready(const struct app *app) { return !app->draining && app->schema.fitted; }

static void answer(struct request *request, bool well, const char *status) {
  struct buffer *body = request_scratch(request);
  buffer_printf(body, "{\"ok\":%s,\"status\":\"%s\"}", well ? "true" : "false", status);
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, well ? 200 : 503, "application/json", body->data, body->len);
}

void health_live(struct request *request) { answer(request, true, "ok"); }

void health_ready(struct request *request) {
  const struct app *app = app_of(request);
  answer(request, is_ready(app), status_of(app));
}

/* One of the words of dependency.h, or none while it is well. */
static void put_dependency(struct buffer *to, const char *name, bool up, enum dependency_reason reason, int64_t latency_us) {
  buffer_printf(to, "\"%s\":{\"ok\":%s", name, up ? "true" : "false");
  if (up && latency_us >= 0)
    buffer_printf(to, ",\"latencyMs\":%lld.%03lld", (long long)(latency_us / 1000), (long long)(latency_us % 1000));
  if (!up) buffer_printf(to, ",\"error\":\"%s\"", reason == DEPENDENCY_OK ? "unreachable" : dependency_reason_name(reason));
  buffer_puts(to, "}");
}

static void put_dependencies(struct buffer *to, const struct app *app) {
  struct db_health db = db_health(app->db);
  buffer_puts(to, ",\"dependencies\":{");
  put_dependency(to, "database", db.up, db.reason, db.latency_us);
  if (app->redis) {
    struct redis_health redis = redis_health(app->redis);
    buffer_puts(to, ",");
    put_dependency(to, "redis", redis.up, redis.reason, redis.latency_us);
  }
  buffer_puts(to, "}");
}

static void put_schema(struct buffer *to, const struct app *app) {
  struct schema_image image = schema_of_image();
  buffer_puts(to, ",\"schema\":{");
  if (app->schema.known)
    buffer_printf(to, "\"current\":%d,\"servesFrom\":%d,", app->schema.database.current, app->schema.database.serves_from);
  else
    buffer_puts(to, "\"current\":null,\"servesFrom\":null,");
  buffer_printf(to, "\"min\":%d,\"max\":%d}", image.min, image.max);
}

static void put_keys(struct buffer *to, const struct keys *keys) {
  size_t count = keys->ring ? jwks_count(keys->ring->keys) : 0;
  buffer_puts(to, ",\"keys\":[");
  for (size_t i = 0; i < count; i++) {
    const char *kid = jwks_kid(keys->ring->keys, i);
    buffer_puts(to, i ? ",{\"kid\":" : "{\"kid\":");
    buffer_json_string(to, kid, strlen(kid));
    buffer_printf(to, ",\"state\":\"%s\"}", keys_state(keys, kid));
  }
  buffer_puts(to, "]");
}

static void put_bypass(struct buffer *to, const struct app *app) {
  char until[RFC3339_SIZE];
  const struct bypass *bypass = &app->auth.bypass;
  bool open = bypass_is_open(bypass, clock_real_ms());
  if (open && bypass->until_ms < INT64_MAX) {
    format_rfc3339(bypass->until_ms, until);
    buffer_printf(to, ",\"bypassUntil\":\"%s\"}", until);
  } else {
    buffer_puts(to, open ? ",\"bypassUntil\":\"forever\"}" : ",\"bypassUntil\":null}");
  }
}

static void answer_verbosely(struct request *request, const struct app *app) {
  struct buffer *body = request_scratch(request);
  buffer_printf(body, "{\"status\":\"%s\",\"build\":{\"version\":\"" SUPERNOVA_VERSION "\",\"commit\":\"" SUPERNOVA_COMMIT "\"}",
                status_of(app));
  put_schema(body, app);
  put_dependencies(body, app);
  put_keys(body, &app->keys);
  put_bypass(body, app);
  request_field(request, "Cache-Control", "no-store");
  request_answer(request, is_ready(app) ? 200 : 503, "application/json", body->data, body->len);
}

void health_whole(struct request *request) {
  const struct app *app = app_of(request);
  char value[8];
  if (request->door == DOOR_METRICS && request_query(&request->head, "verbose", value, sizeof value) == 1)
    answer_verbosely(request, app);
  else
    answer(request, is_ready(app), status_of(app));
}
