#include "http/response.h"

#include <criterion/criterion.h>

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static const struct response_field two[] = {{"ETag", "\"7\""}, {"X-Empty", ""}};
static const struct response_field split[] = {{"Location", "/a\r\nSet-Cookie: x=y"}};
static const struct response_field feed[] = {{"X-A", "b\nc"}};
static const struct response_field space[] = {{"X A", "b"}};
static const struct response_field nameless[] = {{"", "b"}};
static const struct response_field twice[] = {{"content-Length", "0"}};
static const struct response_field coding[] = {{"Transfer-Encoding", "chunked"}};

static const struct {
  const char *name;
  struct response response;
  const char *head; /* NULL: refused */
} cases[] = {
    {"all of it",
     {.status = 200,
      .date = DATE,
      .content_type = "application/json",
      .content_length = 12,
      .keep_alive = true,
      .fields = two,
      .field_count = 2},
     "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Type: application/json\r\nContent-Length: 12\r\nConnection: keep-alive\r\nETag: "
     "\"7\"\r\nX-Empty: \r\n\r\n"},
    {"closing", {.status = 404, .content_length = 0}, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
    {"a stream closes",
     {.status = 200, .content_type = "text/event-stream", .content_length = RESPONSE_UNTIL_CLOSE, .keep_alive = true},
     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"},
    {"no content",
     {.status = 204, .content_type = "text/plain", .keep_alive = true},
     "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n"},
    {"not modified has no length and does not close",
     {.status = 304, .content_length = RESPONSE_UNTIL_CLOSE, .keep_alive = true, .fields = two, .field_count = 1},
     "HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\nETag: \"7\"\r\n\r\n"},
    {"retry after",
     {.status = 429, .content_length = 0, .keep_alive = true, .retry_after_s = 17},
     "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: keep-alive\r\nRetry-After: 17\r\n\r\n"},
    {"a status without a phrase", {.status = 599}, "HTTP/1.1 599 Unknown\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
    {"status too small", {.status = 101}, NULL},
    {"status too large", {.status = 600}, NULL},
    {"negative length", {.status = 200, .content_length = -2}, NULL},
    {"CR LF in a value", {.status = 200, .fields = split, .field_count = 1}, NULL},
    {"LF in a value", {.status = 200, .fields = feed, .field_count = 1}, NULL},
    {"space in a name", {.status = 200, .fields = space, .field_count = 1}, NULL},
    {"empty name", {.status = 200, .fields = nameless, .field_count = 1}, NULL},
    {"a second length", {.status = 200, .fields = twice, .field_count = 1}, NULL},
    {"a coding", {.status = 200, .fields = coding, .field_count = 1}, NULL},
    {"CR LF in the content type", {.status = 200, .content_type = "a/b\r\nX: y"}, NULL},
};

Test(response, heads) {
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    struct error error = {0};
    _cleanup_buffer_ struct buffer to;
    buffer_init(&to, 4096);
    buffer_puts(&to, "before ");
    int result = response_head(&to, &cases[i].response, &error);
    cr_expect_eq(result, cases[i].head ? 0 : -1, "%s: %s", cases[i].name, error.message);
    cr_expect_str_eq(buffer_text(&to) + 7, cases[i].head ? cases[i].head : "", "%s", cases[i].name);
    if (!cases[i].head) cr_expect_eq(error.kind, ERROR_BUG, "%s", cases[i].name);
  }
}

Test(response, a_full_buffer_keeps_what_it_had) {
  struct error error = {0};
  _cleanup_buffer_ struct buffer to;
  buffer_init(&to, 24);
  buffer_puts(&to, "before");
  cr_expect_eq(response_head(&to, &cases[0].response, &error), -1);
  cr_expect_eq(error.kind, ERROR_RETRY);
  cr_expect_str_eq(buffer_text(&to), "before");
}

Test(response, dates) {
  static const struct {
    int64_t ms;
    const char *text;
  } dates[] = {
      {784111777000, DATE},
      {784111777999, DATE},
      {784111778000, "Sun, 06 Nov 1994 08:49:38 GMT"},
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {1709164800000, "Thu, 29 Feb 2024 00:00:00 GMT"},
      {4102444799000, "Thu, 31 Dec 2099 23:59:59 GMT"},
  };
  struct http_date cache = {0};
  for (size_t i = 0; i < ELEMENTS(dates); i++) cr_expect_str_eq(http_date(&cache, dates[i].ms), dates[i].text);
}
