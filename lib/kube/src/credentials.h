/* Who we are at this moment: a fixed token, a token file that rotates, or what a plugin last gave. */
#pragma once

#include "kube/config.h"
#include "net/loop.h"

struct credentials;

enum credentials_state { CREDENTIALS_READY, CREDENTIALS_WAIT, CREDENTIALS_FAILED };

/* ON_CHANGE comes when what was waited for is there or has failed: ask again. */
struct credentials *credentials_new(struct loop *loop, const struct kube_config *config, void (*on_change)(void *owner), void *owner,
                                    struct error *error);
void credentials_free(struct credentials *credentials); /* accepts NULL */

/* READY: the getters hold what to use for a request now. WAIT: a plugin runs. FAILED: error says why; a plugin is not run again for 5 s. */
enum credentials_state credentials_prepare(struct credentials *credentials, struct error *error);
const char *credentials_token(const struct credentials *credentials); /* NULL: none */

/* The plugin's client certificate where it gives one, else the config's; NULL: none. */
const char *credentials_certificate(const struct credentials *credentials);
const char *credentials_key(const struct credentials *credentials);
unsigned credentials_serial(const struct credentials *credentials); /* rises whenever anything of it changes */

/* The API server answered 401 to what bore that serial. True: there is, or may come, something newer; ask again. */
bool credentials_refused(struct credentials *credentials, unsigned serial);
