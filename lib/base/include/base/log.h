/* Structured logs in Pino's shape: one JSON object a line, one write(2) a line, to standard output.
 *
 *     log_info("stack is ready", log_str("stack", key), log_int("revision", 4));
 *     {"level":30,"time":1760908689588,"pid":1,"hostname":"pod-1","msg":"stack is ready","stack":"supernova/shop","revision":4}
 *
 * Whoever handles a failure at the edge logs it, once. Never a token, a secret or a URL with a password.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_TRACE = 10, LOG_DEBUG = 20, LOG_INFO = 30, LOG_WARN = 40, LOG_ERROR = 50, LOG_FATAL = 60 };

struct log_field {
  const char *key;
  enum { LOG_FIELD_STRING, LOG_FIELD_INT, LOG_FIELD_BOOL, LOG_FIELD_RAW } type;
  const char *text; /* strings (NULL is written as null) and raw JSON */
  int64_t number;
};

static inline struct log_field log_str(const char *key, const char *text) { return (struct log_field){key, LOG_FIELD_STRING, text, 0}; }
static inline struct log_field log_int(const char *key, int64_t value) { return (struct log_field){key, LOG_FIELD_INT, NULL, value}; }
static inline struct log_field log_bool(const char *key, bool value) { return (struct log_field){key, LOG_FIELD_BOOL, NULL, value}; }
/* Valid JSON that the caller composed. */
static inline struct log_field log_raw(const char *key, const char *json) { return (struct log_field){key, LOG_FIELD_RAW, json, 0}; }
static inline struct log_field log_err(const struct error *error) { return (struct log_field){"err", LOG_FIELD_STRING, error->message, 0}; }

/* trace, debug, info, warn, error, fatal; -1 for anything else. */
int parse_log_level(const char *text, enum log_level *ret) _must_check_;

/* Lines below LEVEL are not composed. Before the call the level is info. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* Where finished lines (with their newline) go instead of standard output; NULL: standard output again. */
void log_set_sink(void (*sink)(const char *line, size_t n, void *owner), void *owner);

/* FIELDS ends with a field whose key is NULL. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#define log_line(level, message, ...) \
  (log_enabled(level) ? log_write(level, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}}) : (void)0)
#define log_debug(message, ...) log_line(LOG_DEBUG, message __VA_OPT__(, ) __VA_ARGS__)
#define log_info(message, ...)  log_line(LOG_INFO, message __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(message, ...)  log_line(LOG_WARN, message __VA_OPT__(, ) __VA_ARGS__)
#define log_error(message, ...) log_line(LOG_ERROR, message __VA_OPT__(, ) __VA_ARGS__)
#define log_fatal(message, ...) log_line(LOG_FATAL, message __VA_OPT__(, ) __VA_ARGS__)
