#include "kube/lease.h"

#include "lease_state.h"

#include "base/clock.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

static const struct kube_resource leases = {"coordination.k8s.io", "v1", "leases", "Lease", true};

enum release { RELEASE_NO, RELEASE_WANTED, RELEASE_DONE };

struct lease {
  struct kube_client *client;
  char *namespace, *name, *identity;
  int64_t duration_ms, retry_ms;
  int64_t (*clock_ms)(void);
  void (*on_change)(void *owner, bool leads);
  void *owner;

  struct lease_view view;
  struct lease_terms terms;
  char *holder, *version, *acquired; /* as last seen */
  int64_t transitions;
  bool fresh; /* VIEW is what we wrote ourselves: no need to look before renewing */

  struct kube_call *call;
  enum lease_move move; /* what CALL does */
  int64_t sent_ms;
  struct timer tick, deadline;
  struct error last_error;

  enum release release;
  struct task released;
  void (*on_released)(void *owner);
  void *released_owner;
};

bool lease_held(const struct lease *lease) { return lease->release == RELEASE_NO && lease_term_valid(&lease->terms, lease->clock_ms()); }

/* --- the record ----------------------------------------------------------------------------------------------------------------- */

static int keep(char **to, const char *text, bool *changed) {
  if (*to && !strcmp(*to, text)) return 0;
  char *copy = strdup(text);
  if (!copy) return -1;
  free(*to);
  *to = copy;
  *changed = true;
  return 0;
}

static int see(struct lease *lease, const struct kube_response *response, struct error *error) {
  _cleanup_(json_freep) cJSON *json = NULL;
  bool changed = !lease->view.exists;
  if (kube_response_parse(response, &json, error) < 0) return -1;
  const char *holder = json_string(json, "spec.holderIdentity", "");
  if (keep(&lease->holder, holder, &changed) < 0 || keep(&lease->acquired, json_string(json, "spec.acquireTime", ""), &changed) < 0 ||
      keep(&lease->version, json_string(json, "metadata.resourceVersion", ""), &changed) < 0)
    return error_oom(error);
  lease->transitions = json_int(json, "spec.leaseTransitions", 0);
  lease->view.exists = true;
  lease->view.ours = !strcmp(holder, lease->identity);
  lease->view.vacant = !*holder;
  lease->view.duration_ms = json_int(json, "spec.leaseDurationSeconds", lease->duration_ms / 1000) * 1000;
  if (changed) lease->view.seen_ms = lease->clock_ms();
  return 0;
}

static void put_text(struct buffer *to, const char *before, const char *key, const char *value) {
  buffer_printf(to, "%s\"%s\":", before, key);
  buffer_json_string(to, value, strlen(value));
}

