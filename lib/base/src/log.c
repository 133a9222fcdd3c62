#include "base/log.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum {
  LINE_MAX_BYTES = 16 * 1024,
  LINE_USUAL_BYTES = 1023,
  MESSAGE_MAX_BYTES = 2048, /* at most six times as many once escaped */
};

static const char line_end[] = "}\n";

/* The only process-wide state of the libraries: where this process' lines go. */
static struct {
  enum log_level level;
  void (*sink)(const char *line, size_t n, void *owner);
  void *owner;
} out = {.level = LOG_INFO};

static const struct {
  const char *name;
  enum log_level level;
} levels[] = {{"trace", LOG_TRACE}, {"debug", LOG_DEBUG}, {"info", LOG_INFO},
              {"warn", LOG_WARN},   {"error", LOG_ERROR}, {"fatal", LOG_FATAL}};

int parse_log_level(const char *text, enum log_level *ret) {
  for (size_t i = 0; text && i < ELEMENTS(levels); i++)
    if (!strcmp(levels[i].name, text)) return *ret = levels[i].level, 0;
  return -1;
}

void log_set_level(enum log_level level) { out.level = level; }
bool log_enabled(enum log_level level) { return level >= out.level; }

void log_set_sink(void (*sink)(const char *line, size_t n, void *owner), void *owner) {
  out.sink = sink;
  out.owner = owner;
}

static void write_out(const char *line, size_t n) {
  while (n) {
    ssize_t written = write(STDOUT_FILENO, line, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return; /* there is nowhere left to say so */
    line += written;
    n -= (size_t)written;
  }
}

static void append_field(struct buffer *b, const struct log_field *field) {
  buffer_append(b, ",", 1);
  buffer_json_string(b, field->key, strlen(field->key));
  buffer_append(b, ":", 1);
  switch (field->type) {
    case LOG_FIELD_INT: buffer_printf(b, "%lld", (long long)field->number); break;
    case LOG_FIELD_BOOL: buffer_puts(b, field->number ? "true" : "false"); break;
    case LOG_FIELD_RAW: buffer_puts(b, field->text ? field->text : "null"); break;
    case LOG_FIELD_STRING:
      if (field->text)
        buffer_json_string(b, field->text, strlen(field->text));
      else
        buffer_puts(b, "null");
  }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields) {
  char hostname[HOST_NAME_MAX + 1] = "unknown";
  (void)gethostname(hostname, sizeof hostname - 1); /* left as it is where the name is unknown */
  struct buffer b;
  buffer_init(&b, LINE_MAX_BYTES - strlen(line_end));
  (void)buffer_reserve(&b, LINE_USUAL_BYTES); /* without memory the line fails as a whole */
  buffer_printf(&b, "{\"level\":%d,\"time\":%lld,\"pid\":%d,\"hostname\":", (int)level, (long long)clock_real_ms(), (int)getpid());
  buffer_json_string(&b, hostname, strlen(hostname));
  buffer_puts(&b, ",\"msg\":");
  buffer_json_string(&b, message, strnlen(message, MESSAGE_MAX_BYTES));
  for (; fields && fields->key; fields++) {
    size_t before = b.len;
    append_field(&b, fields);
    if (!b.failed) continue;
    b.failed = false; /* a line that grows too long loses the field, not the line */
    b.len = before;
  }
  b.max = LINE_MAX_BYTES;
  buffer_puts(&b, line_end);
  if (!b.failed) {
    if (out.sink)
      out.sink(b.data, b.len, out.owner);
    else
      write_out(b.data, b.len);
  }
  buffer_done(&b);
}
