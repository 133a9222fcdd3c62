/* The watch's machine (the diagram stands in kube/watch.h): what a state makes of what happens. Pure. */
#pragma once

#include "kube/watch.h"

enum watch_input {
  WATCH_GO_LIST,   /* the wait is over, and there is no resourceVersion to go on from */
  WATCH_GO_STREAM, /* the wait is over, and there is one */
  WATCH_LISTED,    /* the last page is in */
  WATCH_ENDED,     /* the stream ended as it was asked to */
  WATCH_EXPIRED,   /* 410: the resourceVersion or the page is too old */
  WATCH_FAILED,    /* anything else */
};

enum watch_action {
  WATCH_NOTHING,
  WATCH_LIST,   /* from the first page */
  WATCH_STREAM, /* from the resourceVersion */
  WATCH_WAIT,   /* back off, then GO */
};

struct watch_step {
  enum watch_state next;
  enum watch_action action;
};

struct watch_step watch_step(enum watch_state state, enum watch_input input);
