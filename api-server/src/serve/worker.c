#include "serve/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/host.h"
#include "http/websocket.h"
#include "iap/outbox.h"
#include "iap/sweep.h"
#include "net/http_client.h"
#include "observe/log_queue.h"
#include "routes/app.h"
#include "routes/call.h"
#include "routes/routes.h"
#include "serve/publish.h"
#include "store/resolver.h"
#include "store/statements.h"

#include <stdlib.h>
#include <unistd.h>

enum { STORES_CONNECT_MS = 3000, LOOK_MS = 20, LAST_MS = 500, FLUSH_MS = 2000, FLUSH_LATE_MS = 300 };

struct worker {
  const struct worker_setup *setup;
  struct loop *loop;
  struct log_queue log;
  struct publisher publisher;
  struct timer life; /* the next step of the end */
  int64_t end_ms;    /* monotonic; when it is over at the latest */
  bool stopping;
  struct app app;
};

/* ---- its end ---- */

static void on_life(struct timer *timer) {
  struct worker *w = CONTAINER_OF(timer, struct worker, life);
  if (!w->stopping) {
    http_server_stop(w->app.http);
    live_drain(w->app.live);
  }
  w->stopping = true;
  int64_t open = http_server_counts(w->app.http).connections + host_websockets(w->app.host)->open;
  bool late = clock_monotonic_ms() >= w->end_ms;
  if (open && late) log_warn("connections are cut: the grace is over", log_int("connections", open));
  if (!open || late || timer_set(timer, LOOK_MS) < 0) host_stop(w->app.host);
}

static void on_term(int number, void *owner) {
  struct worker *w = owner;
  const struct settings *settings = w->setup->settings;
  (void)number;
  if (w->app.draining) return;
  log_info("draining", log_int("seconds", settings->shutdown_drain_s));
  w->app.draining = true;
  w->end_ms = clock_monotonic_ms() + settings->shutdown_grace_s * 1000 - LAST_MS;
  http_server_drain(w->app.http);
  if (timer_set(&w->life, settings->shutdown_drain_s * 1000) < 0) host_stop(w->app.host);
}

/* A worker that dies can't say so itself; the one in its place does. */
static void report_death(struct worker *w) {
  char id[SENTRY_ID_SIZE];
  if (!*w->setup->died) return;
  random_id(id);
  sentry_tell(
      w->app.sentry,
      &(struct sentry_report){
          .kind = SENTRY_EVENT, .id = id, .ended_ms = clock_real_ms(), .level = "fatal", .type = "WorkerDied", .value = w->setup->died});
}

/* What was told last still leaves, within the grace. */
static void flush_reports(struct worker *w) {
  int64_t left_ms = w->end_ms ? w->end_ms - clock_monotonic_ms() : FLUSH_MS;
  sentry_flush(w->app.sentry, left_ms > FLUSH_MS ? FLUSH_MS : left_ms > FLUSH_LATE_MS ? left_ms : FLUSH_LATE_MS);
}

/* ---- its parts ---- */

static void on_keys(void *owner) {
  struct app *app = owner;
  token_cache_clear(app->auth.cache);
}

static int start_auth(struct worker *w, struct error *error) {
  struct app *app = &w->app;
  secrets_init(&app->secrets, app->settings, app->metrics);
  app->auth = (struct authenticator){.settings = app->settings,
                                     .keys = &app->keys,
                                     .foreign = &app->foreign,
                                     .secrets = &app->secrets,
                                     .cache = token_cache_new(),
                                     .bypass = bypass_decide(app->settings, clock_real_ms()),
                                     .hits = metrics_series(app->metrics, METRIC_TOKEN_CACHE_HITS, ""),
                                     .misses = metrics_series(app->metrics, METRIC_TOKEN_CACHE_MISSES, "")};
  if (!app->auth.cache) return error_oom(error);
  if (foreign_keys_start(&app->foreign, w->loop, app->settings, app->metrics, on_keys, app, error) < 0) return -1;
  return keys_start(&app->keys, w->loop, app->settings->jwks_dir, app->metrics, on_keys, app, error);
}

static void on_notified(void *listener, const char *profile) {
  struct app *app = listener;
  if (app->live) live_changed(app->live, profile);
}

