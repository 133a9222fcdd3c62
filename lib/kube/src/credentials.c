#include "credentials.h"

#include "config_internal.h"
#include "exec_plugin.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { TOKEN_AGE_MS = 60000, FAILURE_AGE_MS = 5000, EXPIRY_MARGIN_MS = 10000 };

struct credentials {
  struct loop *loop;
  const struct kube_config *config;
  void (*on_change)(void *owner);
  void *owner;

  char *file_token;     /* NULL: not read */
  int64_t file_read_ms; /* when; monotonic */
  struct exec_run *run; /* under way, or NULL */
  struct exec_credential given;
  bool has_given;
  struct error failure; /* of the plugin's last run */
  int64_t failed_ms;    /* when */
  unsigned serial;
};

struct credentials *credentials_new(struct loop *loop, const struct kube_config *config, void (*on_change)(void *owner), void *owner,
                                    struct error *error) {
  struct credentials *credentials = calloc(1, sizeof *credentials);
  if (!credentials) {
    error_oom(error);
    return NULL;
  }
  *credentials = (struct credentials){.loop = loop, .config = config, .on_change = on_change, .owner = owner};
  return credentials;
}

static void free_secret(char *text) {
  if (text) explicit_bzero(text, strlen(text));
  free(text);
}

void credentials_free(struct credentials *credentials) {
  if (!credentials) return;
  exec_run_cancel(credentials->run);
  exec_credential_done(&credentials->given);
  free_secret(credentials->file_token);
  free(credentials);
}

/* An unreadable file leaves the token that was read before: it may still do, and a rotation replaces the file in one step anyway. */
static bool read_token_file(struct credentials *credentials, struct error *error) {
  char *token;
  if (config_read_file(credentials->config->token_file, true, &token, error) < 0) return false;
  credentials->file_read_ms = loop_now_ms(credentials->loop);
  bool changed = !credentials->file_token || strcmp(credentials->file_token, token) != 0;
  free_secret(credentials->file_token);
  credentials->file_token = token;
  credentials->serial += changed;
  return changed;
}

static enum credentials_state prepare_file(struct credentials *credentials, struct error *error) {
  bool young = credentials->file_token && loop_now_ms(credentials->loop) - credentials->file_read_ms < TOKEN_AGE_MS;
  if (!young) read_token_file(credentials, error);
  return credentials->file_token ? CREDENTIALS_READY : CREDENTIALS_FAILED;
}

static void on_plugin_done(void *owner, struct exec_credential *credential, const struct error *error) {
  struct credentials *credentials = owner;
  credentials->run = NULL;
  credentials->failure = *error;
  credentials->failed_ms = loop_now_ms(credentials->loop);
  if (!error->kind) {
    exec_credential_done(&credentials->given);
    credentials->given = *credential;
    *credential = (struct exec_credential){0};
    credentials->has_given = true;
    credentials->serial++;
  }
  credentials->on_change(credentials->owner);
}

static bool is_current(const struct credentials *credentials) {
  int64_t expires_ms = credentials->given.expires_ms;
  return credentials->has_given && (!expires_ms || clock_real_ms() < expires_ms - EXPIRY_MARGIN_MS);
}

static enum credentials_state prepare_plugin(struct credentials *credentials, struct error *error) {
  if (is_current(credentials)) return CREDENTIALS_READY;
  if (credentials->run) return CREDENTIALS_WAIT;
  if (credentials->failure.kind && loop_now_ms(credentials->loop) - credentials->failed_ms < FAILURE_AGE_MS) {
    if (error) *error = credentials->failure;
    return CREDENTIALS_FAILED;
  }
  credentials->run = exec_run_start(credentials->loop, credentials->config, on_plugin_done, credentials, error);
  return credentials->run ? CREDENTIALS_WAIT : CREDENTIALS_FAILED;
}

enum credentials_state credentials_prepare(struct credentials *credentials, struct error *error) {
  if (credentials->config->exec) return prepare_plugin(credentials, error);
  if (credentials->config->token_file) return prepare_file(credentials, error);
  return CREDENTIALS_READY;
}

const char *credentials_token(const struct credentials *credentials) {
  if (credentials->config->exec) return credentials->given.token;
  return credentials->config->token_file ? credentials->file_token : credentials->config->token;
}

const char *credentials_certificate(const struct credentials *credentials) {
  return credentials->given.certificate_pem ? credentials->given.certificate_pem : credentials->config->certificate_pem;
}

const char *credentials_key(const struct credentials *credentials) {
  return credentials->given.key_pem ? credentials->given.key_pem : credentials->config->key_pem;
}

unsigned credentials_serial(const struct credentials *credentials) { return credentials->serial; }

bool credentials_refused(struct credentials *credentials, unsigned serial) {
  if (serial != credentials->serial) return true;
  if (credentials->config->exec) {
    credentials->has_given = false;
    return true;
  }
  return credentials->config->token_file && read_token_file(credentials, NULL);
}
