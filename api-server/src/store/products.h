/* The catalogue: what a store's product grants. Fills queries and reads their results; sends nothing itself.
 *
 *     product_query(&reading->query, "google", "coins_500");      // the texts are borrowed until done
 *     ... on_done: product_read(result, &product, &error);        // revision 0: there is none
 */
#pragma once

#include "base/buffer.h"
#include "store/db.h"

enum { PRODUCT_ID_MAX = 256 };

/* "google", "apple", "collabpay". */
bool is_store(const char *name);

/* Either coins or a plan. */
struct product {
  int64_t coins;    /* 0: a plan */
  const char *plan; /* NULL: coins; borrowed */
  int64_t revision; /* counted up with each change; 0: no such product */
};

void product_query(struct db_query *query, const char *store, const char *product_id);
int product_read(const PGresult *result, struct product *ret, struct error *error) _must_check_;

/* {"store":"google","productId":"coins_500","coins":500}, or "plan" in place of coins. */
void product_json(const char *store, const char *product_id, const struct product *product, struct buffer *to);

/* The query with room for its number; `query` first. MATCH and UNLESS as routes/precondition.h makes them. */
struct product_put_call {
  struct db_query query;
  char coins[24];
};
void product_put_query(struct product_put_call *call, const char *store, const char *product_id, const struct product *product,
                       const char *match, const char *unless);

enum product_put_result { PRODUCT_CREATED, PRODUCT_REPLACED, PRODUCT_STALE };

/* RET_REVISION: what it is now. */
int product_put_read(const PGresult *result, enum product_put_result *ret, int64_t *ret_revision, struct error *error) _must_check_;
