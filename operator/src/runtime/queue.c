#include "runtime/queue.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_INITIAL_MS = 5, RETRY_MAX_MS = 300000 };

struct item {
  struct queue *queue;
  char *key;
  struct timer timer;
  struct backoff backoff;
  int64_t retry_due_ms; /* of the loop's clock; 0: none is owed */
  struct item *next;    /* of the ready list */
  int64_t ready_ns, waited_ns;
  bool ready, active, dirty;
};

struct queue {
  struct loop *loop;
  struct map *items;
  struct item *first, **last;
  struct task start;
  unsigned max_active, active, ready, waiting;
  uint64_t adds, retries;
  bool paused;
  void (*work)(void *owner, const char *key);
  void *owner;
};

static void item_free(void *memory) {
  struct item *item = memory;
  timer_stop(&item->timer);
  free(item->key);
  free(item);
}

static struct item *take_ready(struct queue *queue) {
  struct item *item = queue->first;
  if (!item) return NULL;
  if (!(queue->first = item->next)) queue->last = &queue->first;
  item->next = NULL;
  item->ready = false;
  queue->ready--;
  return item;
}

static void start(struct task *task) {
  struct queue *queue = CONTAINER_OF(task, struct queue, start);
  while (!queue->paused && queue->active < queue->max_active) {
    struct item *item = take_ready(queue);
    if (!item) return;
    item->active = true;
    item->dirty = false;
    item->waited_ns = clock_monotonic_ns() - item->ready_ns;
    queue->active++;
    queue->work(queue->owner, item->key);
  }
}

static void make_ready(struct item *item) {
  struct queue *queue = item->queue;
  if (timer_is_set(&item->timer)) {
    timer_stop(&item->timer);
    queue->waiting--;
  }
  if (item->active) {
    item->dirty = true;
    return;
  }
  if (item->ready) return;
  item->ready = true;
  item->ready_ns = clock_monotonic_ns();
  *queue->last = item;
  queue->last = &item->next;
  queue->ready++;
  task_schedule(&queue->start);
}

static void on_time(struct timer *timer) {
  struct item *item = CONTAINER_OF(timer, struct item, timer);
  item->queue->waiting--;
  make_ready(item);
}

static struct item *item_of(struct queue *queue, const char *key) {
  struct item *item = map_get(queue->items, key);
  if (item) return item;
  item = calloc(1, sizeof *item);
  if (!item) return NULL;
  item->queue = queue;
  item->key = strdup(key);
  item->backoff = (struct backoff){.initial_ms = RETRY_INITIAL_MS, .max_ms = RETRY_MAX_MS, .jitter = true};
  timer_init(&item->timer, queue->loop, on_time);
  if (!item->key || map_put(queue->items, key, item) < 0) return item_free(item), NULL;
  return item;
}

struct queue *queue_new(struct loop *loop, unsigned max_active, void (*work)(void *owner, const char *key), void *owner) {
  struct queue *queue = calloc(1, sizeof *queue);
  struct map *items = map_new(item_free);
  if (!queue || !items) return free(queue), map_free(items), NULL;
  *queue = (struct queue){.loop = loop, .items = items, .max_active = max_active, .work = work, .owner = owner};
  queue->last = &queue->first;
  task_init(&queue->start, loop, start);
  return queue;
}

void queue_free(struct queue *queue) {
  if (!queue) return;
  task_stop(&queue->start);
  map_free(queue->items);
  free(queue);
}

void queue_add(struct queue *queue, const char *key) {
  struct item *item = item_of(queue, key);
  queue->adds++;
  if (item) make_ready(item);
}

void queue_add_after(struct queue *queue, const char *key, int64_t delay_ms) {
  struct item *item = item_of(queue, key);
  if (!item || item->ready || item->dirty) return;
  int64_t due = loop_now_ms(queue->loop) + delay_ms;
  bool set = timer_is_set(&item->timer);
  if (set && item->timer.due_ms <= due) return;
  if (timer_set(&item->timer, delay_ms) < 0) return make_ready(item); /* too early is better than never */
  if (!set) queue->waiting++;
}

/* What fails again before its retry was due, because something had changed meanwhile, keeps that time: changes make nobody wait longer. */
static void retry(struct item *item) {
  struct queue *queue = item->queue;
  int64_t now_ms = loop_now_ms(queue->loop);
  queue->retries++;
  if (item->retry_due_ms <= now_ms) item->retry_due_ms = now_ms + backoff_next(&item->backoff);
  queue_add_after(queue, item->key, item->retry_due_ms - now_ms);
}

void queue_done(struct queue *queue, const char *key, enum queue_outcome outcome) {
  struct item *item = map_get(queue->items, key);
  if (!item || !item->active) return;
  item->active = false;
  queue->active--;
  task_schedule(&queue->start);
  if (outcome == QUEUE_OK) {
    backoff_reset(&item->backoff);
    item->retry_due_ms = 0;
  }
  if (item->dirty) {
    item->dirty = false;
    make_ready(item);
  } else if (outcome == QUEUE_AGAIN) {
    retry(item);
  } else if (outcome == QUEUE_FORGET) {
    if (timer_is_set(&item->timer)) queue->waiting--;
    map_remove(queue->items, key);
  }
}

int64_t queue_waited_ns(const struct queue *queue, const char *key) {
  const struct item *item = map_get(queue->items, key);
  return item ? item->waited_ns : 0;
}

void queue_pause(struct queue *queue, bool paused) {
  queue->paused = paused;
  if (!paused) task_schedule(&queue->start);
}

bool queue_is_idle(const struct queue *queue) { return queue->active == 0; }

struct queue_counts queue_counts(const struct queue *queue) {
  return (struct queue_counts){queue->adds, queue->retries, queue->ready, queue->active, queue->waiting};
}
