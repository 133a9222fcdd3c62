#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t); /* cannot fail for these clocks */
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_monotonic_ms(void) { return read_ns(CLOCK_MONOTONIC) / 1000000; }
int64_t clock_monotonic_ns(void) { return read_ns(CLOCK_MONOTONIC); }
int64_t clock_boottime_ms(void) { return read_ns(CLOCK_BOOTTIME) / 1000000; }
int64_t clock_real_ms(void) { return read_ns(CLOCK_REALTIME) / 1000000; }

/* Rounds down, also before 1970. */
static int64_t whole(int64_t value, int64_t unit) { return value / unit - (value % unit < 0); }

static void format_seconds(int64_t seconds, char to[RFC3339_SIZE]) {
  time_t t = (time_t)seconds;
  struct tm tm;
  if (!gmtime_r(&t, &tm) || !strftime(to, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm)) *to = 0;
}

void format_rfc3339(int64_t real_ms, char to[RFC3339_SIZE]) {
  format_seconds(whole(real_ms, 1000), to);
  size_t n = strlen(to);
  (void)snprintf(to + n, RFC3339_SIZE - n, "Z");
}

void format_rfc3339_micro(int64_t real_us, char to[RFC3339_SIZE]) {
  format_seconds(whole(real_us, 1000000), to);
  size_t n = strlen(to);
  (void)snprintf(to + n, RFC3339_SIZE - n, ".%06dZ", (int)(real_us - whole(real_us, 1000000) * 1000000));
}

/* Reads exactly N digits. */
static int digits(const char **p, size_t n, int64_t min, int64_t max, int *ret) {
  int value = 0;
  for (size_t i = 0; i < n; i++, (*p)++) {
    if (**p < '0' || **p > '9') return -1;
    value = value * 10 + (**p - '0');
  }
  if (value < min || value > max) return -1;
  *ret = value;
  return 0;
}

static int literal(const char **p, char upper, char lower) {
  if (**p != upper && **p != lower) return -1;
  (*p)++;
  return 0;
}

static int fraction_ms(const char **p) {
  int ms = 0, scale = 100;
  if (**p != '.') return 0;
  for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, scale /= 10) ms += (**p - '0') * scale;
  return (*p)[-1] == '.' ? -1 : ms;
}

static int offset_minutes(const char **p, int *ret) {
  if (**p == 'Z' || **p == 'z') return (*p)++, *ret = 0, 0;
  int sign = **p == '+' ? 1 : **p == '-' ? -1 : 0, hours, minutes;
  if (!sign) return -1;
  (*p)++;
  if (digits(p, 2, 0, 23, &hours) || literal(p, ':', ':') || digits(p, 2, 0, 59, &minutes)) return -1;
  *ret = sign * (hours * 60 + minutes);
  return 0;
}

static int days_in(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

int parse_rfc3339(const char *text, int64_t *ret_real_ms) {
  if (!text) return -1;
  const char *p = text;
  struct tm tm = {0};
  int offset, ms;
  if (digits(&p, 4, 1, 9999, &tm.tm_year) || literal(&p, '-', '-') || digits(&p, 2, 1, 12, &tm.tm_mon) || literal(&p, '-', '-') ||
      digits(&p, 2, 1, 31, &tm.tm_mday) || literal(&p, 'T', 't') || digits(&p, 2, 0, 23, &tm.tm_hour) || literal(&p, ':', ':') ||
      digits(&p, 2, 0, 59, &tm.tm_min) || literal(&p, ':', ':') || digits(&p, 2, 0, 60, &tm.tm_sec))
    return -1;
  if ((ms = fraction_ms(&p)) < 0 || offset_minutes(&p, &offset) || *p) return -1;
  if (tm.tm_mday > days_in(tm.tm_year, tm.tm_mon)) return -1;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  int64_t seconds = timegm(&tm);
  *ret_real_ms = (seconds - (int64_t)offset * 60) * 1000 + ms;
  return 0;
}
