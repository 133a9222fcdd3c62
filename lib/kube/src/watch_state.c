#include "watch_state.h"

/* What is not in the table cannot happen; it changes nothing. */
static const struct watch_step steps[][6] = {
    [WATCH_EMPTY] = {[WATCH_GO_LIST] = {WATCH_LISTING, WATCH_LIST}, [WATCH_FAILED] = {WATCH_EMPTY, WATCH_WAIT}},
    [WATCH_LISTING] = {[WATCH_LISTED] = {WATCH_WATCHING, WATCH_STREAM},
                       [WATCH_EXPIRED] = {WATCH_EMPTY, WATCH_WAIT},
                       [WATCH_FAILED] = {WATCH_EMPTY, WATCH_WAIT}},
    [WATCH_WATCHING] = {[WATCH_ENDED] = {WATCH_WATCHING, WATCH_STREAM},
                        [WATCH_EXPIRED] = {WATCH_BROKEN, WATCH_WAIT},
                        [WATCH_FAILED] = {WATCH_BROKEN, WATCH_WAIT}},
    [WATCH_RELISTING] = {[WATCH_LISTED] = {WATCH_WATCHING, WATCH_STREAM},
                         [WATCH_EXPIRED] = {WATCH_BROKEN, WATCH_WAIT},
                         [WATCH_FAILED] = {WATCH_BROKEN, WATCH_WAIT}},
    [WATCH_BROKEN] = {[WATCH_GO_LIST] = {WATCH_RELISTING, WATCH_LIST},
                      [WATCH_GO_STREAM] = {WATCH_WATCHING, WATCH_STREAM},
                      [WATCH_FAILED] = {WATCH_BROKEN, WATCH_WAIT}},
};

struct watch_step watch_step(enum watch_state state, enum watch_input input) {
  struct watch_step step = steps[state][input];
  return step.action == WATCH_NOTHING ? (struct watch_step){state, WATCH_NOTHING} : step;
}

const char *watch_state_name(enum watch_state state) {
  static const char *const names[] = {"empty", "listing", "watching", "relisting", "broken"};
  return (size_t)state < ELEMENTS(names) ? names[state] : "unknown";
}
