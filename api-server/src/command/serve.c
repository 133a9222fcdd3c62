#include "command/command.h"
#include "crypto/keyring.h"
#include "iap/apple.h"
#include "iap/google_token.h"
#include "serve/parent.h"
#include "store/database_url.h"
#include "store/redis_target.h"

#include <stdio.h>
#include <string.h>

/* What only this start can mend is said before anything is bound: a worker would say it again and again. */
static int check(const struct settings *settings, struct error *error) {
  struct database_url url = {0};
  struct redis_settings redis = settings_redis(settings);
  struct redis_target target;
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  if (database_url_init(&url, "DATABASE_URL", settings->database_url, NULL, error) < 0) return -1;
  database_url_done(&url);
  if (redis.mode != REDIS_MODE_NONE && redis_target_parse(&redis, &target, error) < 0) return -1;
  explicit_bzero(&target, sizeof target);
  struct google_tokens tokens;
  if (google_tokens_init(&tokens, settings, NULL, error) < 0) return -1;
  google_tokens_done(&tokens);
  struct apple apple;
  if (apple_init(&apple, settings, NULL, NULL, error) < 0) return -1;
  apple_done(&apple);
  if (keyring_load(settings->jwks_dir, &ring, error) < 0) return error_wrap(error, "JWKS_DIR");
  return 0;
}

int serve_main(int argc, char **argv) {
  struct settings settings;
  struct error error = {0};
  if (command_options(argc, argv, (const char *const[]){NULL}, NULL) < 0) return COMMAND_USAGE;
  if (command_settings(SETTINGS_SERVE, &settings) < 0) return COMMAND_FAILED;
  if (check(&settings, &error) < 0) return command_failed("serve", &error);
  return parent_run(&settings);
}
