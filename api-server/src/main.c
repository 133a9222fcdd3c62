/* supernova-server: the subcommands, and nothing else. */
#include "check/check.h"
#include "command/command.h"
#include "store/migrate.h"
#include "store/seed.h"

#include <stdio.h>
#include <string.h>

const struct command commands[] = {
    {"serve", "", "serve the HTTP API",
     "Serves the API at PORT and metrics at METRICS_PORT until SIGTERM. Everything is set by environment variables;\n"
     "supernova-server help settings lists them.",
     serve_main},
    {"check", "[--output text|json]", "say whether a server would work with these settings, here",
     "Reads all settings and reaches PostgreSQL, Redis and the keys; changes nothing. One line a thing: ok, note (fine, but worth "
     "knowing),\n"
     "again (may pass) or never (stays wrong until somebody changes it), and what to do next. Exit status: 0 fine, 75 try again, 65 never.",
     check_main},
    {"migrate", "[up | status | --dry-run] [--to N] [--output text|json]", "bring the database's schema up to this image's",
     "up applies the migrations in this image that DATABASE_URL doesn't have yet, one transaction each; --dry-run says which those are, "
     "and\n"
     "status lists all with their state; both touch nothing. --to N goes no further than N; there is no way back.\n"
     "Behind PgBouncer (DATABASE_POOLER=pgbouncer) set DATABASE_DIRECT_URL as well. Exit status: 0 done, 75 try again, 65 never.",
     migrate_main},
    {"seed", "", "run the seeds", "Runs the idempotent seeds in this image against DATABASE_URL. Exit status as migrate.", seed_main},
    {"audit", "[--output text|json] [--profile PROFILE] [--jwks FILE|URL]", "prove the ledger",
     "Replays the whole ledger in DATABASE_URL as of one moment, and recomputes what follows from it: each row's hash and\n"
     "balance, what each profile has now, and what the signatures over the heads cover. Changes nothing. Names the first\n"
     "broken row by profile and seq, or the first broken signature. --profile looks at one profile alone, and at no\n"
     "signatures. Signatures are checked with jwks.json in JWKS_DIR, or with the set at --jwks (over http only where you\n"
     "trust the way); those by keys that are not in it are counted. Exit status: 0 all is right, 1 something is broken,\n"
     "75 the database or the key set is away: try again, 65 never.",
     audit_main},
    {"gen-jwks", "[--bits 2048 | --from DIR] --output DIR|secret", "make a signing key",
     "Makes an RSA key that signs from now on, beside the keys in DIR, or prints it as a Kubernetes Secret. With --from it makes\n"
     "none, and prints those of a folder with jwks.json and <kid>/private.pem as a Secret: the newest signs, the others verify,\n"
     "without their private halves.",
     gen_jwks_main},
    {"mint-jwt", "--sub SUBJECT [--roles a,b] [--ttl SECONDS]", "sign a token", "Signs a token with the key that signs in JWKS_DIR.",
     mint_jwt_main},
    {"health", "", "ask the server in this pod how it is",
     "Prints the verbose health of the server at METRICS_PORT. Exit status: 0 ready, 1 not.", health_main},
    {"openapi", "", "print the OpenAPI document",
     "Prints the OpenAPI 3.1 document that a server with these settings has at /api/openapi.json.", openapi_main},
    {"version", "", "print the version", "Prints version, commit and the schemas that this image works with.", version_main},
    {"help", "[COMMAND | settings]", "print this, a command's help, or the settings", "Prints help.", help_main},
    {0},
};

static bool wants_help(int argc, char **argv) { return argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")); }

int main(int argc, char **argv) {
  for (const struct command *c = commands; argc > 1 && c->name; c++) {
    if (strcmp(c->name, argv[1]) != 0) continue;
    if (wants_help(argc - 1, argv + 1)) return help_main(2, (char *[]){argv[0], argv[1], NULL});
    return c->run(argc - 1, argv + 1);
  }
  if (argc == 1 || wants_help(argc, argv)) return help_main(1, argv);
  (void)fprintf(stderr, "supernova-server: %s is no command.\n", argv[1]);
  (void)help_main(1, argv);
  return COMMAND_USAGE;
}
