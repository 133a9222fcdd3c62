/* A race on purpose: hack/test.d/threads shows with it, each time, that it would see another one. */
#include <pthread.h>
#include <stddef.h>

static int shared;

static void *bump(void *owner) {
  shared++;
  return owner;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, bump, NULL)) return 1;
  shared++;
  (void)pthread_join(thread, NULL);
  return 0;
}
