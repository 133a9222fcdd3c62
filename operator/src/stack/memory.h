/* What is remembered of a stack between its rounds, in this process alone: Secrets as they were read, objects that stood in the way, and which of our
 * own writes the caches have yet to show. All of it may be lost without harm. */
#pragma once

#include "kube/client.h"
#include "stack/observation.h"

enum { MEMORY_MAX_EXPECTED = 64, MEMORY_MAX_FETCHED = 12 };

/* A write of ours that a cache has yet to show. */
struct expected {
  enum resource resource;
  char *name;
  int64_t resource_version;
};

/* An object that was met by name, outside the caches. */
struct fetched {
  enum resource resource;
  char *name;
  struct child *child; /* NULL: not read yet, or gone */
  int64_t read_ms;     /* monotonic; 0: never */
};

struct memory {
  char *uid; /* of the stack: another one of that name starts anew */
  struct secret_view secret;
  struct keys_view keys;
  char *secret_as, *keys_as; /* as what they were read last (name, version that the cache showed, key); NULL: never */
  struct expected expected[MEMORY_MAX_EXPECTED];
  size_t expected_count;
  int64_t expected_since_ms; /* monotonic: of the last write */
  struct fetched fetched[MEMORY_MAX_FETCHED];
  size_t fetched_count;
  struct error last_error; /* of the last round's writes */
  struct mends mends;
  struct looks looks;
  struct delivery delivery;   /* of the last message that was sent */
  int64_t real_ms, steady_ms; /* at the last round; 0: there was none */
  int64_t stepped_ms;         /* by how much real time was set since, as far as nobody has answered it */
  bool skew_told;             /* that the clocks differ by much */
};

void memory_done(struct memory *memory);
void memory_free(void *memory); /* memory_done, and the struct itself */

/* Forgets everything where UID is another stack's than the last time. */
void memory_begin(struct memory *memory, const char *uid);

/* RESOURCE_VERSION NULL: that it goes. */
void memory_expect(struct memory *memory, enum resource resource, const char *name, const char *resource_version, int64_t now_ms);

/* Drops what FIND (the version that a cache shows, or NULL) shows to be done; a newer version counts. True when nothing is left to wait for, or when the
 * watches have had long enough. */
bool memory_caught_up(struct memory *memory, const char *(*find)(void *owner, enum resource resource, const char *name), void *owner,
                      int64_t now_ms);

void memory_fetch(struct memory *memory, enum resource resource, const char *name);
void memory_forget_fetched(struct memory *memory, size_t place);
