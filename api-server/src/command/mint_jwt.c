/* mint-jwt: a token, signed with the key that signs in JWKS_DIR. */
#include "auth/mint.h"
#include "base/clock.h"
#include "base/number.h"
#include "command/command.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_MAX = 64 * 1024 };

/* "admin,finance" */
static cJSON *list_of(const char *roles) {
  cJSON *list = cJSON_CreateArray();
  for (const char *at = roles; list && *at;) {
    size_t n = strcspn(at, ",");
    char role[65];
    (void)snprintf(role, sizeof role, "%.*s", (int)n, at);
    if (n) cJSON_AddItemToArray(list, cJSON_CreateString(role));
    at += n + (at[n] == ',');
  }
  return list;
}

static int print_token(const struct settings *settings, const char *sub, const char *roles, int64_t ttl_s, struct error *error) {
  _cleanup_(keyring_freep) struct keyring *ring = NULL;
  _cleanup_(json_freep) cJSON *list = list_of(roles);
  _cleanup_buffer_ struct buffer token;
  int64_t exp_s;
  buffer_init(&token, TOKEN_MAX);
  if (!list) return error_oom(error);
  if (keyring_load(settings->jwks_dir, &ring, error) < 0) return -1;
  struct mint_wish wish = {.sub = sub, .roles = list, .ttl_s = ttl_s};
  if (mint(ring, settings->auth_issuer, settings->auth_audience, clock_real_ms() / 1000, &wish, &token, &exp_s, error) < 0) return -1;
  (void)puts(buffer_text(&token));
  return 0;
}

int mint_jwt_main(int argc, char **argv) {
  const char *values[3] = {NULL, "", "3600"};
  struct settings settings;
  struct error error = {0};
  int64_t ttl_s;
  if (command_options(argc, argv, (const char *const[]){"sub", "roles", "ttl", NULL}, values) < 0) return COMMAND_USAGE;
  if (command_settings(SETTINGS_TOOL, &settings) < 0) return COMMAND_FAILED;
  if (!values[0] || !*values[0] || parse_int64(values[2], 1, settings.jwt_max_ttl_s, &ttl_s) < 0) {
    (void)fprintf(stderr, "supernova-server mint-jwt: --sub is required, and --ttl must be 1 to %lld\n", (long long)settings.jwt_max_ttl_s);
    return COMMAND_USAGE;
  }
  return print_token(&settings, values[0], values[1], ttl_s, &error) < 0 ? command_failed("mint-jwt", &error) : COMMAND_DONE;
}
