/* Where Redis is: the first line is REDIS_URL, or REDIS_SENTINEL or REDIS_CLUSTER_NODES, the second REDIS_MASTER. What is taken is whole; what
 * isn't is refused with one of a handful of sentences: what they say can't depend on the settings, which hold a password.
 */
#include "base/cleanup.h"
#include "store/redis_target.h"
#include "testing/fuzz.h"

#include <string.h>

enum { SENTENCES = 40 };

static void check_sentence(const char *message) {
  static char known[SENTENCES][sizeof(struct error)];
  size_t i = 0;
  while (i < SENTENCES && *known[i] && strcmp(known[i], message) != 0) i++;
  demand(*message && i < SENTENCES);
  (void)snprintf(known[i], sizeof known[i], "%s", message);
}

static void check_login(const struct redis_login *login) {
  demand(strnlen(login->user, sizeof login->user) < sizeof login->user);
  demand(strnlen(login->password, sizeof login->password) < sizeof login->password && login->database >= 0);
}

static void check(const struct redis_settings *settings) {
  struct redis_target target;
  struct error error = {0};
  if (redis_target_parse(settings, &target, &error) < 0) {
    demand(error.kind == ERROR_INVALID);
    check_sentence(error.message);
    return;
  }
  demand(target.mode == settings->mode && target.count >= 1 && target.count <= REDIS_PLACES);
  for (size_t i = 0; i < target.count; i++) {
    const struct redis_place *place = &target.places[i];
    demand(*place->host && strnlen(place->host, sizeof place->host) < sizeof place->host && place->port >= 1 && place->port <= 65535);
  }
  check_login(&target.login);
  check_login(&target.master_login);
  demand(target.mode != REDIS_MODE_SENTINEL || *target.master);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *text = fuzz_text(data, n), *newline = strchr(text, '\n'), *master = newline ? newline + 1 : text + strlen(text);
  if (newline) *newline = 0;
  check(&(struct redis_settings){.mode = REDIS_MODE_SINGLE, .url = text});
  check(&(struct redis_settings){.mode = REDIS_MODE_SENTINEL, .sentinel = text, .master = master});
  check(&(struct redis_settings){.mode = REDIS_MODE_CLUSTER, .cluster_nodes = text});
  free(text);
  return 0;
}
