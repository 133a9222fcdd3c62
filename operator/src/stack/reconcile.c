#include "stack/reconcile.h"

#include "base/clock.h"
#include "base/map.h"
#include "message/courier.h"
#include "message/outbox.h"
#include "render/render.h"
#include "rotation/keys.h"
#include "rotation/secrets.h"
#include "stack/apply.h"
#include "stack/memory.h"
#include "stack/plan_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ARENA_MAX_BYTES = 4 << 20,
  FETCHED_FRESH_MS = 5000, /* how long what stood in the way is believed */
  CONFLICT_LOOK_AGAIN_MS = 5000,
  CATCH_UP_LOOK_AGAIN_MS = 1000,
  STEP_MS = 30 * 1000,           /* less is a clock that is kept, or a late answer */
  SKEW_MS = 2000,                /* Date has whole seconds: less is no skew */
  SKEW_WARNED_OF_MS = 30 * 1000, /* windows and key ages are judged by the API server's clock; logs and people go by others */
};

struct reconciler {
  struct reconciler_options options;
  struct map *memories; /* by key: struct memory */
  struct map *rounds;   /* by key: struct round, under way */
  struct courier *courier;
};

struct round {
  struct reconciler *reconciler;
  char *key, *namespace, *name;
  struct memory *memory;
  struct kube_call *call;
  struct apply *apply;
  struct making *making; /* a key that is waited for */
  struct arena *arena;
  struct plan plan;
  int64_t started_ns;
  size_t refreshing; /* the fetched object that is being read again */
  char reading[640]; /* as what a Secret is being read: name, version in the cache, key */
};

/* A signing key in the making. It outlives a round that was cancelled. */
struct making {
  struct offload_job job;
  struct round *round;         /* NULL: nobody waits any more */
  const struct action *action; /* of the round's plan */
  unsigned bits;
  struct rsa_key *key;
  struct error error;
};

static void round_free(void *memory) {
  struct round *round = memory;
  if (!round) return;
  kube_cancel(round->call);
  if (round->making) round->making->round = NULL;
  apply_cancel(round->apply);
  plan_done(&round->plan);
  arena_free(round->arena);
  free(round->key);
  free(round->namespace);
  free(round->name);
  free(round);
}

static void finish(struct round *round, struct reconcile_result result) {
  struct reconciler *r = round->reconciler;
  result.took_ns = clock_monotonic_ns() - round->started_ns;
  (void)map_take(r->rounds, round->key);
  if (result.outcome == RECONCILE_GONE) map_remove(r->memories, round->key);
  r->options.finished(r->options.owner, round->key, &result);
  round_free(round);
}

static void retry(struct round *round, const struct error *error) {
  finish(round, (struct reconcile_result){.outcome = RECONCILE_RETRY, .error = *error});
}

static int64_t now_ms(const struct reconciler *r) {
  int64_t skew_ms = kube_client_skew_ms(r->options.client);
  return clock_real_ms() + (skew_ms > SKEW_MS || skew_ms < -SKEW_MS ? skew_ms : 0);
}

static const struct stack *stack_of(const struct round *round) {
  return caches_get(round->reconciler->options.caches, RESOURCE_STACK, round->namespace, round->name);
}

/* ---- reading what the watches do not show ---- */

static void proceed(struct round *round);

static int get(struct round *round, enum resource resource, const char *name, void (*on_done)(void *, const struct kube_response *)) {
  struct buffer path;
  struct error error = {0};
  kube_path(&path, &resources[resource].api, round->namespace, name, NULL);
  round->call = kube_send(round->reconciler->options.client,
                          &(struct kube_request){.method = "GET", .path = buffer_text(&path), .on_done = on_done, .owner = round}, &error);
  buffer_done(&path);
  if (!round->call) retry(round, &error);
  return round->call ? 0 : -1;
}

/* The object of an answer, or NULL with *GONE or an error that has ended the round. */
static cJSON *answer(struct round *round, const struct kube_response *response, bool *gone) {
  cJSON *object = NULL;
  struct error error = response->error;
  round->call = NULL;
  *gone = response->error.kind == ERROR_NOT_FOUND;
  if (*gone) return NULL;
  if (response->error.kind != ERROR_NONE || kube_response_parse(response, &object, &error) < 0) retry(round, &error);
  return object;
}

/* What was read stays read until the cache shows another version, also where the answer was newer than the cache: a watch that hangs makes no request. */
static void note_read(const struct round *round, char **as) {
  free(*as);
  *as = strdup(round->reading);
}

