/* Settings that come as files: a directory is looked at when it changes, and slowly by itself.
 *
 * Changes are told by inotify(7): Kubernetes swaps the `..data` link in a volume by rename(2), people write files. The slow poll stands behind
 * it, for file systems that tell nothing and directories that come later. After a look that failed the next one follows in a second.
 *
 *     dir_watch_start(&watch, loop, "/etc/supernova/keys", look, &error);         // looks once before it returns
 *     static int look(struct dir_watch *watch) { … return 0 or -1; }
 */
#pragma once

#include "net/loop.h"

struct dir_watch {
  int (*look)(struct dir_watch *watch);

  /* its own */
  struct io changes;
  struct timer timer;
};

/* DIRECTORY is borrowed for the call alone. -1 only where inotify can't be had at all. */
int dir_watch_start(struct dir_watch *watch, struct loop *loop, const char *directory, int (*look)(struct dir_watch *watch),
                    struct error *error) _must_check_;
void dir_watch_stop(struct dir_watch *watch); /* accepts one that is zeroed */
