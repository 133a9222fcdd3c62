#include "routes/routes.h"

#include "auth/secrets.h"
#include "routes/handlers.h"

#define PROBE(at, handler, who) \
  { .method = HTTP_GET, .path = (at), .doors = (who), .handle = (handler), .quiet = true }
#define OPEN(at, count, handler) \
  { .method = HTTP_GET, .path = (at), .doors = DOOR_PUBLIC, .limit = (count), .handle = (handler) }

/* clang-format off */
#define COMMON_ROUTES                                                                                                       \
  PROBE("/livez", health_live, DOOR_BOTH),                                                                                  \
  PROBE("/readyz", health_ready, DOOR_BOTH),                                                                                \
  PROBE("/healthz", health_whole, DOOR_BOTH),                                                                               \
  OPEN("/auth/.well-known/jwks.json", LIMIT_NONE, jwks_get_set),                                                            \
  {.method = HTTP_POST, .path = "/auth/token", .doors = DOOR_PUBLIC, .access = ACCESS_ISSUER, .limit = LIMIT_ISSUER,        \
   .handle = token_post, .takes_json = true},                                                                               \
  {.method = HTTP_POST, .path = "/auth/session", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED, .secret = SECRET_SESSION, \
   .credentials = CREDENTIAL_BEARER, .limit = LIMIT_WRITE, .handle = session_post},                                         \
  {.method = HTTP_DELETE, .path = "/auth/session", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,                         \
   .secret = SECRET_SESSION, .credentials = CREDENTIAL_SESSION, .limit = LIMIT_WRITE, .handle = session_delete,             \
   .cancel = session_cancel},                                                                                               \
  {.method = HTTP_POST, .path = "/auth/ticket", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED, .secret = SECRET_APP_JWT,  \
   .limit = LIMIT_WRITE, .handle = ticket_post},                                                                            \
  {.method = HTTP_GET, .path = "/api/entitlements/:profileId", .doors = DOOR_PUBLIC, .access = ACCESS_BEARER,               \
   .limit = LIMIT_READ, .handle = entitlements_get, .cancel = entitlements_cancel},                                         \
  {.method = HTTP_POST, .path = "/api/entitlements/grant", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,                 \
   .limit = LIMIT_WRITE, .handle = grant_post, .cancel = grant_cancel, .takes_json = true},                                 \
  {.method = HTTP_GET, .path = "/api/entitlements/:profileId/ledger", .doors = DOOR_PUBLIC, .access = ACCESS_BEARER,        \
   .limit = LIMIT_READ, .handle = ledger_get, .cancel = ledger_cancel},                                                     \
  {.method = HTTP_GET, .path = "/api/products/:store/:productId", .doors = DOOR_PUBLIC, .limit = LIMIT_READ,                \
   .handle = product_get, .cancel = product_cancel},                                                                        \
  {.method = HTTP_PUT, .path = "/api/products/:store/:productId", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,          \
   .limit = LIMIT_WRITE, .handle = product_put, .cancel = product_cancel, .takes_json = true},                              \
  {.method = HTTP_POST, .path = "/api/iap/google/verify", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,                  \
   .limit = LIMIT_WRITE, .handle = iap_google_post, .cancel = iap_google_cancel, .takes_json = true},                       \
  {.method = HTTP_POST, .path = "/api/webhooks/google", .doors = DOOR_PUBLIC, .limit = LIMIT_WEBHOOK,                       \
   .handle = webhook_google_post, .cancel = webhook_google_cancel, .takes_json = true},                                     \
  {.method = HTTP_POST, .path = "/api/webhooks/collabpay", .doors = DOOR_PUBLIC, .access = ACCESS_SIGNED,                   \
   .secret = SECRET_COLLAB_PAY_WEBHOOK, .limit = LIMIT_WEBHOOK, .handle = webhook_collabpay_post,                           \
   .cancel = webhook_collabpay_cancel, .takes_json = true},                                                                 \
  {.method = HTTP_POST, .path = "/api/iap/apple/verify", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,                   \
   .limit = LIMIT_WRITE, .handle = iap_apple_verify, .cancel = iap_apple_cancel, .takes_json = true},                       \
  {.method = HTTP_POST, .path = "/api/webhooks/apple", .doors = DOOR_PUBLIC, .access = ACCESS_ALL,                          \
   .limit = LIMIT_WEBHOOK, .handle = webhook_apple_post, .cancel = webhook_apple_cancel, .takes_json = true},               \
  {.method = HTTP_GET, .path = "/api/live", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED, .credentials = CREDENTIAL_ANY, \
   .limit = LIMIT_READ, .handle = live_get, .events = true},                                                                \
  {.method = HTTP_GET, .path = "/api/live/ws", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,                             \
   .credentials = CREDENTIAL_ANY, .limit = LIMIT_READ, .handle = live_upgrade},                                             \
  {.method = HTTP_POST, .path = "/api/test-error", .doors = DOOR_PUBLIC, .limit = LIMIT_TEST, .handle = test_error_post},   \
  {.method = HTTP_GET, .path = "/api/design/tokens", .doors = DOOR_PUBLIC, .limit = LIMIT_READ,                             \
   .handle = design_tokens_get, .cancel = design_tokens_cancel},                                                            \
  {.method = HTTP_POST, .path = "/api/design/tokens", .doors = DOOR_PUBLIC, .access = ACCESS_VERIFIED,                      \
   .limit = LIMIT_WRITE, .handle = design_tokens_post, .cancel = design_tokens_cancel, .takes_json = true},                 \
  OPEN("/api/openapi.json", LIMIT_READ, openapi_get),                                                                       \
  OPEN("/docs", LIMIT_READ, docs_get)
/* clang-format on */

const struct route routes[] = {COMMON_ROUTES, PROBE("/metrics", metrics_get, DOOR_METRICS), {0}};
const struct route development_routes[] = {COMMON_ROUTES, PROBE("/metrics", metrics_get, DOOR_BOTH), {0}};
