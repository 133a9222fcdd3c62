/* What one worker works with: every route finds it at request_owner(). Made after fork, by serve/worker.c; nothing in it is shared with other
 * workers but the metrics and the limiter's table. */
#pragma once

#include "auth/authenticate.h"
#include "http/request.h"
#include "http/server.h"
#include "iap/apple_sweep.h"
#include "iap/google.h"
#include "iap/google_push.h"
#include "ledger/signer.h"
#include "live/live.h"
#include "observe/request_metrics.h"
#include "observe/sentry.h"
#include "routes/design_tokens.h"
#include "routes/docs.h"
#include "settings/settings.h"
#include "store/db.h"
#include "store/limiter.h"
#include "store/redis.h"
#include "store/retention.h"
#include "store/schema_watch.h"

struct app {
  const struct settings *settings;
  struct metrics *metrics;
  struct keys keys;
  struct foreign_keys foreign;
  struct secrets secrets;
  struct authenticator auth;
  struct resolver *resolver;
  struct db *db;
  struct db_stats db_stats;
  struct schema_watch schema;
  struct signer signer;
  struct retention retention;
  struct redis *redis; /* NULL with REDIS_MODE none */
  struct limiter *limiter;
  struct limiter_stats limiter_stats;
  struct design_tokens design_tokens;
  struct docs docs;
  struct http_client *stores; /* calls of Google and Apple */
  struct google google;
  struct google_push google_push;
  struct outbox *outbox;
  struct sweep *sweep;
  struct apple apple;
  struct apple_sweep apple_sweep;
  struct http_server *http;
  struct host *host;
  struct db *direct; /* past the pooler, where there is one: for notifications alone */
  struct db_stats direct_stats;
  struct live *live;
  struct request_metrics request_metrics;
  struct sentry *sentry;
  bool draining;
};

static inline struct app *app_of(const struct request *request) { return request_owner(request); }
