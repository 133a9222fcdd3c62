/* The resolver's thread and the loop, as ThreadSanitizer wants to see them: names that resolve, fail, are cancelled while they are asked for,
 * and a resolver that goes while its thread is held up by a name server. Has a main of its own, because Criterion aborts under that sanitizer.
 *
 * getaddrinfo is this program's: localhost and labels that are too long are the C library's, without a network; a name that begins with "slow"
 * keeps the thread until the gate is opened.
 */
#include "base/clock.h"
#include "net/loop.h"
#include "store/resolver.h"

#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = RESOLVER_QUEUE / 2, ROUNDS = 100, DEADLINE_MS = 60000 };

static const char *const names[] = {"localhost", "127.0.0.1", "::1",
                                    "a-label-of-more-than-sixty-three-bytes-that-no-name-server-is-ever-asked-for.invalid"};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t moved;
  bool open;
  int within; /* threads that wait at the gate */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

struct question {
  struct resolution resolution;
  struct resolver *resolver;
  int asked, answers, failures;
  bool again; /* `done` asks once more */
};

static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "threads_resolver: %s\n", what);
  exit(1);
}

int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict result) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (strncmp(host, "slow", 4) != 0) return real(host, service, hints, result);
  pthread_mutex_lock(&gate.lock);
  gate.within++;
  pthread_cond_broadcast(&gate.moved);
  while (!gate.open) pthread_cond_wait(&gate.moved, &gate.lock);
  gate.within--;
  pthread_mutex_unlock(&gate.lock);
  return real("localhost", service, hints, result);
}

static void set_gate(bool open) {
  pthread_mutex_lock(&gate.lock);
  gate.open = open;
  pthread_cond_broadcast(&gate.moved);
  pthread_mutex_unlock(&gate.lock);
}