static void on_secret(void *owner, const struct kube_response *response) {
  struct round *round = owner;
  bool gone;
  struct error error = {0};
  cJSON *object = answer(round, response, &gone);
  if (!object && !gone) return;
  const struct stack *stack = stack_of(round);
  int result = 0;
  if (gone || !stack)
    secret_view_set_absent(&round->memory->secret);
  else
    result = secret_view_read(&round->memory->secret, object, stack->spec.database.secret_key, &error);
  render_secret_free(object);
  if (result < 0) return retry(round, &error);
  note_read(round, &round->memory->secret_as);
  proceed(round);
}

static void on_keys(void *owner, const struct kube_response *response) {
  struct round *round = owner;
  bool gone;
  struct error error = {0};
  cJSON *object = answer(round, response, &gone);
  if (!object && !gone) return;
  int result = 0;
  if (gone)
    keys_view_set_absent(&round->memory->keys);
  else
    result = keys_view_read(&round->memory->keys, object, &error);
  render_secret_free(object);
  if (result < 0) return retry(round, &error);
  note_read(round, &round->memory->keys_as);
  proceed(round);
}

static void on_fetched(void *owner, const struct kube_response *response) {
  struct round *round = owner;
  struct fetched *fetched = &round->memory->fetched[round->refreshing];
  bool gone;
  struct error error = {0};
  cJSON *object = answer(round, response, &gone);
  if (!object && !gone) return;
  child_free(fetched->child);
  fetched->child = object ? child_project(resources[fetched->resource].view, object, &error) : NULL;
  fetched->read_ms = clock_monotonic_ms();
  cJSON_Delete(object);
  if (!fetched->child) memory_forget_fetched(round->memory, round->refreshing);
  proceed(round);
}

/* Asks for a Secret of which the cache shows another version than was read, or which was read for another KEY. True while a read is under way or the round
 * has ended. */
static bool read_again(struct round *round, const struct child *seen, const char *key, const char *read_as,
                       void (*on_done)(void *, const struct kube_response *)) {
  (void)snprintf(round->reading, sizeof round->reading, "%s %s %s", seen->name, seen->resource_version, key);
  if (read_as && !strcmp(read_as, round->reading)) return false;
  (void)get(round, RESOURCE_SECRET, seen->name, on_done);
  return true;
}

static const struct child *secret_in_cache(const struct round *round, const char *name) {
  return caches_get(round->reconciler->options.caches, RESOURCE_SECRET, round->namespace, name);
}

static bool read_secret(struct round *round, const struct stack *stack) {
  const struct child *seen = secret_in_cache(round, stack->spec.secrets.name);
  if (seen) return read_again(round, seen, stack->spec.database.secret_key, round->memory->secret_as, on_secret);
  secret_view_set_absent(&round->memory->secret);
  return false;
}

static bool read_keys(struct round *round, const struct stack *stack) {
  char name[64];
  const struct child *seen = secret_in_cache(round, stack_jwks_secret_name(stack, name));
  if (seen) return read_again(round, seen, "", round->memory->keys_as, on_keys);
  keys_view_set_absent(&round->memory->keys);
  return false;
}

/* What a cache shows by now needs no reading any more. */
static bool is_in_cache(const struct round *round, const struct fetched *fetched) {
  return resources[fetched->resource].ours &&
         caches_get(round->reconciler->options.caches, fetched->resource, round->namespace, fetched->name);
}

static bool refresh_fetched(struct round *round) {
  struct memory *memory = round->memory;
  for (size_t i = memory->fetched_count; i-- > 0;) {
    struct fetched *fetched = &memory->fetched[i];
    if (is_in_cache(round, fetched)) {
      memory_forget_fetched(memory, i);
    } else if (!fetched->read_ms || clock_monotonic_ms() - fetched->read_ms >= FETCHED_FRESH_MS) {
      round->refreshing = i;
      (void)get(round, fetched->resource, fetched->name, on_fetched);
      return true;
    }
  }
  return false;
}

/* ---- observing ---- */

struct gathering {
  struct arena *arena;
  struct child_list *list;
  size_t capacity;
};

static void gather(void *owner, const char *key, const void *projection) {
  (void)key;
  struct gathering *g = owner;
  if (g->list->count == g->capacity) {
    size_t capacity = g->capacity ? g->capacity * 2 : 8;
    const struct child **grown = arena_alloc(g->arena, capacity * sizeof *grown);
    if (!grown) return;
    if (g->list->count) memcpy(grown, g->list->items, g->list->count * sizeof *grown);
    g->list->items = grown;
    g->capacity = capacity;
  }
  g->list->items[g->list->count++] = projection;
}

