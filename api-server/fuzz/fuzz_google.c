/* Whatever Google sends: what is taken for a purchase makes sense (it has a product, an amount, and an end where it gives a plan), and what is taken for a
 * notification or a voided purchase names its purchase.
 */
#include "iap/google_purchase.h"
#include "testing/fuzz.h"

#include <string.h>

static void check_purchase(const struct purchase *p) {
  bool gives = p->state == PURCHASE_ACTIVE || p->state == PURCHASE_GRACE || p->state == PURCHASE_CANCELLED;
  demand(p->product_id && *p->product_id && p->state < PURCHASE_STATES);
  demand(p->quantity >= 1 && p->refunded_quantity >= 0 && p->refunded_quantity <= p->quantity);
  demand(p->type != PURCHASE_SUBSCRIPTION || !gives || p->expires_ms);
  demand(!p->test == !strcmp(p->environment, "production"));
  demand((!p->order_id || *p->order_id) && (!p->account || *p->account) && (!p->linked_token || *p->linked_token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  _cleanup_(json_freep) cJSON *json = NULL;
  struct purchase purchase;
  struct google_voided voided;
  struct google_notification told;
  if (json_parse((const char *)data, n, &google_limits, &json, NULL) < 0) return 0;
  if (google_product_read(json, "token", "coins", 1, &purchase, NULL) == 0) {
    check_purchase(&purchase);
    demand(purchase.purchased_ms > 0 && (!json_member(json, "purchaseState") || cJSON_IsNumber(json_member(json, "purchaseState"))));
  }
  if (google_subscription_read(json, "token", NULL, 1, &purchase, NULL) == 0) check_purchase(&purchase);
  if (google_subscription_read(json, "token", "pro", 1, &purchase, NULL) == 0) demand(!strcmp(purchase.product_id, "pro"));
  if (google_voided_read(json, &voided, NULL) == 0) demand(*voided.token);
  if (google_notification_read(json, &told, NULL) == 0) {
    bool of_purchase = told.kind == GOOGLE_PRODUCT || told.kind == GOOGLE_SUBSCRIPTION || told.kind == GOOGLE_VOIDED;
    demand(*told.package && (!of_purchase || *told.token) && (told.kind != GOOGLE_PRODUCT || *told.product_id));
  }
  return 0;
}
