#include "iap/store_call.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct store_refusal refusals[] = {{409, ERROR_CONFLICT, "the shop is being changed"},
                                                {404, ERROR_NOT_FOUND, "the shop doesn't know it"},
                                                {0, ERROR_RETRY, "the shop can't answer"}};

Test(store_call, what_a_status_means) {
  static const struct {
    int status;
    enum error_kind kind;
    const char *message;
  } rows[] = {{200, ERROR_NONE, ""},
              {204, ERROR_NONE, ""},
              {299, ERROR_NONE, ""},
              {409, ERROR_CONFLICT, "the shop is being changed (409)"},
              {404, ERROR_NOT_FOUND, "the shop doesn't know it (404)"},
              {199, ERROR_RETRY, "the shop can't answer (199)"},
              {302, ERROR_RETRY, "the shop can't answer (302)"},
              {500, ERROR_RETRY, "the shop can't answer (500)"}};
  for (size_t i = 0; i < ELEMENTS(rows); i++) {
    struct http_response response = {.status = rows[i].status, .body = "", .retry_after_ms = 7000};
    struct error error = {0};
    bool good = rows[i].kind == ERROR_NONE;
    cr_expect_eq(store_check(&response, "ask the shop", refusals, &error), good ? 0 : -1, "%d", rows[i].status);
    cr_expect_eq(error.kind, rows[i].kind, "%d", rows[i].status);
    cr_expect_str_eq(error.message, rows[i].message);
    cr_expect(good || (error.cause == rows[i].status && error.after_ms == 7000));
  }
}

Test(store_call, nothing_came) {
  struct http_response response = {.body = ""};
  struct error error = {0};
  error_set(&response.error, ERROR_RETRY, "connection refused");
  cr_expect_eq(store_check(&response, "ask the shop", refusals, &error), -1);
  cr_expect_eq(error.kind, ERROR_RETRY);
  cr_expect(strstr(error.message, "ask the shop") && strstr(error.message, "connection refused"), "%s", error.message);
  cr_expect_eq(error.cause, 0);
}
