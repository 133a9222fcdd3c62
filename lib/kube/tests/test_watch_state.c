#include "../src/watch_state.h"

#include <criterion/criterion.h>

#define E WATCH_EMPTY
#define L WATCH_LISTING
#define W WATCH_WATCHING
#define R WATCH_RELISTING
#define B WATCH_BROKEN

/* Every state with every input: what is not told of changes nothing. */
Test(watch_state, the_whole_table) {
  static const struct {
    enum watch_state from;
    enum watch_input input;
    enum watch_state next;
    enum watch_action action;
  } told[] = {
      {E, WATCH_GO_LIST, L, WATCH_LIST},     {E, WATCH_FAILED, E, WATCH_WAIT}, {L, WATCH_LISTED, W, WATCH_STREAM},
      {L, WATCH_EXPIRED, E, WATCH_WAIT},     {L, WATCH_FAILED, E, WATCH_WAIT}, {W, WATCH_ENDED, W, WATCH_STREAM},
      {W, WATCH_EXPIRED, B, WATCH_WAIT},     {W, WATCH_FAILED, B, WATCH_WAIT}, {B, WATCH_GO_LIST, R, WATCH_LIST},
      {B, WATCH_GO_STREAM, W, WATCH_STREAM}, {B, WATCH_FAILED, B, WATCH_WAIT}, {R, WATCH_LISTED, W, WATCH_STREAM},
      {R, WATCH_EXPIRED, B, WATCH_WAIT},     {R, WATCH_FAILED, B, WATCH_WAIT},
  };
  for (int state = E; state <= B; state++) {
    for (int input = WATCH_GO_LIST; input <= WATCH_FAILED; input++) {
      struct watch_step expected = {(enum watch_state)state, WATCH_NOTHING};
      for (size_t i = 0; i < ELEMENTS(told); i++)
        if ((int)told[i].from == state && (int)told[i].input == input) expected = (struct watch_step){told[i].next, told[i].action};
      struct watch_step step = watch_step((enum watch_state)state, (enum watch_input)input);
      cr_expect_eq(step.next, expected.next, "%s with input %d", watch_state_name((enum watch_state)state), input);
      cr_expect_eq(step.action, expected.action, "%s with input %d", watch_state_name((enum watch_state)state), input);
    }
  }
}