static void on_live_look(void *owner) {
  struct app *app = owner;
  design_tokens_look(&app->design_tokens);
}

static void on_design_tokens(void *owner) {
  struct app *app = owner;
  char data[DESIGN_TOKENS_EVENT_SIZE];
  size_t n = design_tokens_event(&app->design_tokens, data);
  if (app->live) live_tell_all(app->live, "design-tokens", data, n);
}

/* Behind a pooler notifications need a way past it; one that isn't there costs a second. */
static int start_live(struct worker *w, struct error *error) {
  struct app *app = &w->app;
  const struct settings *settings = app->settings;
  bool pooled = settings->database_pooler == POOLER_PGBOUNCER;
  if (pooled && settings->database_direct_url) {
    app->direct = db_new(w->loop, app->resolver,
                         &(struct db_settings){.url = settings->database_direct_url,
                                               .pool = 2,
                                               .statements = statements,
                                               .statement_count = STATEMENT_COUNT,
                                               .stats = &app->direct_stats,
                                               .channel = LIVE_CHANNEL,
                                               .notified = on_notified,
                                               .listener = app},
                         error);
    if (!app->direct) return -1;
  }
  app->live = live_new(w->loop,
                       &(struct live_settings){.auth = &app->auth,
                                               .db = app->db,
                                               .redis = app->redis,
                                               .is_notified = !pooled || app->direct,
                                               .looked = on_live_look,
                                               .owner = app,
                                               .max_clients = settings->max_connections,
                                               .clients = metrics_series(app->metrics, METRIC_LIVE_CLIENTS, "")},
                       error);
  return app->live ? 0 : -1;
}

static int start_store(struct worker *w, struct error *error) {
  struct app *app = &w->app;
  const struct settings *settings = app->settings;
  app->resolver = resolver_new(w->loop, error);
  if (!app->resolver) return -1;
  app->db = db_new(w->loop, app->resolver,
                   &(struct db_settings){.url = settings->database_url,
                                         .pooled = settings->database_pooler == POOLER_PGBOUNCER,
                                         .pool = (int)settings->db_pool,
                                         .statements = statements,
                                         .statement_count = STATEMENT_COUNT,
                                         .stats = &app->db_stats,
                                         .observe = publish_query,
                                         .owner = &w->publisher,
                                         .channel = settings->database_pooler == POOLER_PGBOUNCER ? NULL : LIVE_CHANNEL,
                                         .notified = on_notified,
                                         .listener = &w->app},
                   error);
  if (!app->db) return -1;
  app->auth.db = app->db;
  schema_watch_start(&app->schema, w->loop, app->db);
  signer_start(&app->signer, w->loop, app->db, &app->schema, &app->keys, app->metrics);
  retention_start(&app->retention, w->loop, app->db, &app->schema);
  if (settings->redis_mode != REDIS_MODE_NONE) {
    struct redis_settings redis = settings_redis(settings);
    app->redis = redis_new(w->loop, app->resolver, &redis, error);
    if (!app->redis) return -1;
  }
  app->limiter = limiter_new(w->loop, app->redis, w->setup->limits, settings->rate_limit_window_ms, &app->limiter_stats, error);
  return app->limiter ? 0 : -1;
}

static int start_stores(struct worker *w, struct error *error) {
  struct app *app = &w->app;
  struct http_client_options options = {.user_agent = "supernova-server/" SUPERNOVA_VERSION, .connect_timeout_ms = STORES_CONNECT_MS};
  app->stores = http_client_new(w->loop, &options, error);
  if (!app->stores || google_init(&app->google, app->settings, app->stores, error) < 0) return -1;
  if (apple_init(&app->apple, app->settings, app->stores, app->metrics, error) < 0) return -1;
  google_push_init(&app->google_push, app->settings, app->stores);
  app->outbox = outbox_new(w->loop, app->db, &app->google, app->metrics, error);
  app->sweep = app->outbox ? sweep_new(w->loop, app->db, &app->google, app->metrics, error) : NULL;
  if (!app->sweep) return -1;
  apple_sweep_start(&app->apple_sweep, w->loop, app->db, &app->apple);
  return 0;
}