/* HOLDER "" gives it up; the resourceVersion makes it a write on what was seen, or none. */
static void compose(const struct lease *lease, enum lease_move move, const char *holder, struct buffer *to) {
  char now[RFC3339_SIZE];
  format_rfc3339_micro(clock_real_ms() * 1000, now);
  bool same_term = move == LEASE_RENEW && *lease->acquired;
  int64_t seconds = *holder ? (lease->duration_ms + 999) / 1000 : 1; /* as client-go does: a vacant one needs no waiting */
  buffer_puts(to, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{");
  put_text(to, "", "name", lease->name);
  if (move == LEASE_CREATE)
    put_text(to, ",", "namespace", lease->namespace);
  else
    put_text(to, ",", "resourceVersion", lease->version);
  buffer_puts(to, "},\"spec\":{");
  put_text(to, "", "holderIdentity", holder);
  put_text(to, ",", "acquireTime", same_term ? lease->acquired : now);
  put_text(to, ",", "renewTime", now);
  buffer_printf(to, ",\"leaseDurationSeconds\":%lld,\"leaseTransitions\":%lld}}", (long long)seconds,
                (long long)lease->transitions + (move == LEASE_TAKE));
}

/* --- our term ------------------------------------------------------------------------------------------------------------------- */

static void lose(struct lease *lease) {
  if (!lease->terms.confirmed_ms) return;
  lease->terms.confirmed_ms = 0;
  timer_stop(&lease->deadline);
  if (lease->release == RELEASE_NO) lease->on_change(lease->owner, false);
}

static void lose_if_late(struct lease *lease) {
  if (!lease_term_valid(&lease->terms, lease->clock_ms())) lose(lease);
}

static void confirm(struct lease *lease) {
  bool led = lease->terms.confirmed_ms;
  lease->terms.confirmed_ms = lease->sent_ms;
  lease->fresh = true;
  int64_t left_ms = lease->sent_ms + lease->terms.renew_deadline_ms - lease->clock_ms();
  if (left_ms > 0 && timer_set(&lease->deadline, left_ms) == 0) { /* without its timer a term is not safe to hold */
    if (!led && lease->release == RELEASE_NO) lease->on_change(lease->owner, true);
    return;
  }
  if (led)
    lose(lease);
  else
    lease->terms.confirmed_ms = 0;
}

static void on_deadline(struct timer *timer) { lose_if_late(CONTAINER_OF(timer, struct lease, deadline)); }

/* --- requests ------------------------------------------------------------------------------------------------------------------- */

static void look(struct lease *lease);
static void tick_after(struct lease *lease, int64_t delay_ms);

static void finish_release(struct lease *lease) {
  lease->release = RELEASE_DONE;
  lease->terms.confirmed_ms = 0;
  task_schedule(&lease->released);
}

static void try_later(struct lease *lease) {
  if (lease->release == RELEASE_WANTED)
    finish_release(lease);
  else
    tick_after(lease, lease->retry_ms);
}

static void send(struct lease *lease, const char *method, enum lease_move move, const struct buffer *body,
                 void (*on_done)(void *, const struct kube_response *)) {
  _cleanup_buffer_ struct buffer path;
  kube_path(&path, &leases, lease->namespace, move == LEASE_CREATE ? NULL : lease->name, NULL);
  lease->move = move;
  lease->sent_ms = lease->clock_ms();
  bool failed = path.failed || (body && body->failed);
  lease->call = failed ? NULL
                       : kube_send(lease->client,
                                   &(struct kube_request){.method = method,
                                                          .path = buffer_text(&path),
                                                          .content_type = move == LEASE_CREATE ? NULL : KUBE_MERGE_PATCH,
                                                          .body = body ? body->data : NULL,
                                                          .body_len = body ? body->len : 0,
                                                          .timeout_ms = (lease->terms.renew_deadline_ms + 1) / 2,
                                                          .lane = KUBE_LANE_LEASE,
                                                          .on_done = on_done,
                                                          .owner = lease},
                                   &lease->last_error);
  if (lease->call) return;
  if (failed) error_oom(&lease->last_error);
  try_later(lease);
}

static void after_write(struct lease *lease, const struct kube_response *response) {
  struct error error = response->error;
  lease->fresh = false;
  if (!error.kind && see(lease, response, &error) == 0) confirm(lease);
  lease->last_error = error;
}

static void on_written(void *owner, const struct kube_response *response) {
  struct lease *lease = owner;
  lease->call = NULL;
  if (lease->release == RELEASE_WANTED) {
    look(lease); /* what was written or not is looked up before it is given up */
    return;
  }
  after_write(lease, response);
  bool moved_on = lease->last_error.kind == ERROR_CONFLICT || lease->last_error.kind == ERROR_EXISTS;
  tick_after(lease, moved_on ? 0 : lease->retry_ms);
}

static void on_given_up(void *owner, const struct kube_response *response) {
  struct lease *lease = owner;
  lease->call = NULL;
  lease->last_error = response->error;
  finish_release(lease);
}

static void write_lease(struct lease *lease, enum lease_move move) {
  _cleanup_buffer_ struct buffer body;
  buffer_init(&body, 8192);
  bool giving_up = lease->release == RELEASE_WANTED;
  compose(lease, move, giving_up ? "" : lease->identity, &body);
  send(lease, move == LEASE_CREATE ? "POST" : "PATCH", move, &body, giving_up ? on_given_up : on_written);
}

/* Twice as often as the leader renews: what is seen late is waited for longer. */
static int64_t pause_ms(const struct lease *lease) {
  int64_t longest_ms = (lease->retry_ms + 1) / 2;
  return longest_ms - (int64_t)random_below((uint64_t)longest_ms / 4 + 1);
}

static void go_on(struct lease *lease, enum lease_move move) {
  bool releasing = lease->release == RELEASE_WANTED;
  if (releasing && move != LEASE_RENEW)
    finish_release(lease); /* there is nothing of ours to give up */
  else if (move == LEASE_WAIT)
    tick_after(lease, lease_look_in_ms(&lease->view, pause_ms(lease), lease->clock_ms()));
  else
    write_lease(lease, move);
}

static void on_looked(void *owner, const struct kube_response *response) {
  struct lease *lease = owner;
  lease->call = NULL;
  struct error error = response->error;
  if (!error.kind && see(lease, response, &error) == 0) error = (struct error){0};
  bool absent = error.kind == ERROR_NOT_FOUND;
  lease->last_error = absent ? (struct error){0} : error;
  if (absent) lease->view = (struct lease_view){0};
  if (error.kind && !absent) {
    try_later(lease);
    return;
  }
  enum lease_move move = lease_next_move(&lease->view, lease->clock_ms());
  if (move != LEASE_RENEW) lose(lease); /* somebody has taken or removed it */
  go_on(lease, move);
}

static void look(struct lease *lease) { send(lease, "GET", LEASE_WAIT, NULL, on_looked); }

static void on_tick(struct timer *timer) {
  struct lease *lease = CONTAINER_OF(timer, struct lease, tick);
  lose_if_late(lease);
  if (lease->release != RELEASE_NO || lease->call) return;
  if (lease->fresh && lease->terms.confirmed_ms)
    write_lease(lease, LEASE_RENEW);
  else
    look(lease);
}

static void tick_after(struct lease *lease, int64_t delay_ms) {
  if (lease->release == RELEASE_NO && timer_set(&lease->tick, delay_ms) < 0) lose(lease);
}

/* --- the surface ---------------------------------------------------------------------------------------------------------------- */

static void on_released_task(struct task *task) {
  struct lease *lease = CONTAINER_OF(task, struct lease, released);
  if (lease->on_released) lease->on_released(lease->released_owner);
}

void lease_release(struct lease *lease, void (*on_released)(void *owner), void *owner) {
  if (lease->release != RELEASE_NO) return;
  bool leads = lease->terms.confirmed_ms;
  bool writing = lease->call && lease->move != LEASE_WAIT;
  lease->release = RELEASE_WANTED;
  lease->on_released = on_released;
  lease->released_owner = owner;
  timer_stop(&lease->tick);
  timer_stop(&lease->deadline);
  if (writing) return; /* on_written goes on */
  kube_cancel(TAKE(lease->call));
  if (leads)
    look(lease);
  else
    finish_release(lease);
}

struct lease *lease_new(struct kube_client *client, const struct lease_options *options, struct error *error) {
  _cleanup_(lease_freep) struct lease *lease = calloc(1, sizeof *lease);
  if (!lease) {
    error_oom(error);
    return NULL;
  }
  lease->client = client;
  lease->duration_ms = options->duration_ms ? options->duration_ms : 15000;
  lease->terms.renew_deadline_ms = options->renew_deadline_ms ? options->renew_deadline_ms : 10000;
  lease->retry_ms = options->retry_ms ? options->retry_ms : 2000;
  lease->clock_ms = options->clock_ms ? options->clock_ms : clock_boottime_ms;
  lease->on_change = options->on_change;
  lease->owner = options->owner;
  struct loop *loop = kube_client_loop(client);
  timer_init(&lease->tick, loop, on_tick);
  timer_init(&lease->deadline, loop, on_deadline);
  task_init(&lease->released, loop, on_released_task);
  lease->namespace = strdup(options->namespace);
  lease->name = strdup(options->name);
  lease->identity = strdup(options->identity);
  lease->holder = strdup("");
  lease->version = strdup("");
  lease->acquired = strdup("");
  if (lease->namespace && lease->name && lease->identity && lease->holder && lease->version && lease->acquired &&
      timer_set(&lease->tick, 0) == 0)
    return TAKE(lease);
  error_oom(error);
  return NULL;
}

void lease_free(struct lease *lease) {
  if (!lease) return;
  kube_cancel(lease->call);
  timer_stop(&lease->tick);
  timer_stop(&lease->deadline);
  task_stop(&lease->released);
  free(lease->namespace);
  free(lease->name);
  free(lease->identity);
  free(lease->holder);
  free(lease->version);
  free(lease->acquired);
  free(lease);
}

const char *lease_holder(const struct lease *lease) { return lease->holder; }
uint64_t lease_transitions(const struct lease *lease) { return (uint64_t)lease->transitions; }
const struct error *lease_last_error(const struct lease *lease) { return &lease->last_error; }