/* How the last message came out, until the status says so. */
static const struct delivery *delivery_of(struct round *round, const struct stack *stack) {
  struct delivery *delivery = &round->memory->delivery;
  bool over = delivery->state != DELIVERY_NONE && delivery->state != DELIVERY_UNDER_WAY;
  if (over && outbox_knows(json_get(stack->status, "outbox"), delivery)) *delivery = (struct delivery){0};
  return delivery;
}

static void observe(struct round *round, const struct stack *stack, struct observation *o) {
  const struct reconciler *r = round->reconciler;
  const struct memory *memory = round->memory;
  *o = (struct observation){.now_ms = now_ms(r),
                            .stepped_ms = memory->stepped_ms,
                            .stack = stack,
                            .companion_image = r->options.companion_image,
                            .secret = &memory->secret,
                            .keys = &memory->keys,
                            .mends = &memory->mends,
                            .delivery = delivery_of(round, stack),
                            .looks = &memory->looks,
                            .last_error = memory->last_error.kind ? &memory->last_error : NULL};
  for (enum resource resource = 0; resource < RESOURCES; resource++) {
    if (!resources[resource].ours) continue;
    o->apis[resource] = caches_api(r->options.caches, resource, round->namespace);
    caches_each(r->options.caches, resource, round->namespace, round->key, gather,
                &(struct gathering){round->arena, &o->children[resource], 0});
  }
  for (enum resource resource = 0; resource < RESOURCES; resource++) {
    struct gathering fetched = {round->arena, &o->fetched[resource], 0};
    for (size_t i = 0; i < memory->fetched_count; i++)
      if (memory->fetched[i].resource == resource && memory->fetched[i].child) gather(&fetched, NULL, memory->fetched[i].child);
  }
  const char *tokens = stack->spec.design_tokens.config_map_ref;
  o->design_tokens_found = tokens && caches_get(r->options.caches, RESOURCE_REFERENCED_CONFIG_MAP, round->namespace, tokens);
}

/* ---- applying ---- */

/* The answer to the write that took the last finalizer away: the object is in it, with its old version, and nowhere else. */
static bool is_gone(const cJSON *object) {
  return json_get(object, "metadata.deletionTimestamp") && !cJSON_GetArraySize(json_get(object, "metadata.finalizers"));
}

static void on_wrote(void *owner, enum resource resource, const char *name, const cJSON *object) {
  struct round *round = owner;
  if (resource == RESOURCE_SECRET && !object) return; /* other kinds of change to it are seen by its own version */
  const char *version = object && !is_gone(object) ? json_string(object, "metadata.resourceVersion", "") : NULL;
  memory_expect(round->memory, resource, name, version, clock_monotonic_ms());
}

static void on_exists(void *owner, enum resource resource, const char *name) {
  memory_fetch(((struct round *)owner)->memory, resource, name);
}

static void generate(struct offload_job *job) {
  struct making *making = CONTAINER_OF(job, struct making, job);
  if (rsa_key_generate(making->bits, &making->key, &making->error) < 0) making->key = NULL;
}

/* The Secret with the key as its first, or the patch that puts it in. The caller owns it (keys_manifest_done). */
static int manifest_of(struct making *making, const struct stack *stack, cJSON **ret) {
  const struct action *action = making->action;
  if (action->type == ACTION_MAKE_KEYS) return keys_manifest(stack, making->key, now_ms(making->round->reconciler), ret, &making->error);
  cJSON *patch = cJSON_Duplicate(action->body, true);
  if (!patch) return error_oom(&making->error);
  if (keys_patch_complete(patch, action->kid, making->key, &making->error) < 0) return keys_manifest_done(patch), -1;
  *ret = patch;
  return 0;
}

static void deliver(struct making *making) {
  struct round *round = making->round;
  const struct stack *stack = stack_of(round);
  cJSON *manifest = NULL;
  if (!stack)
    (void)error_set(&making->error, ERROR_CONFLICT, "the stack is gone");
  else if (making->key && manifest_of(making, stack, &manifest) < 0)
    manifest = NULL;
  round->making = NULL;
  apply_keys_made(round->apply, manifest, &making->error);
  keys_manifest_done(manifest);
}

static void on_generated(struct offload_job *job) {
  struct making *making = CONTAINER_OF(job, struct making, job);
  if (making->round && job->ran) deliver(making);
  rsa_key_free(making->key);
  free(making);
}

