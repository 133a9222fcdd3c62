/* The subcommand `check`: would a server of this image, with these settings, work here? The preflight before a release, and what a person runs
 * first when it doesn't.
 *
 *     supernova-server check [--output text|json]
 *
 *     ok     settings   all that are set are understood
 *     ok     database   PostgreSQL 15.14 at db:5432, in 3 ms
 *     note   schema     it is 3, this image works with 4 to 5: `supernova-server migrate` has 2 files for it
 *     again  redis      connection refused
 *                       next: see whether Redis runs where REDIS_URL leads
 *     1 of 4 wrong: try again (exit status 75)
 *
 *     {"ok":false,"exitStatus":75,"checks":[{"name":"redis","verdict":"again","sentence":"connection refused","next":"see whether …"},…]}
 *
 * Exit status and termination message as of migrate (store/migrate.h): 0 fine, though there may be notes; 75 what may pass (a neighbour that is
 * away); 65 what stays wrong until a person changes it. Changes nothing anywhere, and says nothing secret.
 *
 * A check is a row of a table: a name, whether it applies to these settings, and a function that asks one thing and writes one finding.
 * Rows run in order, and share what `struct checkup` holds; one that needs what an earlier row didn't get leaves its finding untold
 * (CHECK_UNTOLD), and is not printed.
 */
#pragma once

#include "base/error.h"
#include "settings/settings.h"
#include "store/job.h"

#include <stdbool.h>

enum check_verdict { CHECK_UNTOLD, CHECK_OK, CHECK_NOTE, CHECK_AGAIN, CHECK_NEVER };

struct check_finding {
  const char *name; /* of its check */
  enum check_verdict verdict;
  char sentence[480];
  char next[240]; /* what a person does about it; "": nothing */
};

struct checkup {
  struct settings settings;
  struct job job; /* connected once `database` was ok */
  struct schema_database schema;
  bool schema_known, schema_fits;
};

struct check {
  const char *name;
  bool (*applies)(const struct settings *settings); /* NULL: always */
  void (*run)(struct checkup *checkup, struct check_finding *ret);
};

/* ARGV[0] is "check". */
int check_main(int argc, char **argv);

/* Fills a finding. ERROR says what failed: ERROR_RETRY is AGAIN, everything else NEVER. */
void check_tell(struct check_finding *ret, enum check_verdict verdict, const char *format, ...) _printf_(3, 4);
void check_fail(struct check_finding *ret, const struct error *error, const char *next);

/* The rows' functions. */
void check_database(struct checkup *checkup, struct check_finding *ret);
void check_direct(struct checkup *checkup, struct check_finding *ret);
void check_schema(struct checkup *checkup, struct check_finding *ret);
void check_rights(struct checkup *checkup, struct check_finding *ret);
void check_redis(struct checkup *checkup, struct check_finding *ret);
void check_keys(struct checkup *checkup, struct check_finding *ret);
void check_foreign(struct checkup *checkup, struct check_finding *ret);
void check_design_tokens(struct checkup *checkup, struct check_finding *ret);
void check_stores(struct checkup *checkup, struct check_finding *ret);
void check_sentry(struct checkup *checkup, struct check_finding *ret);
void check_bypass(struct checkup *checkup, struct check_finding *ret);
void check_closed(struct checkup *checkup, struct check_finding *ret);
void check_unused(struct checkup *checkup, struct check_finding *ret);