static void wait_within_gate(void) {
  pthread_mutex_lock(&gate.lock);
  while (!gate.within) pthread_cond_wait(&gate.moved, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
}

static size_t count_entries(const char *path) {
  size_t count = 0;
  DIR *entries = opendir(path);
  expect(entries, "/proc can't be read");
  while (readdir(entries)) count++;
  (void)closedir(entries);
  return count;
}

static void ask(struct question *question, const char *name);

static void on_answer(struct resolution *resolution, const struct resolver_answer *answer, const struct error *error) {
  struct question *question = CONTAINER_OF(resolution, struct question, resolution);
  expect(!answer == (error != NULL), "an answer came with an error, or without both");
  if (answer) expect(answer->count > 0 && *answer->addresses[answer->count - 1], "an answer holds no address");
  if (error) expect(error->kind == ERROR_RETRY && *error->message, "a failure says nothing");
  question->answers += answer != NULL;
  question->failures += error != NULL;
  if (question->again) {
    question->again = false;
    ask(question, names[0]);
  }
}

static void ask(struct question *question, const char *name) {
  struct error error = {0};
  question->resolution.done = on_answer;
  if (resolver_start(question->resolver, &question->resolution, name, &error) < 0) expect(false, error.message);
  question->asked++;
}

static void turn_until_told(struct loop *loop, const struct question *questions, size_t count) {
  int64_t until = clock_monotonic_ms() + DEADLINE_MS;
  for (size_t i = 0; i < count;) {
    if (questions[i].answers + questions[i].failures == questions[i].asked) {
      i++;
      continue;
    }
    expect(clock_monotonic_ms() < until, "a name that was asked for is not told within a minute");
    expect(loop_turn(loop, 100, NULL) == 0, "the loop can't wait");
  }
}

static struct resolver *open_resolver(struct loop *loop) {
  struct error error = {0};
  struct resolver *resolver = resolver_new(loop, &error);
  if (!resolver) expect(false, error.message);
  return resolver;
}

/* Names of all kinds, many at once; each `done` asks again while the thread asks for another. */
static void names_of_all_kinds(struct loop *loop) {
  struct resolver *resolver = open_resolver(loop);
  for (int round = 0; round < 5; round++) {
    struct question questions[MANY] = {0};
    for (size_t i = 0; i < MANY; i++) {
      questions[i].resolver = resolver;
      questions[i].again = i % 2;
      ask(&questions[i], names[i % ELEMENTS(names)]);
    }
    turn_until_told(loop, questions, MANY);
    for (size_t i = 0; i < MANY; i++) {
      bool bad = i % ELEMENTS(names) == 3;
      expect(questions[i].failures == bad, bad ? "a name that can't be was resolved" : "a name of this machine can't be resolved");
      expect(questions[i].answers == (bad ? 0 : 1) + (int)(i % 2), "a name was not answered exactly once each time");
    }
  }
  resolver_free(resolver);
}

/* Cancelled before, during and after the look-up; then the resolver goes, with whatever is still under way. */
static void cancelled_at_any_moment(struct loop *loop) {
  for (int round = 0; round < ROUNDS; round++) {
    struct resolver *resolver = open_resolver(loop);
    struct question questions[MANY] = {0};
    for (size_t i = 0; i < MANY; i++) {
      questions[i].resolver = resolver;
      ask(&questions[i], names[i % ELEMENTS(names)]);
      if (i % 3 == 0) resolver_cancel(&questions[i / 2].resolution);
    }
    for (int turns = round % 4; turns; turns--) expect(loop_turn(loop, 0, NULL) == 0, "the loop can't wait");
    for (size_t i = 0; i < MANY; i++) resolver_cancel(&questions[i].resolution);
    expect(loop_turn(loop, 0, NULL) == 0, "the loop can't wait");
    for (size_t i = 0; i < MANY; i++) expect(questions[i].answers + questions[i].failures <= 1, "a name was told twice");
    resolver_free(resolver);
  }
}

/* While the name server hangs: literals pass, the queue is bounded, one who is cancelled is never told, and nobody waits for the thread. */
static void goes_while_the_name_server_hangs(struct loop *loop) {
  struct resolver *resolver = open_resolver(loop);
  struct question slow = {.resolver = resolver}, literal = {.resolver = resolver}, waiting[RESOLVER_QUEUE] = {0};
  set_gate(false);
  ask(&slow, "slow.test");
  wait_within_gate();
  ask(&literal, "192.0.2.1");
  turn_until_told(loop, &literal, 1);
  for (size_t i = 0; i < RESOLVER_QUEUE - 1; i++) {
    waiting[i].resolver = resolver;
    ask(&waiting[i], "localhost");
  }
  struct question over = {.resolution.done = on_answer};
  expect(resolver_start(resolver, &over.resolution, "localhost", NULL) < 0, "more names wait than the queue holds");
  for (size_t i = 0; i < RESOLVER_QUEUE - 1; i++) resolver_cancel(&waiting[i].resolution);
  resolver_cancel(&slow.resolution);
  resolver_free(resolver); /* the thread is within getaddrinfo, and ends by itself */
  set_gate(true);
  expect(!slow.answers && !slow.failures, "a name that was cancelled was told");
}

/* The same, but nobody cancels: the answer comes when the server is there again. */
static void answers_when_the_name_server_is_back(struct loop *loop) {
  struct resolver *resolver = open_resolver(loop);
  struct question slow = {.resolver = resolver};
  set_gate(false);
  ask(&slow, "slow.test");
  wait_within_gate();
  set_gate(true);
  turn_until_told(loop, &slow, 1);
  expect(slow.answers == 1, "a slow name was not resolved");
  resolver_free(resolver);
}

static void *nothing(void *owner) { return owner; }

int main(void) {
  pthread_t thread; /* a sanitizer's own threads begin with the first one */
  expect(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0, "no thread");
  size_t threads = count_entries("/proc/self/task"), descriptors = count_entries("/proc/self/fd");
  struct error error = {0};
  struct loop *loop = loop_new(&error);
  if (!loop) expect(false, error.message);
  names_of_all_kinds(loop);
  cancelled_at_any_moment(loop);
  goes_while_the_name_server_hangs(loop);
  answers_when_the_name_server_is_back(loop);
  int64_t until = clock_monotonic_ms() + DEADLINE_MS;
  while (count_entries("/proc/self/task") > threads) {
    expect(clock_monotonic_ms() < until, "a resolver that went has left its thread behind");
    expect(loop_turn(loop, 10, NULL) == 0, "the loop can't wait");
  }
  loop_free(loop);
  expect(count_entries("/proc/self/fd") == descriptors, "a resolver that went has left a descriptor behind");
  return 0;
}
