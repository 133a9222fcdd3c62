#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *taken(void) {
  _cleanup_free_ char *text = strdup("mine");
  return TAKE(text);
}

Test(cleanup, take_hands_over_what_would_be_freed) {
  char *text = taken();
  cr_expect_str_eq(text, "mine");
  free_p(&text);
  cr_expect_null(text);
  free_p(&text);
}

Test(cleanup, descriptors_are_closed_once) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), kept = fd;
  close_fdp(&fd);
  cr_expect_eq(fd, -1);
  cr_expect_eq(fcntl(kept, F_GETFD), -1);
  close_fdp(&fd);
}

struct outer {
  int before;
  struct inner {
    int value;
  } inner;
};

Test(cleanup, container_of_finds_the_struct_around) {
  struct outer outer = {.before = 7};
  struct inner *inner = &outer.inner;
  cr_expect_eq(CONTAINER_OF(inner, struct outer, inner), &outer);
}

static int freed;
static void thing_free(int *thing) {
  freed++;
  free(thing);
}
DEFINE_CLEANUP(int, thing_freep, thing_free)

Test(cleanup, runs_at_the_end_of_the_scope_and_not_for_null) {
  freed = 0;
  {
    _cleanup_(thing_freep) int *thing = malloc(sizeof *thing);
    _cleanup_(thing_freep) int *nothing = NULL;
    cr_expect_not_null(thing);
    cr_expect_null(nothing);
  }
  cr_expect_eq(freed, 1);
}
