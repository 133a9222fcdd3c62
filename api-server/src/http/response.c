#include "http/response.h"

#include "http/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char response_continue[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* clang-format off */
static const struct { int status; const char *reason; } reasons[] = {
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {304, "Not Modified"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
    {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"}, {411, "Length Required"}, {412, "Precondition Failed"},
    {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {417, "Expectation Failed"},
    {422, "Unprocessable Content"}, {426, "Upgrade Required"}, {428, "Precondition Required"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
    {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
};
/* clang-format on */

/* The fields that response_head writes itself: a second one would contradict it. */
static const struct span own_fields[] = {
    {"date", 4}, {"connection", 10}, {"content-type", 12}, {"content-length", 14}, {"transfer-encoding", 17}, {"retry-after", 11}};

const char *response_reason(int status) {
  for (size_t i = 0; i < ELEMENTS(reasons); i++)
    if (reasons[i].status == status) return reasons[i].reason;
  return "Unknown";
}

/* Not strftime: a locale must not translate it. */
const char *http_date(struct http_date *cache, int64_t real_ms) {
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t second = (time_t)(real_ms / 1000);
  struct tm tm;
  if ((cache->second == second && *cache->text) || !gmtime_r(&second, &tm)) return cache->text;
  (void)snprintf(cache->text, sizeof cache->text, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday], (unsigned)tm.tm_mday % 100,
                 months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                 (unsigned)tm.tm_sec % 100);
  cache->second = second;
  return cache->text;
}

static struct span span_of(const char *text) { return (struct span){text, strlen(text)}; }
static bool is_text(struct span value) { return !value.len || bytes_are(value, BYTE_TEXT); }

static bool is_own(struct span name) {
  for (size_t i = 0; i < ELEMENTS(own_fields); i++)
    if (span_equal_word(name, own_fields[i])) return true;
  return false;
}

static int check_field(struct span name, struct span value, struct error *error) {
  if (!bytes_are(name, BYTE_TOKEN)) return error_set(error, ERROR_BUG, "a response field has a name that is not a token");
  if (is_own(name)) return error_set(error, ERROR_BUG, "the response field %s is written by response_head alone", name.at);
  if (!is_text(value)) return error_set(error, ERROR_BUG, "the value of %s holds a control byte", name.at);
  return 0;
}

static int check(const struct response *r, struct error *error) {
  if (r->status < 200 || r->status > 599) return error_set(error, ERROR_BUG, "a final response cannot have the status %d", r->status);
  if (r->content_length < RESPONSE_UNTIL_CLOSE) return error_set(error, ERROR_BUG, "the response's length is negative");
  if (r->content_type && !is_text(span_of(r->content_type))) return error_set(error, ERROR_BUG, "the content type holds a control byte");
  return 0;
}

/* In one piece: an answer has some fifteen. */
static void put_field(struct buffer *to, struct span name, struct span value) {
  size_t n = name.len + 2 + value.len + 2;
  char *at = buffer_reserve(to, n);
  if (!at) return;
  at = mempcpy(mempcpy(at, name.at, name.len), ": ", 2);
  (void)mempcpy(mempcpy(at, value.at, value.len), "\r\n", 2);
  buffer_grew(to, n);
}

static int put_fields(struct buffer *to, const struct response *r, struct error *error) {
  for (size_t i = 0; i < r->field_count; i++) {
    struct span name = span_of(r->fields[i].name), value = span_of(r->fields[i].value);
    if (check_field(name, value, error) < 0) return -1;
    put_field(to, name, value);
  }
  return 0;
}

static int take_back(struct buffer *to, size_t before) {
  if (to->data) to->data[to->len = before] = 0;
  return -1;
}

int response_head(struct buffer *to, const struct response *r, struct error *error) {
  if (check(r, error) < 0) return -1;
  size_t before = to->len;
  bool has_content = r->status != 204 && r->status != 304, until_close = has_content && r->content_length == RESPONSE_UNTIL_CLOSE;
  buffer_printf(to, "HTTP/1.1 %d %s\r\n", r->status, response_reason(r->status));
  if (r->date) put_field(to, SPAN("Date"), span_of(r->date));
  if (has_content && r->content_type) put_field(to, SPAN("Content-Type"), span_of(r->content_type));
  if (has_content && !until_close) buffer_printf(to, "Content-Length: %" PRId64 "\r\n", r->content_length);
  put_field(to, SPAN("Connection"), r->keep_alive && !until_close ? SPAN("keep-alive") : SPAN("close"));
  if (r->retry_after_s > 0) buffer_printf(to, "Retry-After: %d\r\n", r->retry_after_s);
  if (put_fields(to, r, error) < 0) return take_back(to, before);
  buffer_puts(to, "\r\n");
  if (!to->failed) return 0;
  error_set(error, ERROR_RETRY, "the response head does not fit into what may be buffered for this connection");
  return take_back(to, before);
}
