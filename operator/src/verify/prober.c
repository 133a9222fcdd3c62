#include "verify/prober.h"

#include "net/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 2000, CONNECT_MS = 1000, ANSWER_MAX_BYTES = 1 << 20, ADDRESS_MAX_BYTES = 1024, WHY_MAX_BYTES = 128 };

struct prober {
  struct prober_options options;
  struct http_client *direct;
  bool by_proxy; /* addresses were of no use */
};

struct question {
  const char *path;
  bool of_metrics;                                                                    /* on that port, and no smoke question */
  int (*check)(const char *body, size_t n, struct probe *probe, struct error *error); /* of the body of a 200; NULL: that says enough */
};

/* One question to one pod. */
struct exchange {
  struct probing *probing;
  const struct question *question;
  struct probe *probe;
  size_t target;
  bool by_proxy;
  struct http_transfer *transfer;
  struct kube_call *call;
};

struct probing {
  struct prober *prober;
  void (*on_done)(void *owner, const struct probe *probes, size_t n);
  void *owner;
  size_t n, exchange_count, open;
  struct probe *probes;
  struct exchange *exchanges;
  struct {
    char *namespace, *pod, *address;
  } * targets;
};

/* ---- what is asked ---- */

static int check_metrics(const char *body, size_t n, struct probe *probe, struct error *error) {
  if (reading_take(body, n, &probe->reading, error) < 0) return -1;
  probe->read = true;
  return 0;
}

/* A pod that serves no key has every token refused. */
static int check_jwks(const char *body, size_t n, struct probe *probe, struct error *error) {
  (void)probe;
  _cleanup_(json_freep) cJSON *jwks = NULL;
  if (json_parse(body, n, &json_limits_request, &jwks, error) < 0) return -1;
  return cJSON_GetArraySize(json_get(jwks, "keys")) ? 0 : error_set(error, ERROR_INVALID, "there is no key in it");
}

/* What is asked of each pod. */
static const struct question questions[] = {
    {"/metrics", true, check_metrics},
    {"/readyz", false, NULL},
    {"/auth/.well-known/jwks.json", false, check_jwks},
};

/* ---- answers ---- */

static void probing_free(struct probing *p) {
  if (!p) return;
  for (size_t i = 0; i < p->exchange_count; i++) {
    http_cancel(p->exchanges[i].transfer);
    kube_cancel(p->exchanges[i].call);
  }
  for (size_t i = 0; p->targets && i < p->n; i++) {
    free(p->targets[i].namespace);
    free(p->targets[i].pod);
    free(p->targets[i].address);
  }
  free(p->targets);
  free(p->exchanges);
  free(p->probes);
  free(p);
}

static void close_one(struct probing *p) {
  if (--p->open) return;
  p->on_done(p->owner, p->probes, p->n);
  probing_free(p);
}

/* The words of the first question that failed stand. */
static void note(struct exchange *e, const char *what) {
  char *to = e->question->of_metrics ? e->probe->unread : e->probe->failure;
  if (!*to) (void)snprintf(to, PROBE_WORDS_SIZE, "GET %s: %.*s", e->question->path, WHY_MAX_BYTES, what);
}

static void judge(struct exchange *e, int status, const char *body, size_t n) {
  struct error error = {0};
  char text[32];
  (void)snprintf(text, sizeof text, "status %d", status);
  if (status != 200)
    note(e, text);
  else if (e->question->check && e->question->check(body, n, e->probe, &error) < 0)
    note(e, error.message);
}

static int ask(struct exchange *e, struct error *error);

static void on_direct(void *owner, const struct http_response *response) {
  struct exchange *e = owner;
  struct prober *prober = e->probing->prober;
  struct error error = response->error;
  e->transfer = NULL;
  if (response->status) {
    judge(e, response->status, response->body, response->body_len);
    return close_one(e->probing);
  }
  if (prober->options.access == POD_ACCESS_AUTO) {
    prober->by_proxy = e->by_proxy = true;
    if (ask(e, &error) == 0) return;
  }
  e->probe->answered &= e->question->of_metrics;
  note(e, error.message);
  close_one(e->probing);
}

/* A status without an error is the pod's own; else the API server may be saying that it can't reach the pod. */
static void on_proxied(void *owner, const struct kube_response *response) {
  struct exchange *e = owner;
  e->call = NULL;
  if (response->error.kind == ERROR_NONE) {
    judge(e, response->status, response->body, response->body_len);
  } else {
    e->probe->answered &= e->question->of_metrics || response->status;
    note(e, response->error.message);
  }
  close_one(e->probing);
}

