/* Runs a credential plugin without holding the loop: client.authentication.k8s.io ExecCredential (Kubernetes: "Authenticating", client-go
 * credential plugins). Its standard error is ours; its standard input is empty; it has 60 s. */
#pragma once

#include "kube/config.h"
#include "net/loop.h"

struct exec_credential {
  char *token, *certificate_pem, *key_pem; /* NULL: not given */
  int64_t expires_ms;                      /* real time; 0: never */
};
void exec_credential_done(struct exec_credential *credential); /* cleanses */

/* What a plugin printed; API_VERSION is the one of the kubeconfig. */
int exec_credential_decode(const char *text, size_t n, const char *api_version, struct exec_credential *ret,
                           struct error *error) _must_check_;

struct exec_run;

/* ON_DONE comes once, never from within exec_run_start, with an error or a credential, which it may empty with TAKE. */
struct exec_run *exec_run_start(struct loop *loop, const struct kube_config *config,
                                void (*on_done)(void *owner, struct exec_credential *credential, const struct error *error), void *owner,
                                struct error *error);
void exec_run_cancel(struct exec_run *run); /* kills it; no callback; accepts NULL */
