/* What people write into an annotation: it is refused with a sentence, or what is kept of it reads back the same. The memory of commands survives whatever
 * was made of it. */
#include "change/command.h"
#include "change/handled.h"
#include "testing/fuzz.h"

#include <string.h>

static bool same(const char *a, const char *b) { return !a || !b ? a == b : !strcmp(a, b); }

static void check_command(const char *text, struct arena *arena) {
  struct command command, again;
  struct error error = {0};
  if (command_parse(text, arena, &command, &error) < 0) {
    demand(error.kind == ERROR_INVALID && *error.message);
    return;
  }
  demand(*command.value);
  const char *record = command_record(&command, command.value, arena);
  demand(record && command_parse(record, arena, &again, &error) == 0);
  demand(same(command.value, again.value) && same(command.by, again.by) && same(command.reason, again.reason));
}

static void check_memory(const char *text) {
  cJSON *memory = handled_read(text);
  demand(cJSON_IsArray(memory));
  (void)handled_release(memory, "restart", NULL);
  (void)handled_judge(memory, "restart", "id=1", "2026-01-01T00:00:00Z", 0);
  handled_note(memory, "restart", "id=1", "2026-01-01T00:00:00Z", 0);
  demand(handled_judge(memory, "restart", "id=1", "2026-01-01T00:00:00Z", 0) != COMMAND_NEW);
  cJSON_Delete(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *text = fuzz_text(data, n);
  struct arena *arena = arena_new(1 << 20);
  demand(arena);
  check_command(text, arena);
  check_memory(text);
  arena_free(arena);
  free(text);
  return 0;
}