static int start_http(struct worker *w, struct error *error) {
  struct app *app = &w->app;
  const struct settings *settings = app->settings;
  app->http = http_server_new(w->loop,
                              &(struct http_server_settings){
                                  .routes = settings->environment == ENVIRONMENT_DEVELOPMENT ? development_routes : routes,
                                  .trusted_proxies = &settings->trusted_proxies,
                                  .max_connections = (size_t)settings->max_connections,
                                  .max_connections_per_address = (size_t)settings->max_connections_per_address,
                                  .header_timeout_ms = settings->header_timeout_s * 1000,
                                  .body_timeout_ms = settings->body_timeout_s * 1000,
                                  .keepalive_timeout_ms = settings->keepalive_timeout_s * 1000,
                                  .dispatch = call_dispatch,
                                  .answered = call_answered,
                                  .cancelled = call_cancelled,
                                  .owner = app,
                              },
                              error);
  if (!app->http || http_server_listen(app->http, w->setup->public_fd, DOOR_PUBLIC, error) < 0) return -1;
  return http_server_listen(app->http, w->setup->metrics_fd, DOOR_METRICS, error);
}

static int start(struct worker *w, struct error *error) {
  struct app *app = &w->app;
  request_metrics_init(&app->request_metrics, app->metrics);
  timer_init(&w->life, w->loop, on_life);
  app->sentry = sentry_new(w->loop, app->settings, app->metrics, error);
  if (!app->sentry) return -1;
  report_death(w);
  if (loop_on_signal(w->loop, SIGTERM, on_term, w, error) < 0) return -1;
  if (start_auth(w, error) < 0 || start_store(w, error) < 0 || start_stores(w, error) < 0) return -1;
  app->design_tokens.db = app->db;
  app->design_tokens.changed = on_design_tokens;
  app->design_tokens.owner = app;
  if (start_live(w, error) < 0) return -1;
  if (design_tokens_start(&app->design_tokens, w->loop, app->settings->design_tokens_file, error) < 0) return -1;
  w->app.host = host_new(w->loop, error);
  if (!w->app.host || start_http(w, error) < 0) return -1;
  publish_start(&w->publisher, app, w->loop);
  return 0;
}

static void stop(struct worker *w) {
  struct app *app = &w->app;
  if (w->life.loop) timer_stop(&w->life);
  if (app->sentry) flush_reports(w);
  live_free(app->live);
  app->live = NULL;
  http_server_free(app->http);
  host_free(w->app.host);
  sentry_free(app->sentry);
  publish_stop(&w->publisher);
  apple_sweep_stop(&app->apple_sweep);
  apple_done(&app->apple);
  sweep_free(app->sweep);
  outbox_free(app->outbox);
  google_push_done(&app->google_push);
  google_done(&app->google);
  http_client_free(app->stores);
  limiter_free(app->limiter);
  redis_free(app->redis);
  retention_stop(&app->retention);
  signer_stop(&app->signer);
  schema_watch_stop(&app->schema);
  design_tokens_stop(&app->design_tokens);
  db_free(app->direct);
  db_free(app->db);
  resolver_free(app->resolver);
  docs_done(&app->docs);
  foreign_keys_stop(&app->foreign);
  keys_stop(&app->keys);
  token_cache_free(app->auth.cache);
}

int worker_run(const struct worker_setup *setup) {
  struct error error = {0};
  struct worker *w = calloc(1, sizeof *w);
  if (!w || !(w->loop = loop_new(&error))) {
    log_fatal("a worker can't be started", log_err(&error));
    free(w);
    return WORKER_FAILED;
  }
  metrics_attach(setup->metrics, setup->region);
  w->setup = setup;
  w->app.settings = setup->settings;
  w->app.metrics = setup->metrics;
  log_queue_start(&w->log, w->loop, STDOUT_FILENO, metrics_series(setup->metrics, METRIC_LOG_DROPPED, ""));
  int failed = start(w, &error) < 0 || host_run(w->app.host, &error) < 0;
  if (failed) log_fatal("a worker ends", log_err(&error));
  stop(w);
  log_queue_stop(&w->log);
  loop_free(w->loop);
  free(w);
  return failed ? WORKER_FAILED : WORKER_DONE;
}
