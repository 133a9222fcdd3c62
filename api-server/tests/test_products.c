#include "store/products.h"

#include <criterion/criterion.h>
#include <string.h>

Test(products, stores_have_names) {
  static const char *const others[] = {"", "Google", "google ", "steam"};
  cr_expect(is_store("google") && is_store("apple") && is_store("collabpay"));
  for (size_t i = 0; i < ELEMENTS(others); i++) cr_expect_not(is_store(others[i]), "%s", others[i]);
}

Test(products, are_told) {
  static const struct {
    const char *id;
    struct product product;
    const char *json;
  } cases[] = {
      {"coins_1", {.coins = INT64_C(9007199254740991)}, "{\"store\":\"google\",\"productId\":\"coins_1\",\"coins\":9007199254740991}"},
      {"a\"b", {.plan = "g\\d"}, "{\"store\":\"google\",\"productId\":\"a\\\"b\",\"plan\":\"g\\\\d\"}"},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct buffer text;
    buffer_init(&text, 1024);
    product_json("google", cases[i].id, &cases[i].product, &text);
    cr_expect_str_eq(buffer_text(&text), cases[i].json);
    buffer_done(&text);
  }
}
