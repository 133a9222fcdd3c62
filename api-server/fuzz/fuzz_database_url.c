/* A DATABASE_URL that is taken names one host and a port; one that isn't is refused with one of a handful of sentences: what they say can't depend on
 * the URL, which holds a password.
 */
#include "base/number.h"
#include "store/database_url.h"
#include "testing/fuzz.h"

#include <string.h>

enum { SENTENCES = 8 };

static void check_sentence(const char *message) {
  static char known[SENTENCES][sizeof(struct error)];
  size_t i = 0;
  while (i < SENTENCES && *known[i] && strcmp(known[i], message) != 0) i++;
  demand(*message && i < SENTENCES);
  (void)snprintf(known[i], sizeof known[i], "%s", message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *text = fuzz_text(data, n);
  struct database_url url = {0};
  struct error error = {0};
  int64_t port;
  if (database_url_init(&url, "DATABASE_URL", text, n % 2 ? "-c statement_timeout=1800" : NULL, &error) < 0) {
    demand(error.kind == ERROR_INVALID && !url.options && !url.merged);
    check_sentence(error.message);
  } else {
    demand(*url.host && *url.name && !strchr(url.host, ',') && parse_int64(url.port, 1, 65535, &port) == 0);
    size_t count = 0;
    while (url.keywords[count]) demand(url.values[count++]);
    demand(count < DATABASE_URL_OPTIONS);
  }
  database_url_done(&url);
  free(text);
  return 0;
}
