/* The handlers that routes.c puts into its table; each resource has a file of its own. */
#pragma once

struct request;

void health_live(struct request *request);
void health_ready(struct request *request);
void health_whole(struct request *request);
void metrics_get(struct request *request);
void jwks_get_set(struct request *request);
void token_post(struct request *request);
void session_post(struct request *request);
void session_delete(struct request *request);
void session_cancel(struct request *request);
void ticket_post(struct request *request);
void entitlements_get(struct request *request);
void entitlements_cancel(struct request *request);
void grant_post(struct request *request);
void grant_cancel(struct request *request);
void ledger_get(struct request *request);
void ledger_cancel(struct request *request);
void product_get(struct request *request);
void product_put(struct request *request);
void product_cancel(struct request *request);
void webhook_collabpay_post(struct request *request);
void webhook_collabpay_cancel(struct request *request);
void iap_apple_verify(struct request *request);
void iap_apple_cancel(struct request *request);
void webhook_apple_post(struct request *request);
void webhook_apple_cancel(struct request *request);
void live_get(struct request *request);
void live_upgrade(struct request *request);
void test_error_post(struct request *request);
void design_tokens_get(struct request *request);
void design_tokens_post(struct request *request);
void design_tokens_cancel(struct request *request);
void openapi_get(struct request *request);
void docs_get(struct request *request);
void iap_google_post(struct request *request);
void iap_google_cancel(struct request *request);
void webhook_google_post(struct request *request);
void webhook_google_cancel(struct request *request);
