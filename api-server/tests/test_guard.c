/* The guard against guard_cases.txt, each message whole, byte by byte and in random pieces; and what a head answers when it is asked. */
#include "guard_transcript.h"
#include "http/percent.h"

#include <criterion/criterion.h>
#include <time.h>

enum { TEXT_MAX = 4 << 20, SPLITS = 3, BYTEWISE = 24 * 1024 };

struct test_case {
  char name[128];
  struct buffer message, expected;
};

static const char *unescape(struct buffer *to, const char *p, const char *end, char until);

/* The text after "\*{": N, a comma, what is repeated, and a brace. */
static const char *repeat(struct buffer *to, const char *p, const char *end) {
  char *after;
  unsigned long times = strtoul(p, &after, 10);
  struct buffer text;
  buffer_init(&text, TEXT_MAX);
  p = unescape(&text, after + 1, end, '}');
  for (unsigned long i = 0; i < times; i++) buffer_append(to, text.data, text.len);
  buffer_done(&text);
  return p;
}

static const char *escape(struct buffer *to, const char *p, const char *end) {
  static const char letters[] = "rnt0s\\", bytes[] = "\r\n\t\0 \\";
  const char *letter = memchr(letters, *p, sizeof letters - 1);
  if (letter) return buffer_append(to, bytes + (letter - letters), 1), p + 1;
  if (*p == '*') return repeat(to, p + 2, end);
  cr_assert_eq(*p, 'x', "an unknown escape: %.9s", p);
  char byte = (char)(byte_hex(p[1]) * 16 + byte_hex(p[2]));
  buffer_append(to, &byte, 1);
  return p + 3;
}

static const char *unescape(struct buffer *to, const char *p, const char *end, char until) {
  while (p < end && *p != until) {
    if (*p == '\\')
      p = escape(to, p + 1, end);
    else
      buffer_append(to, p++, 1);
  }
  return p < end ? p + 1 : p;
}

static void start_case(struct test_case *c, const char *name) {
  buffer_init(&c->message, TEXT_MAX);
  buffer_init(&c->expected, TEXT_MAX);
  (void)snprintf(c->name, sizeof c->name, "%s", name);
}

static void check_cuts(const struct test_case *c, const char *how, const size_t *cuts, size_t count) {
  struct buffer out;
  buffer_init(&out, TEXT_MAX);
  guard_transcript(&out, &guard_default_limits, buffer_text(&c->message), c->message.len, cuts, count);
  cr_expect(out.len == c->expected.len && !memcmp(buffer_text(&out), buffer_text(&c->expected), out.len),
            "%s, %s: expected\n%.300s\ngot\n%.300s", c->name, how, buffer_text(&c->expected), buffer_text(&out));
  buffer_done(&out);
}

/* Long messages: byte by byte at both ends alone. */
static void check_bytes(const struct test_case *c) {
  size_t n = c->message.len, count = 0;
  size_t *cuts = malloc((n + 1) * sizeof *cuts);
  cr_assert(cuts);
  for (size_t i = 1; i <= n; i++)
    if (n < BYTEWISE || i < 300 || i + 300 > n) cuts[count++] = i;
  check_cuts(c, "byte by byte", cuts, count);
  free(cuts);
}

static void check_random(const struct test_case *c, unsigned *seed) {
  for (int split = 0; split < SPLITS; split++) {
    size_t cuts[8], last = 0;
    char how[64];
    (void)snprintf(how, sizeof how, "split with seed %u", *seed);
    for (size_t i = 0; i < ELEMENTS(cuts); i++) cuts[i] = last += (size_t)rand_r(seed) % (c->message.len - last + 1);
    check_cuts(c, how, cuts, ELEMENTS(cuts));
  }
}

static void finish_case(struct test_case *c, unsigned *seed) {
  check_cuts(c, "whole", NULL, 0);
  check_bytes(c);
  check_random(c, seed);
  buffer_done(&c->message);
  buffer_done(&c->expected);
}

static void add_line(struct test_case *c, char *line, ssize_t len) {
  if (line[len - 1] == '\n') len--;
  if (*line == '>') (void)unescape(&c->message, line + 2, line + len, 0);
  if (*line != '<' || len < 3) return;
  (void)unescape(&c->expected, line + 2, line + len, 0);
  buffer_puts(&c->expected, "\n");
}

Test(guard, cases) {
  FILE *file = fopen(SOURCE_DIR "/api-server/tests/guard_cases.txt", "r");
  cr_assert(file, "guard_cases.txt cannot be read");
  unsigned seed = (unsigned)time(NULL), count = 0;
  struct test_case c = {0};
  char *line = NULL;
  size_t size = 0;
  for (ssize_t len; (len = getline(&line, &size, file)) > 0;) {
    if (*line != '=') {
      add_line(&c, line, len);
      continue;
    }
    if (count++) finish_case(&c, &seed);
    line[len - 1] = 0;
    start_case(&c, line + 2);
  }
  finish_case(&c, &seed);
  free(line);
  (void)fclose(file);
  cr_expect_geq(count, 200, "only %u cases were read", count);
}

static struct request_head parse(const char *message) {
  struct guard guard;
  struct request_head head = {0};
  guard_init(&guard, &guard_default_limits);
  cr_assert_eq(guard_head(&guard, message, strlen(message), &head), GUARD_DONE, "refused: %s", message);
  return head;
}

#define cr_expect_span(span, text) cr_expect(span_equal(span, SPAN(text)), "expected %s, got %.*s", text, (int)(span).len, (span).at)

