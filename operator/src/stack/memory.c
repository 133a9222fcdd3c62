#include "stack/memory.h"

#include "base/number.h"
#include "rotation/keys.h"
#include "rotation/secrets.h"

#include <stdlib.h>
#include <string.h>

#define GONE INT64_MAX /* in place of a version: the object is to go */

enum { CATCH_UP_MS = 5000 /* a watch that is slower than this is broken, and the writes' own preconditions keep us honest */ };

static void drop_expected(struct memory *memory, size_t place) {
  free(memory->expected[place].name);
  memory->expected[place] = memory->expected[--memory->expected_count];
}

void memory_forget_fetched(struct memory *memory, size_t place) {
  free(memory->fetched[place].name);
  child_free(memory->fetched[place].child);
  memory->fetched[place] = memory->fetched[--memory->fetched_count];
}

void memory_done(struct memory *memory) {
  while (memory->expected_count) drop_expected(memory, 0);
  while (memory->fetched_count) memory_forget_fetched(memory, 0);
  mends_done(&memory->mends);
  looks_done(&memory->looks);
  secret_view_done(&memory->secret);
  keys_view_done(&memory->keys);
  free(memory->secret_as);
  free(memory->keys_as);
  free(memory->uid);
  *memory = (struct memory){0};
}

void memory_free(void *memory) {
  memory_done(memory);
  free(memory);
}

void memory_begin(struct memory *memory, const char *uid) {
  if (memory->uid && !strcmp(memory->uid, uid)) return;
  memory_done(memory);
  memory->uid = strdup(uid); /* without memory it starts anew once more */
}

/* Versions of one resource may be compared as numbers (Kubernetes API concepts, resource versions, since 1.35; etcd's revisions before). */
static int64_t version_of(const char *text) {
  int64_t version;
  return parse_int64(text, 0, INT64_MAX, &version) < 0 ? 0 : version;
}

void memory_expect(struct memory *memory, enum resource resource, const char *name, const char *resource_version, int64_t now_ms) {
  int64_t version = resource_version ? version_of(resource_version) : GONE;
  memory->expected_since_ms = now_ms;
  for (size_t i = 0; i < memory->expected_count; i++) {
    struct expected *e = &memory->expected[i];
    if (e->resource != resource || strcmp(e->name, name)) continue;
    if (e->resource_version < version) e->resource_version = version;
    return;
  }
  if (!version || memory->expected_count == MEMORY_MAX_EXPECTED) return;
  struct expected *e = &memory->expected[memory->expected_count];
  *e = (struct expected){.resource = resource, .name = strdup(name), .resource_version = version};
  if (e->name) memory->expected_count++;
}

bool memory_caught_up(struct memory *memory, const char *(*find)(void *owner, enum resource resource, const char *name), void *owner,
                      int64_t now_ms) {
  for (size_t i = memory->expected_count; i-- > 0;) {
    const char *seen = find(owner, memory->expected[i].resource, memory->expected[i].name);
    bool gone = memory->expected[i].resource_version == GONE;
    if (gone ? !seen : seen && version_of(seen) >= memory->expected[i].resource_version) drop_expected(memory, i);
  }
  if (memory->expected_count && now_ms - memory->expected_since_ms < CATCH_UP_MS) return false;
  while (memory->expected_count) drop_expected(memory, 0);
  return true;
}

void memory_fetch(struct memory *memory, enum resource resource, const char *name) {
  for (size_t i = 0; i < memory->fetched_count; i++)
    if (memory->fetched[i].resource == resource && !strcmp(memory->fetched[i].name, name)) {
      memory->fetched[i].read_ms = 0;
      return;
    }
  if (memory->fetched_count == MEMORY_MAX_FETCHED) return;
  struct fetched *f = &memory->fetched[memory->fetched_count];
  *f = (struct fetched){.resource = resource, .name = strdup(name)};
  if (f->name) memory->fetched_count++;
}
