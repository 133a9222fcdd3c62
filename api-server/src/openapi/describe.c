#include "openapi/describe.h"

#include "openapi/bodies.h"
#include "routes/bodies.h"

#include <string.h>

#define OWN_ONLY "One's own, or anybody's with the role admin or finance."

/* clang-format off */
const struct description descriptions[] = {
    {.method = HTTP_POST, .path = "/auth/token", .id = "mintToken", .tag = "Credentials", .summary = "Mint an access token",
     .more = "For the product's own services, which know the issuer's secret. The claims that this server sets can't be in `extra`.",
     .body = token_body, .answers = {{200, "TokenAnswer", NULL}}, .refusals = {422}},
    {.method = HTTP_GET, .path = "/auth/.well-known/jwks.json", .id = "getKeys", .tag = "Credentials", .summary = "The public keys that verify tokens and receipts",
     .answers = {{200, "JsonWebKeySet", NULL}, {304, NULL, NULL}}},
    {.method = HTTP_POST, .path = "/auth/session", .id = "startSession", .tag = "Credentials", .summary = "Begin a session in place of a token",
     .more = "For browsers at one of CORS_ALLOWED_ORIGINS: the token becomes a cookie that scripts can't read. Whatever changes something afterwards "
             "must come from such an origin and bear `x-csrf-token`.",
     .names = {"Origin"}, .answers = {{200, "SessionAnswer", NULL}}, .headers = {"Set-Cookie"}, .refusals = {403}},
    {.method = HTTP_DELETE, .path = "/auth/session", .id = "endSession", .tag = "Credentials", .summary = "End the session",
     .names = {"Origin"}, .answers = {{200, "Done", NULL}}, .headers = {"Set-Cookie"}},
    {.method = HTTP_POST, .path = "/auth/ticket", .id = "buyTicket", .tag = "Credentials", .summary = "A ticket for an EventSource or a WebSocket",
     .more = "Good once, for 60 seconds: it goes into the address, where these clients can't send a token.",
     .answers = {{200, "TicketAnswer", NULL}}, .refusals = {403}},

    {.method = HTTP_GET, .path = "/api/entitlements/:profileId", .id = "getEntitlements", .tag = "Entitlements", .summary = "What a profile owns",
     .more = OWN_ONLY " With `Accept: application/jwt` a signed receipt (RS256, `typ: entitlement-receipt+jwt`), which verifies offline with the public "
             "keys; it needs a verified credential, always.",
     .answers = {{200, "EntitlementsAnswer", NULL}, {200, "Jwt", "application/jwt"}, {304, NULL, NULL}}, .refusals = {403, 406}},
    {.method = HTTP_POST, .path = "/api/entitlements/grant", .id = "grant", .tag = "Entitlements", .summary = "Give or take by hand",
     .more = "Exactly once for each `externalRef`: sent again with the same body, the answer is the first one; with another body, 409.",
     .roles = "admin, finance", .body = grant_body, .answers = {{200, "GrantAnswer", NULL}}, .refusals = {403, 409, 422}},
    {.method = HTTP_GET, .path = "/api/entitlements/:profileId/ledger", .id = "getLedger", .tag = "Entitlements", .summary = "What was given and taken, newest first",
     .more = OWN_ONLY " Whoever follows `next` sees each entry once, whatever is appended meanwhile.",
     .query = ledger_query, .answers = {{200, "LedgerAnswer", NULL}, {304, NULL, NULL}}, .refusals = {403, 422}},

    {.method = HTTP_GET, .path = "/api/products/:store/:productId", .id = "getProduct", .tag = "Catalogue", .summary = "What a store's product grants",
     .answers = {{200, "ProductAnswer", NULL}, {304, NULL, NULL}}, .refusals = {404}},
    {.method = HTTP_PUT, .path = "/api/products/:store/:productId", .id = "putProduct", .tag = "Catalogue", .summary = "Make or replace a product",
     .more = "With `If-Match` only what the client has seen is replaced; with `If-None-Match: *` only a new product is made. Else 412, and nothing changes.",
     .roles = "admin", .names = {"If-Match", "If-None-Match"}, .body = product_body,
     .answers = {{200, "ProductAnswer", NULL}, {201, "ProductAnswer", NULL}}, .headers = {"ETag"}, .refusals = {403, 404, 412, 422}},
    {.method = HTTP_GET, .path = "/api/design/tokens", .id = "getDesignTokens", .tag = "Catalogue", .summary = "The design tokens",
     .more = "Those in force, or a version that was; a version stays as it came, for ever.",
     .query = design_tokens_query_rules, .answers = {{200, "DesignTokens", NULL}, {304, NULL, NULL}}, .refusals = {404, 422}},
    {.method = HTTP_POST, .path = "/api/design/tokens", .id = "postDesignTokens", .tag = "Catalogue", .summary = "Post a new version of the design tokens",
     .more = "Whole, in the W3C Design Tokens Format. `If-Match` names the version that they replace: without it 428, and 412 where that is no longer in "
             "force. The first is posted with `If-None-Match: *`, or with neither.",
     .roles = "admin", .names = {"If-Match", "If-None-Match"}, .body = design_tokens_body,
     .answers = {{201, "DesignTokensAnswer", NULL}}, .headers = {"ETag"}, .refusals = {403, 412, 422, 428}},

    {.method = HTTP_POST, .path = "/api/iap/google/verify", .id = "verifyGoogle", .tag = "Purchases", .summary = "Claim a purchase made at Google Play",
     .more = "Google is asked; the client grants nothing by itself. 202: not paid yet; the profile gets it when it is, without asking again.",
     .body = google_body, .answers = {{200, "PurchaseAnswer", NULL}, {202, "PurchaseAnswer", NULL}}, .refusals = {403, 409, 422}},
    {.method = HTTP_POST, .path = "/api/iap/apple/verify", .id = "verifyApple", .tag = "Purchases", .summary = "Claim a purchase made in the App Store",
     .more = "By the transaction as StoreKit shows it, or by its id, for which the App Store is asked.",
     .body = apple_body, .answers = {{200, "PurchaseAnswer", NULL}}, .refusals = {403, 409, 422}},

    {.method = HTTP_POST, .path = "/api/webhooks/collabpay", .id = "hearCollabPay", .tag = "Webhooks", .summary = "CollabPay tells of a payment",
     .more = "`x-collab-signature` is HMAC-SHA256 over `<x-collab-timestamp>.<body>`, in hex. Takes effect once by event and paymentId. 202: kept until "
             "the catalogue has the product. Members and events that aren't known are passed over.",
     .names = {"x-collab-timestamp", "x-collab-id"}, .body = collabpay_body,
     .answers = {{200, "Heard", NULL}, {202, "Heard", NULL}}, .refusals = {409, 422}},
    {.method = HTTP_POST, .path = "/api/webhooks/google", .id = "hearGoogle", .tag = "Webhooks", .summary = "Google Play's real-time developer notifications",
     .more = "Pushed by Pub/Sub. A notification is a hint: Google is asked for the purchase.",
     .scheme = "googlePush", .body = google_push_body, .answers = {{204, NULL, NULL}}},
    {.method = HTTP_POST, .path = "/api/webhooks/apple", .id = "hearApple", .tag = "Webhooks", .summary = "App Store Server Notifications, version 2",
     .more = "The payload is what proves who sends it: a JWS that leads to Apple's root certificate.",
     .body = apple_push_body, .answers = {{200, "Heard", NULL}}, .refusals = {401, 403}},

    {.method = HTTP_GET, .path = "/api/live", .id = "listen", .tag = "Live", .summary = "Changes as they happen, as server-sent events",
     .more = "Of one's own entitlements and of the design tokens: `event: entitlements` with `{seq, entitlements}`, `event: design-tokens` with the version. "
             "An EventSource that comes back sends `Last-Event-ID` and is told what it missed, also with its used ticket. Ends when the credential ends. "
             "Whoever prefers text/event-stream and would be refused for a while (429, 503) gets a stream that says `retry` and ends instead, since an "
             "EventSource never comes back after any other status.",
     .names = {"lastEventId", "Last-Event-ID"}, .answers = {{200, "Text", "text/event-stream"}}},
    {.method = HTTP_GET, .path = "/api/live/ws", .id = "listenByWebSocket", .tag = "Live", .summary = "The same over a WebSocket",
     .more = "Each message is `{event, id, data}`. By cookie only from one of CORS_ALLOWED_ORIGINS. A request that is no upgrade is answered with 426.",
     .names = {"lastEventId", "Origin"}, .answers = {{101, NULL, NULL}}, .refusals = {403, 426}},

    {.method = HTTP_GET, .path = "/livez", .id = "getLiveness", .tag = "Operations", .summary = "Whether the server lives", .answers = {{200, "Health", NULL}}},
    {.method = HTTP_GET, .path = "/readyz", .id = "getReadiness", .tag = "Operations", .summary = "Whether it may be given requests",
     .answers = {{200, "Health", NULL}, {503, "Health", NULL}}},
    {.method = HTTP_GET, .path = "/healthz", .id = "getHealth", .tag = "Operations", .summary = "How the server is",
     .more = "At METRICS_PORT, inside the cluster, `?verbose` tells of its neighbours, schema, keys and build too.",
     .answers = {{200, "Health", NULL}, {503, "Health", NULL}}},
    {.method = HTTP_POST, .path = "/api/test-error", .id = "failOnPurpose", .tag = "Operations", .summary = "A failure to order",
     .more = "To see whether Sentry hears of one; `eventId` is its name there. It counts in no objective. The limit is for all callers together.",
     .answers = {{500, "Problem", "application/problem+json"}}},
    {.method = HTTP_GET, .path = "/metrics", .id = "getMetrics", .tag = "Operations", .summary = "Metrics for Prometheus",
     .answers = {{200, "Text", "text/plain"}, {200, "Text", "application/openmetrics-text"}}},
    {.method = HTTP_GET, .path = "/api/openapi.json", .id = "getDocument", .tag = "Operations", .summary = "This document",
     .answers = {{200, "OpenApi", NULL}, {304, NULL, NULL}}},
    {.method = HTTP_GET, .path = "/docs", .id = "getDocs", .tag = "Operations", .summary = "This document as a page to read",
     .answers = {{200, "Text", "text/html"}, {304, NULL, NULL}}},
    {0},
};
/* clang-format on */

const struct description *describe(enum http_method method, const char *path) {
  for (const struct description *row = descriptions; row->path; row++)
    if (row->method == method && !strcmp(row->path, path)) return row;
  return NULL;
}