Test(guard, a_head_answers) {
  struct request_head head = parse(
      "GET /a/b?x=1&name=J%C3%B6rg+K&y=&z&twice=1&twice=2&bad=%00&long=123456789 HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\n"
      "AUTHORIZATION:  Bearer t \r\nx-forwarded-for: 2.2.2.2\r\n\r\n");
  cr_expect_span(request_header(&head, "authorization"), "Bearer t");
  cr_expect_null(request_header(&head, "cookie").at);
  cr_expect_span(request_path(&head), "/a/b");
  struct span value;
  unsigned index = 0;
  cr_expect(request_header_next(&head, "X-Forwarded-For", &index, &value));
  cr_expect_span(value, "1.1.1.1");
  cr_expect(request_header_next(&head, "X-Forwarded-For", &index, &value));
  cr_expect_span(value, "2.2.2.2");
  cr_expect_not(request_header_next(&head, "X-Forwarded-For", &index, &value));
  _cleanup_(arena_freep) struct arena *arena = arena_new(1024);
  cr_expect_span(request_header_list(&head, "x-forwarded-for", arena), "1.1.1.1, 2.2.2.2");
  cr_expect_span(request_header_list(&head, "authorization", arena), "Bearer t");
  cr_expect_null(request_header_list(&head, "x-absent", arena).at);

  static const struct {
    const char *name;
    int found;
    const char *value;
  } queries[] = {{"x", 1, "1"},     {"name", 1, "J\xc3\xb6rg K"}, {"y", 1, ""},     {"z", 1, ""},  {"twice", -1, NULL},
                 {"bad", -1, NULL}, {"long", -1, NULL},           {"nam", 0, NULL}, {"1", 0, NULL}};
  for (size_t i = 0; i < ELEMENTS(queries); i++) {
    char text[9];
    cr_expect_eq(request_query(&head, queries[i].name, text, sizeof text), queries[i].found, "%s", queries[i].name);
    if (queries[i].found == 1) cr_expect_str_eq(text, queries[i].value);
  }
}

Test(guard, a_head_follows_its_buffer) {
  char first[] = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", second[sizeof first];
  struct request_head head = parse(first);
  memcpy(second, first, sizeof first);
  memset(first, 'x', sizeof first);
  head.base = second;
  cr_expect_span(request_host(&head), "h");
  cr_expect_eq(request_host(&head).at, second + 23);
}

Test(guard, a_body_may_be_required) {
  struct request_head none = parse("POST / HTTP/1.1\r\nHost: h\r\n\r\n"),
                      empty = parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  cr_assert_not_null(guard_require_body(&none));
  cr_expect_eq(guard_require_body(&none)->status, 411);
  cr_expect_null(guard_require_body(&empty));
}

Test(guard, a_refusal_stays_and_names_the_field_it_owes) {
  struct guard guard;
  struct request_head head = {.http10 = true};
  guard_init(&guard, &guard_default_limits);
  const char trace[] = "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", fine[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  cr_expect_eq(guard_head(&guard, trace, sizeof trace - 1, &head), GUARD_REFUSED);
  cr_expect_str_eq(guard.refusal->field_name, "Allow");
  cr_expect_eq(guard_head(&guard, fine, sizeof fine - 1, &head), GUARD_REFUSED);
  cr_expect(head.http10 && !head.base, "a refused head must not be filled");
}

Test(guard, percent) {
  static const struct {
    const char *raw;
    const char *segment; /* NULL: malformed */
    const char *query;
  } cases[] = {
      {"", "", ""},
      {"abc", "abc", "abc"},
      {"a+b", "a+b", "a b"},
      {"a%20b%2b", "a b+", "a b+"},
      {"%41%5a%7E", "AZ~", "AZ~"},
      {"%C3%B6", "\xc3\xb6", "\xc3\xb6"},
      {"%F0%9F%98%80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"a%2Fb", NULL, "a/b"},
      {"a%5cb", NULL, "a\\b"},
      {".", NULL, "."},
      {"..", NULL, ".."},
      {"%2e%2E", NULL, ".."},
      {"...", "...", "..."},
      {"%252e", "%2e", "%2e"},
      {"%00", NULL, NULL},
      {"a%0Ab", NULL, NULL},
      {"%7f", NULL, NULL},
      {"%", NULL, NULL},
      {"%4", NULL, NULL},
      {"%4g", NULL, NULL},
      {"%g4", NULL, NULL},
      {"%C3", NULL, NULL},
      {"%C0%80", NULL, NULL},
      {"%ED%A0%80", NULL, NULL},
      {"%F4%90%80%80", NULL, NULL},
      {"%FF", NULL, NULL},
      {"0123456789abcde", "0123456789abcde", "0123456789abcde"},
      {"0123456789abcdef", NULL, NULL},
  };
  for (size_t i = 0; i < ELEMENTS(cases); i++) {
    char text[16];
    struct span raw = {cases[i].raw, strlen(cases[i].raw)};
    int n = percent_segment(raw, text, sizeof text);
    cr_expect_eq(n, cases[i].segment ? (int)strlen(cases[i].segment) : -1, "segment %s", raw.at);
    if (n >= 0 && cases[i].segment) cr_expect_str_eq(text, cases[i].segment);
    n = percent_query(raw, text, sizeof text);
    cr_expect_eq(n, cases[i].query ? (int)strlen(cases[i].query) : -1, "query %s", raw.at);
    if (n >= 0 && cases[i].query) cr_expect_str_eq(text, cases[i].query);
  }
}
