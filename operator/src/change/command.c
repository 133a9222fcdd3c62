#include "change/command.h"

#include <stddef.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 1024, ID_MAX_BYTES = 64 };

static const struct part {
  const char *name;
  size_t offset;
} parts[] = {{"id", offsetof(struct command, id)}, {"by", offsetof(struct command, by)}, {"reason", offsetof(struct command, reason)}};

/* The part that begins at *AT, without the spaces around it; *AT is then behind it, NULL at the end. */
static char *next_part(struct arena *arena, const char **at) {
  const char *start = *at + strspn(*at, " \t\r\n"), *end = start + strcspn(start, ";");
  *at = *end ? end + 1 : NULL;
  while (end > start && strchr(" \t\r\n", end[-1])) end--;
  return arena_strndup(arena, start, (size_t)(end - start));
}

static int read_part(char *text, struct command *command, struct error *error) {
  if (!strcmp(text, "force")) {
    command->force = true;
    return 0;
  }
  for (size_t i = 0; i < ELEMENTS(parts); i++) {
    size_t n = strlen(parts[i].name);
    const char **to = (const char **)((char *)command + parts[i].offset);
    if (strncmp(text, parts[i].name, n) != 0 || text[n] != '=') continue;
    if (*to) return error_set(error, ERROR_INVALID, "%s is given twice", parts[i].name);
    if (!text[n + 1]) return error_set(error, ERROR_INVALID, "%s is empty", parts[i].name);
    *to = text + n + 1;
    return 0;
  }
  return error_set(error, ERROR_INVALID, "\"%.40s\" is none of id=, by=, reason= and force", text);
}

int command_parse(const char *text, struct arena *arena, struct command *ret, struct error *error) {
  struct command command = {0};
  if (strlen(text) > TEXT_MAX_BYTES) return error_set(error, ERROR_INVALID, "it is longer than %d bytes", TEXT_MAX_BYTES);
  for (const char *at = text; at;) {
    char *part = next_part(arena, &at);
    if (!part) return error_oom(error);
    if (!command.value)
      command.value = part;
    else if (read_part(part, &command, error) < 0)
      return -1;
  }
  if (!*command.value) return error_set(error, ERROR_INVALID, "it has no value");
  if (command.id && strlen(command.id) > ID_MAX_BYTES) return error_set(error, ERROR_INVALID, "id is longer than %d bytes", ID_MAX_BYTES);
  *ret = command;
  return 0;
}

const char *command_record(const struct command *command, const char *value, struct arena *arena) {
  return arena_printf(arena, "%s%s%s%s%s", value, command->by ? ";by=" : "", command->by ? command->by : "",
                      command->reason ? ";reason=" : "", command->reason ? command->reason : "");
}
