#include "store/limiter_table.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { SLOTS_A_SET = 8, SETS_MAX = 1 << 20 };

struct slot {
  unsigned char key[LIMITER_KEY];
  int64_t count;
  int64_t ends_ms; /* free from then on; 0: never used */
};

struct set {
  pthread_mutex_t lock;
  struct slot slots[SLOTS_A_SET];
};

struct limiter_table {
  size_t set_count; /* a power of two */
  struct set sets[];
};

static size_t table_size(size_t sets) { return sizeof(struct limiter_table) + sets * sizeof(struct set); }

static int init_locks(struct limiter_table *table) {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) return -1;
  int failed =
      pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) | pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  for (size_t i = 0; i < table->set_count; i++) failed |= pthread_mutex_init(&table->sets[i].lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return failed ? -1 : 0;
}

struct limiter_table *limiter_table_new(size_t sets, struct error *error) {
  size_t count = 1;
  while (count < sets && count < SETS_MAX) count *= 2;
  struct limiter_table *table = mmap(NULL, table_size(count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (table == MAP_FAILED) return error_errno(error, errno, "map the rate limits' table"), NULL;
  table->set_count = count;
  if (init_locks(table) < 0) {
    limiter_table_free(table);
    return error_set(error, ERROR_TERMINAL, "locks can't be shared between processes here"), NULL;
  }
  return table;
}

void limiter_table_free(struct limiter_table *table) {
  if (table) (void)munmap(table, table_size(table->set_count)); /* fails only for what is not mapped */
}

/* The slot of KEY; else a free one; else the one that ends first, which KEY then shares. */
static struct slot *find(struct set *set, const unsigned char key[LIMITER_KEY], int64_t now_ms) {
  struct slot *first = &set->slots[0], *free_slot = NULL;
  for (struct slot *s = set->slots; s < set->slots + SLOTS_A_SET; s++) {
    if (s->ends_ms <= now_ms) {
      free_slot = s;
    } else if (memcmp(s->key, key, LIMITER_KEY) == 0) {
      return s;
    }
    if (s->ends_ms < first->ends_ms) first = s;
  }
  return free_slot ? free_slot : first;
}

struct limiter_window limiter_table_hit(struct limiter_table *table, const unsigned char key[LIMITER_KEY], int64_t now_ms,
                                        int64_t window_ms) {
  size_t hash;
  memcpy(&hash, key, sizeof hash);
  struct set *set = &table->sets[hash & (table->set_count - 1)];
  if (pthread_mutex_lock(&set->lock) == EOWNERDEAD) (void)pthread_mutex_consistent(&set->lock); /* each field is sound by itself */
  struct slot *slot = find(set, key, now_ms);
  if (slot->ends_ms <= now_ms) {
    memcpy(slot->key, key, LIMITER_KEY);
    slot->count = 0;
    slot->ends_ms = now_ms + window_ms;
  }
  struct limiter_window window = {.count = ++slot->count, .ends_ms = slot->ends_ms};
  (void)pthread_mutex_unlock(&set->lock);
  return window;
}
