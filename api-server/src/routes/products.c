/* GET, PUT /api/products/:store/:productId: what a store's product grants. Everybody may read it; admins change it.
 *
 * A product's entity tag is its revision. A PUT replaces the product or makes it (201); with If-Match it only replaces what the client has
 * seen, with If-None-Match: * it only makes a new one, and else it is refused (412) and changes nothing. */
#include "store/products.h"

#include "base/log.h"
#include "iap/sweep.h"
#include "routes/bodies.h"
#include "routes/call.h"
#include "routes/etag.h"
#include "routes/handlers.h"
#include "routes/precondition.h"
#include "store/entitlements.h"

#include <inttypes.h>
#include <string.h>

enum { PLAN_MAX = 256 };

struct replacing {
  struct request *request;
  struct product product;
  union {
    struct db_query query; /* of a GET */
    struct product_put_call put;
  };
};

const struct field product_rules[] = {{"coins", FIELD_INTEGER, false, 1, COINS_MAX}, {"plan", FIELD_TEXT, false, 1, PLAN_MAX}, {0}};

static const char *store_of(const struct request *request) { return request->parameters.values[0]; }
static const char *product_of(const struct request *request) { return request->parameters.values[1]; }

/* {"ok":true,"product":{…}} */
static struct buffer *describe(struct request *request, const struct product *product) {
  struct buffer *body = request_scratch(request);
  buffer_puts(body, "{\"ok\":true,\"product\":");
  product_json(store_of(request), product_of(request), product, body);
  buffer_puts(body, "}");
  return body;
}

static const char *tag_of(struct request *request, int64_t revision) {
  const char *tag = arena_printf(request->arena, "\"%" PRId64 "\"", revision);
  return tag ? tag : "\"\"";
}

/* The common start; NULL: the request is answered. */
static struct replacing *begin(struct request *request) {
  struct replacing *own = call_of(request)->own = arena_alloc(request->arena, sizeof *own);
  if (!is_store(store_of(request)))
    request_refuse(request, PROBLEM_NOT_FOUND, "There is no such store: google, apple and collabpay have products.");
  else if (!own)
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
  else
    return own->request = request, own;
  return NULL;
}

/* ---- GET ---- */

static void on_read(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replacing *own = CONTAINER_OF(query, struct replacing, query);
  struct error failure;
  if (error || product_read(result, &own->product, &failure) < 0) {
    call_fail(own->request, error ? error : &failure);
  } else if (!own->product.revision) {
    request_refuse(own->request, PROBLEM_NOT_FOUND, "The catalogue doesn't have this product.");
  } else {
    struct buffer *body = describe(own->request, &own->product);
    etag_answer(own->request, tag_of(own->request, own->product.revision), "no-cache", "application/json", body->data, body->len);
  }
}

void product_get(struct request *request) {
  struct replacing *own = begin(request);
  struct error error;
  if (!own) return;
  own->query.done = on_read;
  product_query(&own->query, store_of(request), product_of(request));
  if (db_submit(app_of(request)->db, &own->query, &error) < 0) call_fail(request, &error);
}

/* ---- PUT ---- */

static void answer(struct replacing *own, enum product_put_result result, int64_t revision) {
  struct request *request = own->request;
  if (result == PRODUCT_STALE) {
    request_refuse(
        request, PROBLEM_PRECONDITION_FAILED,
        revision ? "The product has another revision than If-Match or If-None-Match allow." : "The catalogue doesn't have this product.");
    return;
  }
  log_info("the catalogue was written", log_str("reqId", request->id), log_str("actor", call_of(request)->who.sub),
           log_str("store", store_of(request)), log_str("productId", product_of(request)), log_int("coins", own->product.coins),
           log_str("plan", own->product.plan), log_int("revision", revision));
  /* what was kept for want of it has made a sweep due */
  if (strcmp(store_of(request), "google") == 0)
    sweep_kick(app_of(request)->sweep);
  else
    apple_sweep_kick(&app_of(request)->apple_sweep);
  struct buffer *body = describe(request, &own->product);
  request_field(request, "ETag", tag_of(request, revision));
  request_field(request, "Cache-Control", "no-cache");
  request_answer(request, result == PRODUCT_CREATED ? 201 : 200, "application/json", body->data, body->len);
}

static void on_put(struct db_query *query, const PGresult *result, const struct error *error) {
  struct replacing *own = CONTAINER_OF(query, struct replacing, put.query);
  enum product_put_result outcome;
  int64_t revision;
  struct error failure;
  if (error || product_put_read(result, &outcome, &revision, &failure) < 0)
    call_fail(own->request, error ? error : &failure);
  else
    answer(own, outcome, revision);
}

static bool body_is_right(struct request *request, const cJSON *json) {
  struct wrong_fields wrong = {.arena = request->arena};
  fields_check(json, "", product_rules, &wrong);
  if (!json_member(json, "coins") == !json_member(json, "plan")) fields_wrong(&wrong, "", "coins", "or plan, exactly one, is required");
  return !fields_answer(request, &wrong);
}

void product_put(struct request *request) {
  struct call *call = call_of(request);
  const char *match = NULL, *unless = NULL;
  struct error error;
  if (!(call->who.roles & ROLE_ADMIN)) {
    request_refuse(request, PROBLEM_FORBIDDEN, "Only the role admin may change the catalogue.");
    return;
  }
  struct replacing *own = begin(request);
  if (!own || !body_is_right(request, call->json)) return;
  if (precondition_read(request, "if-match", &match) < 0 || precondition_read(request, "if-none-match", &unless) < 0) {
    request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    return;
  }
  own->product = (struct product){.coins = json_int(call->json, "coins", 0), .plan = json_string(call->json, "plan", NULL)};
  own->put.query.done = on_put;
  product_put_query(&own->put, store_of(request), product_of(request), &own->product, match, unless);
  if (db_submit(app_of(request)->db, &own->put.query, &error) < 0) call_fail(request, &error);
}

void product_cancel(struct request *request) {
  struct replacing *own = call_of(request)->own;
  if (own) db_cancel(&own->query);
}
