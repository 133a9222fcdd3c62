#include "serve/cpu_limit.h"

#include "settings/file.h"

#include <sched.h>
#include <stdio.h>

unsigned cpu_limit_parse(const char *text) {
  long long quota, period;
  if (sscanf(text, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0) return 0;
  return quota < period ? 1 : (unsigned)(quota / period);
}

static unsigned limit_of_cgroup(void) {
  _cleanup_buffer_ struct buffer text;
  buffer_init(&text, 256);
  if (file_read("/sys/fs/cgroup/cpu.max", &text, NULL) == 0) return cpu_limit_parse(buffer_text(&text));
  if (file_read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &text, NULL) < 0) return 0;
  if (file_read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &text, NULL) < 0) return 0;
  return cpu_limit_parse(buffer_text(&text));
}

unsigned cpu_limit_workers(void) {
  cpu_set_t cpus;
  unsigned count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1, limit = limit_of_cgroup();
  if (limit && limit < count) count = limit;
  return count > WORKERS_USUAL_MAX ? WORKERS_USUAL_MAX : count ? count : 1;
}
