/* The Secret that a stack names: what of it decisions may know, and whether it is enough. Values are looked at here and go no further. */
#pragma once

#include "stack/plan.h"

/* From the Secret as the API server gives it. DATABASE_KEY names the key with the database's URL. Replaces what VIEW held. */
int secret_view_read(struct secret_view *view, const cJSON *secret, const char *database_key, struct error *error) _must_check_;
void secret_view_set_absent(struct secret_view *view);
void secret_view_done(struct secret_view *view);

struct secrets_verdict {
  bool ok;
  const char *reason, *message; /* for the condition SecretsReady; the message says what is missing and the command that mends it */
};
struct secrets_verdict secrets_judge(const struct observation *o, struct arena *arena);

/* "host:port/name" of a PostgreSQL URL or a key=value string, without user, password and options; for comparison only. */
void database_identity(const char *url, struct buffer *to);
