/* Asks pods how they serve: their metrics, and the smoke questions, which are what a user would notice first.
 *
 *     struct probing *probing = probing_start(prober, targets, n, on_done, me, &error);
 *     static void on_done(void *owner, const struct probe *probes, size_t n) {
 *       if (probes[0].read) reading_add(&sum, &probes[0].reading); else why(probes[0].unread);
 *       if (*probes[0].failure) ...                          // "GET /readyz: status 503"
 *     }
 *
 * One probing is one look at all of the pods, side by side, each question within 2 s; exactly one on_done for each that was started, never before
 * probing_start has returned, none after probing_cancel. Pods are reached by their address; with POD_ACCESS_AUTO, where that does not answer, through the
 * API server's pod proxy (GET /api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/{path}), which is then asked first by all later ones.
 * What a pod says is believed only as far as verify/reading.h and the questions' own checks go.
 */
#pragma once

#include "kube/client.h"
#include "verify/reading.h"

struct prober;
struct probing;

enum pod_access { POD_ACCESS_AUTO, POD_ACCESS_DIRECT, POD_ACCESS_PROXY };

struct prober_options {
  struct kube_client *client; /* borrowed; its loop is ours */
  enum pod_access access;
  uint16_t http_port, metrics_port; /* of every pod */
};

struct probe_target {
  const char *namespace, *pod, *address; /* copied; NULL: it has no address, and only the API server may reach it */
};

enum { PROBE_WORDS_SIZE = 192 };

struct probe {
  bool read; /* its metrics were read and can be believed */
  struct reading reading;
  char unread[PROBE_WORDS_SIZE];  /* why not, or "" */
  bool answered;                  /* every smoke question had an answer, whatever it was */
  char failure[PROBE_WORDS_SIZE]; /* what was wrong with the first one that failed, or "" */
};

struct prober *prober_new(const struct prober_options *options, struct error *error);
void prober_free(struct prober *prober); /* after its probings; accepts NULL */

/* TARGETS: at least one. */
struct probing *probing_start(struct prober *prober, const struct probe_target *targets, size_t n,
                              void (*on_done)(void *owner, const struct probe *probes, size_t n), void *owner,
                              struct error *error) _must_check_;
void probing_cancel(struct probing *probing); /* accepts NULL */
