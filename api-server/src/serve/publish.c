#include "serve/publish.h"

#include "base/clock.h"
#include "base/log.h"
#include "observe/build.h"

#include <stdio.h>

enum { PUBLISH_MS = 250 };

/* A counter that somebody else counts: brought up to its value. */
static void bring(struct metrics *metrics, enum metric metric, const char *labels, int64_t value, int64_t *last) {
  series_add(metrics_series(metrics, metric, labels), value - *last);
  *last = value;
}

static void gauge(struct metrics *metrics, enum metric metric, const char *labels, int64_t value) {
  series_set(metrics_series(metrics, metric, labels), value);
}

static void publish_db(struct publisher *p) {
  struct app *app = p->app;
  const struct db_stats *stats = &app->db_stats;
  gauge(app->metrics, METRIC_DB_CONNECTIONS, "", stats->connections);
  gauge(app->metrics, METRIC_DB_IN_USE, "", stats->in_use);
  gauge(app->metrics, METRIC_DB_WAITING, "", stats->waiting);
  gauge(app->metrics, METRIC_DEPENDENCY_UP, "name=\"database\"", stats->up);
  bring(app->metrics, METRIC_DB_WAIT_SECONDS, "", stats->wait_us, &p->wait_us);
  bring(app->metrics, METRIC_DB_WAITS, "", stats->wait_count, &p->waits);
  bring(app->metrics, METRIC_DB_DROPS, "", stats->drops, &p->drops);
  for (unsigned reason = DEPENDENCY_OK + 1; reason < DEPENDENCY_REASONS; reason++) {
    char labels[64];
    (void)snprintf(labels, sizeof labels, "reason=\"%s\"", dependency_reason_name((enum dependency_reason)reason));
    bring(app->metrics, METRIC_DB_CONNECT_FAILURES, labels, stats->failures[reason], &p->failures[reason]);
  }
}

static void publish_limiter(struct publisher *p) {
  struct app *app = p->app;
  bring(app->metrics, METRIC_LIMITER_HITS, "", app->limiter_stats.hits, &p->hits);
  bring(app->metrics, METRIC_LIMITER_MISSES, "", app->limiter_stats.misses, &p->misses);
  bring(app->metrics, METRIC_LIMITED, "", app->limiter_stats.limited, &p->limited);
  if (app->redis) gauge(app->metrics, METRIC_DEPENDENCY_UP, "name=\"redis\"", redis_health(app->redis).up);
}

static void publish_http(struct publisher *p) {
  struct app *app = p->app;
  struct http_server_counts counts = http_server_counts(app->http);
  gauge(app->metrics, METRIC_CONNECTIONS, "", counts.connections);
  gauge(app->metrics, METRIC_HTTP_IN_FLIGHT, "", counts.in_flight);
  bring(app->metrics, METRIC_CONNECTIONS_REFUSED, "", counts.refused_connections, &p->refused);
}

static void publish_schema(struct app *app) {
  struct schema_image image = schema_of_image();
  gauge(app->metrics, METRIC_SCHEMA, "what=\"min\"", image.min);
  gauge(app->metrics, METRIC_SCHEMA, "what=\"max\"", image.max);
  if (!app->schema.known) return;
  gauge(app->metrics, METRIC_SCHEMA, "what=\"current\"", app->schema.database.current);
  gauge(app->metrics, METRIC_SCHEMA, "what=\"serves_from\"", app->schema.database.serves_from);
}

static void publish(struct timer *timer) {
  struct publisher *p = CONTAINER_OF(timer, struct publisher, timer);
  struct app *app = p->app;
  publish_db(p);
  publish_limiter(p);
  publish_http(p);
  publish_schema(app);
  gauge(app->metrics, METRIC_WORKERS, "", 1);
  gauge(app->metrics, METRIC_BUILD_INFO, "version=\"" SUPERNOVA_VERSION "\",commit=\"" SUPERNOVA_COMMIT "\"", 1);
  gauge(app->metrics, METRIC_BYPASS_ACTIVE, "", bypass_is_open(&app->auth.bypass, clock_real_ms()));
  if (timer_set(timer, PUBLISH_MS) < 0) log_error("out of memory: the metrics stand still");
}

void publish_start(struct publisher *publisher, struct app *app, struct loop *loop) {
  *publisher = (struct publisher){.app = app};
  timer_init(&publisher->timer, loop, publish);
  publish(&publisher->timer);
}

void publish_stop(struct publisher *publisher) {
  if (publisher->timer.loop) timer_stop(&publisher->timer);
}

void publish_query(void *owner, unsigned statement, int64_t duration_us) {
  struct publisher *p = owner;
  if (!p->queries[statement]) {
    char labels[64];
    (void)snprintf(labels, sizeof labels, "statement=\"%s\"", statements[statement].name);
    p->queries[statement] = metrics_series(p->app->metrics, METRIC_DB_QUERY_DURATION, labels);
  }
  series_observe_us(p->queries[statement], duration_us);
  if (p->app->live && statements[statement].lane == DB_WRITE) live_wrote(p->app->live);
}
