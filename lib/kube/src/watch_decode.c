#include "watch_decode.h"

#include <string.h>

enum { MAX_SKELETON = 64 * 1024 };

void watch_decoder_init(struct watch_decoder *decoder, bool lines, size_t max_object_bytes,
                        int (*on_object)(void *owner, const char *text, size_t n, struct error *error), void *owner) {
  *decoder = (struct watch_decoder){.lines = lines, .on_object = on_object, .owner = owner};
  buffer_init(&decoder->held, max_object_bytes);
  buffer_init(&decoder->skeleton, MAX_SKELETON);
}

void watch_decoder_done(struct watch_decoder *decoder) {
  buffer_done(&decoder->held);
  buffer_done(&decoder->skeleton);
}

const char *watch_decoder_skeleton(const struct watch_decoder *decoder, size_t *ret_n) {
  *ret_n = decoder->skeleton.len;
  return buffer_text(&decoder->skeleton);
}

static int too_large(const struct buffer *held, struct error *error) {
  return error_set(error, ERROR_INVALID, "an object has more than %zu bytes", held->max);
}

/* Gives out what is complete: the held beginning and TEXT, or TEXT alone without a copy. The memory goes at once, it may be a large one's. */
static int give(struct watch_decoder *decoder, const char *text, size_t n, struct error *error) {
  if (!decoder->held.len)
    return n > decoder->held.max ? too_large(&decoder->held, error) : decoder->on_object(decoder->owner, text, n, error);
  buffer_append(&decoder->held, text, n);
  if (decoder->held.failed) return too_large(&decoder->held, error);
  int given = decoder->on_object(decoder->owner, decoder->held.data, decoder->held.len, error);
  buffer_done(&decoder->held);
  return given;
}

static int hold(struct watch_decoder *decoder, const char *text, size_t n, struct error *error) {
  buffer_append(&decoder->held, text, n);
  return decoder->held.failed ? too_large(&decoder->held, error) : 0;
}

static int feed_lines(struct watch_decoder *decoder, const char *bytes, size_t n, struct error *error) {
  for (const char *end = bytes + n, *newline; (newline = memchr(bytes, '\n', (size_t)(end - bytes))); n = (size_t)(end - bytes)) {
    bool empty = newline == bytes && !decoder->held.len;
    if (!empty && give(decoder, bytes, (size_t)(newline - bytes), error) < 0) return -1;
    bytes = newline + 1;
  }
  return n ? hold(decoder, bytes, n, error) : 0;
}

/* Strings matter only because brackets in them don't count, and because the one before "[" at depth 1 names what follows. */
static void step_in_string(struct watch_decoder *decoder, char c) {
  if (decoder->escaped)
    decoder->escaped = false;
  else if (c == '\\')
    decoder->escaped = true;
  else if (c == '"')
    decoder->in_string = false;
  if (decoder->in_string && decoder->depth == 1 && decoder->key_len < sizeof decoder->key)
    decoder->key[decoder->key_len++] = (unsigned char)c;
}

static bool key_is_items(const struct watch_decoder *decoder) { return decoder->key_len == 5 && !memcmp(decoder->key, "items", 5); }

static void step(struct watch_decoder *decoder, char c) {
  if (decoder->in_string) {
    step_in_string(decoder, c);
    return;
  }
  switch (c) {
    case '"':
      decoder->in_string = true;
      if (decoder->depth == 1) decoder->key_len = 0;
      break;
    case '[':
      if (decoder->depth == 1 && key_is_items(decoder)) decoder->in_items = true;
      decoder->depth++;
      break;
    case '{': decoder->depth++; break;
    case ']':
    case '}':
      if (decoder->depth) decoder->depth--;
      if (decoder->depth == 1) decoder->in_items = false;
      break;
    default: break;
  }
}

static bool within_item(const struct watch_decoder *decoder) { return decoder->in_items && decoder->depth > 2; }

/* Runs of bytes that belong together, of one item or of the skeleton, are copied at once. Commas between items are dropped with them. */
static int feed_list(struct watch_decoder *decoder, const char *bytes, size_t n, struct error *error) {
  size_t from = 0;
  for (size_t at = 0; at < n; at++) {
    bool item_before = within_item(decoder), items_before = decoder->in_items;
    step(decoder, bytes[at]);
    bool item_now = within_item(decoder);
    if (item_before && !item_now) {
      if (give(decoder, bytes + from, at + 1 - from, error) < 0) return -1;
      from = at + 1;
    } else if (!item_before && item_now) {
      from = at;
    } else if (items_before && !item_now && decoder->in_items) {
      from = at + 1; /* between items */
    } else if (items_before != decoder->in_items) {
      size_t start = items_before ? at : from;
      buffer_append(&decoder->skeleton, bytes + start, at + 1 - start);
      from = at + 1;
    }
  }
  if (within_item(decoder)) return hold(decoder, bytes + from, n - from, error);
  if (!decoder->in_items) buffer_append(&decoder->skeleton, bytes + from, n - from);
  return decoder->skeleton.failed ? error_set(error, ERROR_INVALID, "a list has more than %d bytes beside its items", MAX_SKELETON) : 0;
}

int watch_decoder_feed(struct watch_decoder *decoder, const char *bytes, size_t n, struct error *error) {
  return decoder->lines ? feed_lines(decoder, bytes, n, error) : feed_list(decoder, bytes, n, error);
}