static void on_make_keys(void *owner, const struct action *action) {
  struct round *round = owner;
  const struct stack *stack = stack_of(round);
  struct making *making = calloc(1, sizeof *making);
  if (!making) return apply_keys_made(round->apply, NULL, &(struct error){.kind = ERROR_RETRY, .message = "out of memory"});
  *making = (struct making){.job = {.work = generate, .done = on_generated}, .round = round, .action = action};
  making->bits = stack ? (unsigned)stack->spec.jwks.key_bits : RSA_MIN_BITS;
  round->making = making;
  offload_start(round->reconciler->options.offload, &making->job);
}

/* Counted once they are made: what was refused was never undone, and has a back-off of its own. */
static void note_mends(struct round *round, uint64_t failed) {
  for (size_t i = 0; i < round->plan.action_count; i++) {
    const struct action *action = &round->plan.actions[i];
    if (action->mend.render && !(failed >> i & 1))
      mends_note(&round->memory->mends, action->resource, action->name, action->mend.render, action->mend.what, now_ms(round->reconciler));
  }
}

/* ---- messages ---- */

static void on_delivered(void *owner, const char *key, const char *receiver, const struct delivery *delivery) {
  struct reconciler *r = owner;
  struct memory *memory = map_get(r->memories, key);
  if (memory) memory->delivery = *delivery;
  if (delivery->state != DELIVERY_NONE) r->options.delivered(r->options.owner, key, receiver, delivery);
}

/* The message stands in the status that was observed: from here on it may be sent, whatever becomes of this round. */
static void send_message(struct round *round) {
  const struct stack *stack = stack_of(round);
  struct reconciler *r = round->reconciler;
  if (!round->plan.deliver || !stack) return;
  struct delivery *delivery = &round->memory->delivery;
  *delivery = (struct delivery){.state = DELIVERY_UNDER_WAY};
  (void)snprintf(delivery->id, sizeof delivery->id, "%s", round->plan.deliver);
  courier_send(r->courier, stack, round->plan.deliver, now_ms(r));
}

static void on_applied(void *owner, const struct apply_result *applied) {
  struct round *round = owner;
  round->apply = NULL;
  looks_start(&round->memory->looks, round->reconciler->options.prober, round->namespace, round->plan.looks, round->plan.look_count,
              now_ms(round->reconciler));
  note_mends(round, applied->failed);
  send_message(round);
  if (round->plan.minds_clock && applied->outcome == APPLY_OK) round->memory->stepped_ms = 0;
  struct reconcile_result result = {.outcome = RECONCILED, .look_again_ms = round->plan.look_again_ms};
  bool failed = applied->outcome == APPLY_FAILED;
  if (failed)
    round->memory->last_error = applied->error;
  else
    error_clear(&round->memory->last_error);
  if (applied->outcome != APPLY_OK) {
    result.outcome = RECONCILE_RETRY;
    result.error = applied->error;
  } else if (round->memory->fetched_count && (!result.look_again_ms || result.look_again_ms > CONFLICT_LOOK_AGAIN_MS)) {
    result.look_again_ms = CONFLICT_LOOK_AGAIN_MS;
  }
  finish(round, result);
}

static void apply(struct round *round, const struct stack *stack) {
  const struct reconciler *r = round->reconciler;
  const struct apply_context context = {.client = r->options.client,
                                        .events = r->options.events,
                                        .wrote = on_wrote,
                                        .exists = on_exists,
                                        .make_keys = on_make_keys,
                                        .on_done = on_applied,
                                        .owner = round};
  const struct apply_target target = {round->namespace, round->name, stack->uid, stack->resource_version};
  struct error error = {0};
  round->apply = apply_start(&context, &target, &round->plan, &error);
  if (!round->apply) retry(round, &error);
}

/* ---- one round ---- */

/* Real time that went otherwise than the clock that nobody can set. */
static void note_step(struct round *round) {
  struct memory *memory = round->memory;
  int64_t real_ms = now_ms(round->reconciler), steady_ms = clock_boottime_ms();
  int64_t stepped_ms = memory->real_ms ? (real_ms - memory->real_ms) - (steady_ms - memory->steady_ms) : 0;
  if (stepped_ms > STEP_MS || stepped_ms < -STEP_MS) memory->stepped_ms += stepped_ms;
  memory->real_ms = real_ms;
  memory->steady_ms = steady_ms;
}