/* ---- asking ---- */

static uint16_t port_of(const struct exchange *e) {
  const struct prober_options *options = &e->probing->prober->options;
  return e->question->of_metrics ? options->metrics_port : options->http_port;
}

static int ask_proxy(struct exchange *e, struct error *error) {
  struct buffer path;
  buffer_init(&path, ADDRESS_MAX_BYTES);
  buffer_printf(&path, "/api/v1/namespaces/%s/pods/%s:%u/proxy%s", e->probing->targets[e->target].namespace,
                e->probing->targets[e->target].pod, port_of(e), e->question->path);
  e->call = kube_send(e->probing->prober->options.client,
                      &(struct kube_request){.path = buffer_text(&path),
                                             .accept = "*/*",
                                             .timeout_ms = TIMEOUT_MS,
                                             .max_response = ANSWER_MAX_BYTES,
                                             .on_done = on_proxied,
                                             .owner = e},
                      error);
  buffer_done(&path);
  return e->call ? 0 : -1;
}

static int ask_pod(struct exchange *e, struct error *error) {
  const char *address = e->probing->targets[e->target].address;
  bool v6 = strchr(address, ':');
  struct buffer url;
  buffer_init(&url, ADDRESS_MAX_BYTES);
  buffer_printf(&url, "http://%s%s%s:%u%s", v6 ? "[" : "", address, v6 ? "]" : "", port_of(e), e->question->path);
  e->transfer =
      http_send(e->probing->prober->direct,
                &(struct http_request){
                    .url = buffer_text(&url), .timeout_ms = TIMEOUT_MS, .max_response = ANSWER_MAX_BYTES, .on_done = on_direct, .owner = e},
                error);
  buffer_done(&url);
  return e->transfer ? 0 : -1;
}

static int ask(struct exchange *e, struct error *error) { return e->by_proxy ? ask_proxy(e, error) : ask_pod(e, error); }

static int copy_targets(struct probing *p, const struct probe_target *targets) {
  for (size_t i = 0; i < p->n; i++) {
    p->targets[i].namespace = strdup(targets[i].namespace);
    p->targets[i].pod = strdup(targets[i].pod);
    p->targets[i].address = strdup(targets[i].address ? targets[i].address : "");
    if (!p->targets[i].namespace || !p->targets[i].pod || !p->targets[i].address) return -1;
    p->probes[i].answered = true;
  }
  return 0;
}

static struct probing *probing_new(struct prober *prober, const struct probe_target *targets, size_t n) {
  struct probing *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  *p = (struct probing){.prober = prober, .n = n, .exchange_count = n * ELEMENTS(questions)};
  p->probes = calloc(n, sizeof *p->probes);
  p->targets = calloc(n, sizeof *p->targets);
  p->exchanges = calloc(p->exchange_count, sizeof *p->exchanges);
  if (p->probes && p->targets && p->exchanges && copy_targets(p, targets) == 0) return p;
  probing_free(p);
  return NULL;
}

struct probing *probing_start(struct prober *prober, const struct probe_target *targets, size_t n,
                              void (*on_done)(void *owner, const struct probe *probes, size_t n), void *owner, struct error *error) {
  struct probing *p = probing_new(prober, targets, n);
  if (!p) return (void)error_oom(error), NULL;
  p->on_done = on_done;
  p->owner = owner;
  for (size_t i = 0; i < p->exchange_count; i++) {
    size_t target = i / ELEMENTS(questions);
    bool by_proxy = prober->options.access == POD_ACCESS_PROXY || prober->by_proxy;
    p->exchanges[i] = (struct exchange){p, &questions[i % ELEMENTS(questions)], &p->probes[target], target, by_proxy, NULL, NULL};
    if (ask(&p->exchanges[i], error) < 0) return probing_free(p), NULL;
    p->open++;
  }
  return p;
}

void probing_cancel(struct probing *probing) { probing_free(probing); }

struct prober *prober_new(const struct prober_options *options, struct error *error) {
  struct prober *prober = calloc(1, sizeof *prober);
  if (!prober) return (void)error_oom(error), NULL;
  prober->options = *options;
  prober->direct = http_client_new(
      kube_client_loop(options->client),
      &(struct http_client_options){
          .user_agent = "supernova-operator/" SUPERNOVA_VERSION, .proxy = "", .http1_only = true, .connect_timeout_ms = CONNECT_MS},
      error);
  if (!prober->direct) return prober_free(prober), NULL;
  return prober;
}

void prober_free(struct prober *prober) {
  if (!prober) return;
  http_client_free(prober->direct);
  free(prober);
}
