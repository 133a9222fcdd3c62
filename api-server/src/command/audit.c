/* audit: proves the whole ledger, and names the first thing that is broken. */
#include "ledger/audit.h"

#include "base/clock.h"
#include "command/command.h"
#include "command/jwks_source.h"
#include "store/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JSON_MAX = 64 * 1024 };

static bool is_broken(const struct audit *audit) { return audit->first.fault.what; }

static void show_progress(void *owner, const struct audit *audit) {
  (void)owner;
  (void)fprintf(stderr, "\r%" PRId64 " rows of %" PRId64 " profiles", audit->rows, audit->profiles);
}

static void hide_progress(const struct audit *audit) {
  if (audit->progress) (void)fputs("\r\033[K", stderr);
}

/* ---- json ---- */

static void put_text(struct buffer *to, const char *name, const char *text) {
  buffer_printf(to, ",\"%s\":", name);
  buffer_json_string(to, text, strlen(text));
}

static void put_first(struct buffer *to, const struct audit_break *first) {
  buffer_puts(to, first->heads ? "{\"heads\":" : "{\"profile\":");
  if (first->heads) {
    buffer_printf(to, "%" PRId64, first->heads);
  } else {
    buffer_json_string(to, first->profile, strlen(first->profile));
    buffer_printf(to, ",\"seq\":%" PRId64, first->seq);
  }
  put_text(to, "what", first->fault.what);
  put_text(to, "expected", first->fault.expected);
  put_text(to, "found", first->fault.found);
  buffer_puts(to, "}");
}

static void print_json(const struct audit *audit, int64_t duration_ms) {
  _cleanup_buffer_ struct buffer json;
  buffer_init(&json, JSON_MAX);
  buffer_printf(&json, "{\"ok\":%s,\"profiles\":%" PRId64 ",\"rows\":%" PRId64 ",\"brokenProfiles\":%" PRId64,
                is_broken(audit) ? "false" : "true", audit->profiles, audit->rows, audit->broken_profiles);
  if (!audit->profile) {
    buffer_printf(&json,
                  ",\"heads\":{\"checked\":%" PRId64 ",\"broken\":%" PRId64 ",\"unknownKey\":%" PRId64 ",\"unsigned\":%" PRId64
                  ",\"newestHour\":",
                  audit->heads, audit->broken_heads, audit->heads_unknown_key, audit->heads_unsigned);
    buffer_printf(&json, *audit->newest_hour ? "\"%s\"}" : "null}%s", audit->newest_hour);
  }
  buffer_puts(&json, ",\"first\":");
  if (is_broken(audit))
    put_first(&json, &audit->first);
  else
    buffer_puts(&json, "null");
  buffer_printf(&json, ",\"durationMs\":%" PRId64 "}", duration_ms);
  (void)puts(buffer_text(&json));
}

/* ---- text ---- */

static void print_first(const struct audit_break *first) {
  if (first->heads)
    (void)printf("BROKEN: signature %" PRId64 " over the heads: ", first->heads);
  else if (first->seq)
    (void)printf("BROKEN: profile %s, row %" PRId64 ": ", first->profile, first->seq);
  else
    (void)printf("BROKEN: profile %s, as it stands now: ", first->profile);
  (void)printf("%s is %s, expected %s\n", first->fault.what, first->fault.found, first->fault.expected);
}

static void print_text(const struct audit *audit) {
  if (is_broken(audit)) print_first(&audit->first);
  (void)printf("%" PRId64 " rows of %" PRId64 " profiles: ", audit->rows, audit->profiles);
  (void)printf(audit->broken_profiles ? "%" PRId64 " broken\n" : "every chain, balance and subscription is right\n",
               audit->broken_profiles);
  if (audit->profile) return;
  (void)printf("%" PRId64 " signatures over the heads: ", audit->heads);
  (void)printf(audit->broken_heads ? "%" PRId64 " broken" : "none broken", audit->broken_heads);
  if (audit->heads_unknown_key)
    (void)printf(", %" PRId64 " by keys that are not known (--jwks tells old ones) and not checked", audit->heads_unknown_key);
  if (audit->heads_unsigned) (void)printf(", %" PRId64 " not signed yet", audit->heads_unsigned);
  (void)printf(*audit->newest_hour ? ", the newest of the hour %s\n" : "\n", audit->newest_hour);
}

/* ---- run ---- */

static int status_of(const struct error *error) { return error->kind == ERROR_RETRY ? JOB_AGAIN : JOB_NEVER; }

static int run(struct audit *audit, bool json) {
  struct error error = {0};
  struct job job = {0};
  int64_t started_ms = clock_monotonic_ms();
  int rc = job_connect(&job, &error) < 0 ? -1 : audit_run(audit, &job, &error);
  job_disconnect(&job);
  hide_progress(audit);
  if (rc < 0) return (void)command_failed("audit", &error), status_of(&error);
  if (json)
    print_json(audit, clock_monotonic_ms() - started_ms);
  else
    print_text(audit);
  return is_broken(audit) ? COMMAND_FAILED : COMMAND_DONE;
}

int audit_main(int argc, char **argv) {
  const char *values[3] = {"text", NULL, NULL};
  _cleanup_(jwks_freep) struct jwks *keys = NULL;
  struct settings settings;
  struct error error = {0};
  if (command_options(argc, argv, (const char *const[]){"output", "profile", "jwks", NULL}, values) < 0) return COMMAND_USAGE;
  bool json = !strcmp(values[0], "json");
  if (!json && strcmp(values[0], "text") != 0) {
    (void)fprintf(stderr, "supernova-server audit: --output must be text or json\n");
    return COMMAND_USAGE;
  }
  if (command_settings(SETTINGS_TOOL, &settings) < 0) return JOB_NEVER;
  if (jwks_from(values[2], settings.jwks_dir, &keys, &error) < 0) return (void)command_failed("audit", &error), status_of(&error);
  struct audit audit = {.keys = keys, .profile = values[1], .progress = isatty(STDERR_FILENO) ? show_progress : NULL};
  return run(&audit, json);
}