/* Told once for as long as it lasts. */
static void warn_of_skew(struct round *round, const struct stack *stack) {
  const struct reconciler *r = round->reconciler;
  int64_t skew_ms = kube_client_skew_ms(r->options.client);
  bool warned = skew_ms > SKEW_WARNED_OF_MS || skew_ms < -SKEW_WARNED_OF_MS;
  if (warned && !round->memory->skew_told) {
    const struct event_subject subject = {
        .resource = &resources[RESOURCE_STACK].api, .namespace = stack->namespace, .name = stack->name, .uid = stack->uid};
    events_record(r->options.events, &subject, EVENT_WARNING, "ClockSkew", "Reconcile",
                  "the API server's clock is %lld s %s the operator's: change windows go by the API server's; set the clocks of both nodes",
                  (long long)(skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead of");
  }
  round->memory->skew_told = warned;
}

static void decide(struct round *round, const struct stack *stack) {
  struct observation o;
  struct error error = {0};
  warn_of_skew(round, stack);
  note_step(round);
  observe(round, stack, &o);
  if (plan_make(&o, &round->plan, &error) < 0 || arena_failed(round->arena)) {
    if (!error.kind) (void)error_oom(&error);
    return retry(round, &error);
  }
  if (!round->plan.action_count && !round->plan.status_changed) return on_applied(round, &(struct apply_result){0});
  apply(round, stack);
}

/* Called at the start and after each read: does what is still missing, and decides once nothing is. */
static void proceed(struct round *round) {
  const struct stack *stack = stack_of(round);
  if (!stack) return finish(round, (struct reconcile_result){.outcome = RECONCILE_GONE});
  memory_begin(round->memory, stack->uid);
  if (read_secret(round, stack) || read_keys(round, stack) || refresh_fetched(round)) return;
  decide(round, stack);
}

static const char *version_in_cache(void *owner, enum resource resource, const char *name) {
  struct round *round = owner;
  const void *found = caches_get(round->reconciler->options.caches, resource, round->namespace, name);
  if (!found) return NULL;
  return resource == RESOURCE_STACK ? ((const struct stack *)found)->resource_version : ((const struct child *)found)->resource_version;
}

static struct memory *memory_of(struct reconciler *r, const char *key) {
  struct memory *memory = map_get(r->memories, key);
  if (memory) return memory;
  memory = calloc(1, sizeof *memory);
  if (memory && map_put(r->memories, key, memory) == 0) return memory;
  free(memory);
  return NULL;
}

static struct round *round_new(struct reconciler *r, const char *key) {
  struct round *round = calloc(1, sizeof *round);
  const char *slash = strchr(key, '/');
  if (!round || !slash) return free(round), NULL;
  round->reconciler = r;
  round->started_ns = clock_monotonic_ns();
  round->key = strdup(key);
  round->namespace = strndup(key, (size_t)(slash - key));
  round->name = strdup(slash + 1);
  round->arena = arena_new(ARENA_MAX_BYTES);
  round->plan.arena = round->arena;
  round->memory = memory_of(r, key);
  if (round->key && round->namespace && round->name && round->arena && round->memory && map_put(r->rounds, key, round) == 0) return round;
  round_free(round);
  return NULL;
}

void reconciler_run(struct reconciler *r, const char *key) {
  struct round *round = round_new(r, key);
  if (!round) {
    struct reconcile_result result = {.outcome = RECONCILE_RETRY};
    (void)error_oom(&result.error);
    return r->options.finished(r->options.owner, key, &result);
  }
  if (memory_caught_up(round->memory, version_in_cache, round, clock_monotonic_ms()))
    proceed(round);
  else
    finish(round, (struct reconcile_result){.outcome = RECONCILE_WAITS, .look_again_ms = CATCH_UP_LOOK_AGAIN_MS});
}

struct reconciler *reconciler_new(const struct reconciler_options *options, struct error *error) {
  struct reconciler *r = calloc(1, sizeof *r);
  if (!r) return (void)error_oom(error), NULL;
  r->options = *options;
  r->memories = map_new(memory_free);
  r->rounds = map_new(round_free);
  if (!r->memories || !r->rounds) return reconciler_free(r), (void)error_oom(error), NULL;
  r->courier = courier_new(
      &(struct courier_options){.client = options->client, .pagerduty_url = options->pagerduty_url, .delivered = on_delivered, .owner = r},
      error);
  return r->courier ? r : (reconciler_free(r), NULL);
}

void reconciler_free(struct reconciler *r) {
  if (!r) return;
  courier_free(r->courier);
  map_free(r->rounds);
  map_free(r->memories);
  free(r);
}
