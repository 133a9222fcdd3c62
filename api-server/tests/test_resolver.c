#include "store/resolver.h"

#include "base/clock.h"
#include "net/loop.h"

#include <criterion/criterion.h>
#include <string.h>

struct question {
  struct resolution resolution;
  struct resolver_answer answer;
  struct error error;
  int calls;
};

static void on_answer(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error) {
  struct question *q = CONTAINER_OF(resolution, struct question, resolution);
  q->calls++;
  if (answer) q->answer = *answer;
  if (error) q->error = *error;
}

static struct question ask(struct loop *loop, struct resolver *resolver, const char *host) {
  struct question q = {.resolution.done = on_answer};
  cr_assert_eq(resolver_start(resolver, &q.resolution, host, &q.error), 0, "%s", q.error.message);
  cr_expect_eq(q.calls, 0);
  int64_t until = clock_monotonic_ms() + 10000;
  while (!q.calls && clock_monotonic_ms() < until) cr_assert_eq(loop_turn(loop, 100, NULL), 0);
  cr_assert_eq(q.calls, 1);
  return q;
}

Test(resolver, names_and_literals) {
  struct loop *loop = loop_new(NULL);
  struct resolver *resolver = resolver_new(loop, NULL);
  cr_expect_str_eq(ask(loop, resolver, "192.0.2.7").answer.addresses[0], "192.0.2.7");
  cr_expect_str_eq(ask(loop, resolver, "2001:db8::1").answer.addresses[0], "2001:db8::1");
  cr_expect_geq(ask(loop, resolver, "localhost").answer.count, 1);
  struct question missing = ask(loop, resolver, "no-such-name.invalid");
  cr_expect_eq(missing.error.kind, ERROR_RETRY);
  cr_expect_not_null(strstr(missing.error.message, "no-such-name.invalid"));
  resolver_free(resolver);
  loop_free(loop);
}

Test(resolver, bounds) {
  struct loop *loop = loop_new(NULL);
  struct resolver *resolver = resolver_new(loop, NULL);
  static struct question many[RESOLVER_QUEUE * 2];
  char name[RESOLVER_HOST + 1];
  struct question q = {.resolution.done = on_answer};
  memset(name, 'a', RESOLVER_HOST);
  name[RESOLVER_HOST] = 0;
  cr_expect_eq(resolver_start(resolver, &q.resolution, name, NULL), -1);
  cr_expect_eq(resolver_start(resolver, &q.resolution, "", NULL), -1);
  size_t started = 0;
  for (size_t i = 0; i < ELEMENTS(many); i++) {
    many[i].resolution.done = on_answer;
    started += resolver_start(resolver, &many[i].resolution, "localhost", NULL) == 0;
  }
  cr_expect_geq(started, RESOLVER_QUEUE);
  for (size_t i = 0; i < ELEMENTS(many); i++) resolver_cancel(&many[i].resolution);
  struct question last = ask(loop, resolver, "127.0.0.1");
  cr_expect_eq(last.answer.count, 1);
  for (size_t i = 0; i < ELEMENTS(many); i++) cr_expect_eq(many[i].calls, 0);
  resolver_free(resolver);
  loop_free(loop);
}
