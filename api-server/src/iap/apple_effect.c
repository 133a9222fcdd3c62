#include "iap/apple_effect.h"

#include <string.h>

static const struct apple_rule rules[] = {
    {"SUBSCRIBED", NULL, APPLE_BY_TYPE, PURCHASE_ACTIVE},
    {"DID_RENEW", NULL, APPLE_BY_TYPE, PURCHASE_ACTIVE},
    {"OFFER_REDEEMED", NULL, APPLE_BY_TYPE, PURCHASE_ACTIVE},
    {"ONE_TIME_CHARGE", NULL, APPLE_BY_TYPE, PURCHASE_ACTIVE},
    {"DID_CHANGE_RENEWAL_PREF", NULL, APPLE_BY_STATUS, 0},
    {"DID_CHANGE_RENEWAL_STATUS", NULL, APPLE_BY_STATUS, 0},
    {"PRICE_INCREASE", NULL, APPLE_BY_STATUS, 0},
    {"RENEWAL_EXTENDED", NULL, APPLE_BY_STATUS, 0},
    {"REFUND_DECLINED", NULL, APPLE_BY_STATUS, 0},
    {"DID_FAIL_TO_RENEW", "GRACE_PERIOD", APPLE_BY_TYPE, PURCHASE_GRACE},
    {"DID_FAIL_TO_RENEW", NULL, APPLE_BY_TYPE, PURCHASE_HOLD},
    {"GRACE_PERIOD_EXPIRED", NULL, APPLE_BY_TYPE, PURCHASE_HOLD},
    {"EXPIRED", NULL, APPLE_BY_TYPE, PURCHASE_EXPIRED},
    {"REFUND", NULL, APPLE_BY_TYPE, PURCHASE_REFUNDED},
    {"REVOKE", NULL, APPLE_BY_TYPE, PURCHASE_REFUNDED},
    {"REFUND_REVERSED", NULL, APPLE_REVERSED, 0},
};

const struct apple_rule *apple_rule_find(const char *type, const char *subtype) {
  static const struct apple_rule noted = {.effect = APPLE_NOTED};
  for (size_t i = 0; i < ELEMENTS(rules); i++)
    if (!strcmp(type, rules[i].type) && (!rules[i].subtype || !strcmp(subtype, rules[i].subtype))) return &rules[i];
  return &noted;
}

static struct purchase common(const struct apple_transaction *t) {
  return (struct purchase){.store = "apple",
                           .environment = t->environment,
                           .token = t->token,
                           .type = t->type == APPLE_SUBSCRIPTION ? PURCHASE_SUBSCRIPTION : PURCHASE_PRODUCT,
                           .state = PURCHASE_ACTIVE,
                           .product_id = t->product_id,
                           .order_id = t->id,
                           .account = t->account,
                           .observed_ms = t->signed_ms,
                           .purchased_ms = t->purchased_ms,
                           .expires_ms = t->expires_ms,
                           .quantity = t->quantity,
                           .refunded_quantity = t->revoked_quantity,
                           .auto_renew = t->type == APPLE_SUBSCRIPTION,
                           .test = !strcmp(t->environment, "sandbox")};
}

/* A part of it is refunded by its quantity alone. */
static bool is_all_revoked(const struct apple_transaction *t) { return t->revoked_ms && t->revoked_quantity == t->quantity; }

/* What it says was so from the purchase on, and everything that was told since counts more; what has ended, had ended when it was signed. */
struct purchase apple_purchase(const struct apple_transaction *t, int64_t now_ms) {
  struct purchase p = common(t);
  if (!t->revoked_ms && !t->upgraded) p.observed_ms = t->purchased_ms;
  if (is_all_revoked(t))
    p.state = PURCHASE_REFUNDED;
  else if (t->type == APPLE_SUBSCRIPTION && (t->upgraded || t->expires_ms <= now_ms))
    p.state = PURCHASE_EXPIRED;
  return p;
}

/* Where the status is missing, the dates tell. */
static enum purchase_state state_by_status(const struct apple_notification *n, const struct apple_transaction *t, bool renews) {
  switch (n->status) {
    case APPLE_ACTIVE: break;
    case APPLE_EXPIRED: return PURCHASE_EXPIRED;
    case APPLE_RETRY: return PURCHASE_HOLD;
    case APPLE_GRACE: return PURCHASE_GRACE;
    case APPLE_REVOKED: return PURCHASE_REFUNDED;
    case APPLE_STATUS_NONE:
      if (t->upgraded || t->expires_ms <= n->signed_ms) return PURCHASE_EXPIRED;
  }
  return renews ? PURCHASE_ACTIVE : PURCHASE_CANCELLED;
}

struct purchase apple_purchase_notified(const struct apple_notification *n, const struct apple_rule *rule,
                                        const struct apple_transaction *t, const struct apple_renewal *renewal) {
  struct purchase p = common(t);
  p.observed_ms = n->signed_ms;
  p.auto_renew = p.auto_renew && (!renewal || renewal->renews);
  if (rule->effect == APPLE_BY_TYPE)
    p.state = rule->state;
  else if (p.type == PURCHASE_SUBSCRIPTION)
    p.state = state_by_status(n, t, p.auto_renew);
  if (is_all_revoked(t) && rule->effect != APPLE_REVERSED) p.state = PURCHASE_REFUNDED;
  if (p.state == PURCHASE_REFUNDED && t->revoked_quantity < t->quantity && t->revoked_ms) p.state = PURCHASE_ACTIVE;
  if (p.state == PURCHASE_HOLD && t->expires_ms > n->signed_ms) p.state = PURCHASE_ACTIVE; /* what is paid is paid */
  if (p.state == PURCHASE_GRACE && renewal && renewal->grace_until_ms) p.expires_ms = renewal->grace_until_ms;
  if (rule->effect == APPLE_REVERSED) p.refunded_quantity = 0;
  return p;
}
