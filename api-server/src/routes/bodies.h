/* The fields of bodies and queries, where more than their handler reads them: the OpenAPI document shows the same arrays. Each is defined beside
 * the handler that checks with it; a grant's are in routes/grant_body.h. */
#pragma once

#include "routes/fields.h"
#include "settings/settings.h"
#include "store/payment.h"

enum { TOKEN_FIELDS = 5, COLLABPAY_FIELDS = 7 };

struct token_rules {
  struct field all[TOKEN_FIELDS];
};
struct token_rules token_rules(const struct settings *settings);

extern const struct field product_rules[];
extern const struct field google_rules[], apple_rules[];
extern const struct field collabpay_rules[PAYMENT_EVENTS][COLLABPAY_FIELDS]; /* members without a rule are passed over */
extern const struct field ledger_query[];                                    /* in the query, as the next */
extern const struct field design_tokens_query_rules[];
