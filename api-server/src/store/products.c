#include "store/products.h"

#include "store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool is_store(const char *name) {
  static const char *const stores[] = {"google", "apple", "collabpay"};
  for (size_t i = 0; i < ELEMENTS(stores); i++)
    if (!strcmp(stores[i], name)) return true;
  return false;
}

void product_query(struct db_query *query, const char *store, const char *product_id) {
  query->statement = STATEMENT_PRODUCT;
  db_parameter(query, 0, store);
  db_parameter(query, 1, product_id);
}

int product_read(const PGresult *result, struct product *ret, struct error *error) {
  struct product product = {0};
  if (db_rows(result) > 0) {
    product.plan = db_text(result, 0, 1);
    if (!product.plan && db_int64(result, 0, 0, &product.coins, error) < 0) return -1;
    if (db_int64(result, 0, 2, &product.revision, error) < 0) return -1;
  }
  *ret = product;
  return 0;
}

void product_json(const char *store, const char *product_id, const struct product *product, struct buffer *to) {
  buffer_printf(to, "{\"store\":\"%s\",\"productId\":", store);
  buffer_json_string(to, product_id, strlen(product_id));
  if (product->plan) {
    buffer_puts(to, ",\"plan\":");
    buffer_json_string(to, product->plan, strlen(product->plan));
  } else {
    buffer_printf(to, ",\"coins\":%" PRId64, product->coins);
  }
  buffer_puts(to, "}");
}

void product_put_query(struct product_put_call *call, const char *store, const char *product_id, const struct product *product,
                       const char *match, const char *unless) {
  (void)snprintf(call->coins, sizeof call->coins, "%" PRId64, product->coins);
  const char *values[] = {store, product_id, product->plan ? NULL : call->coins, product->plan, match, unless};
  call->query.statement = STATEMENT_PRODUCT_PUT;
  for (unsigned i = 0; i < ELEMENTS(values); i++) db_parameter(&call->query, i, values[i]);
}

int product_put_read(const PGresult *result, enum product_put_result *ret, int64_t *ret_revision, struct error *error) {
  static const char *const names[] = {[PRODUCT_CREATED] = "created", [PRODUCT_REPLACED] = "replaced", [PRODUCT_STALE] = "stale"};
  const char *text = db_rows(result) == 1 ? db_text(result, 0, 0) : NULL;
  size_t i = 0;
  while (i < ELEMENTS(names) && (!text || strcmp(text, names[i]) != 0)) i++;
  if (i == ELEMENTS(names)) return error_set(error, ERROR_BUG, "product_put gave a result that is not known");
  if (db_int64(result, 0, 1, ret_revision, error) < 0) return -1;
  *ret = (enum product_put_result)i;
  return 0;
}
