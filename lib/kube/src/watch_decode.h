/* Cuts what the API server streams into single objects, as the bytes come: every byte is looked at once, and no more than one object is held.
 *
 * A list is one JSON object whose "items" are taken out one by one; what remains around them (kind, metadata) is small and is kept as the
 * skeleton. A watch is one JSON object a line. Neither checks the JSON: whoever decodes the object does.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

struct watch_decoder {
  bool lines;         /* a watch; else a list */
  struct buffer held; /* the object that is not complete */
  struct buffer skeleton;
  unsigned depth;
  bool in_string, escaped, in_items;
  unsigned char key[8]; /* the beginning of the last string at depth 1 */
  size_t key_len;

  /* The bytes of one item or line, borrowed; -1 (with an error) ends the feeding. */
  int (*on_object)(void *owner, const char *text, size_t n, struct error *error);
  void *owner;
};

void watch_decoder_init(struct watch_decoder *decoder, bool lines, size_t max_object_bytes,
                        int (*on_object)(void *owner, const char *text, size_t n, struct error *error), void *owner);
void watch_decoder_done(struct watch_decoder *decoder); /* accepts one that is zeroed */
int watch_decoder_feed(struct watch_decoder *decoder, const char *bytes, size_t n, struct error *error) _must_check_;

/* Of a list that is complete: everything but its items. */
const char *watch_decoder_skeleton(const struct watch_decoder *decoder, size_t *ret_n);
