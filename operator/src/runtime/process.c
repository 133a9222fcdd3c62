/* The process_ metrics, from /proc/self (proc(5)) and getrlimit(2). */
#include "runtime/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The fields of /proc/self/stat that are read, behind the command's closing parenthesis (the command may hold any byte). */
struct stat_fields {
  uint64_t user_ticks, system_ticks, start_ticks, virtual_bytes;
  int64_t resident_pages;
};

static int read_stat(struct stat_fields *ret) {
  char text[1024];
  FILE *file = fopen("/proc/self/stat", "re");
  if (!file) return -1;
  size_t n = fread(text, 1, sizeof text - 1, file);
  (void)fclose(file);
  text[n] = 0;
  const char *behind = strrchr(text, ')');
  if (!behind) return -1;
  int read = sscanf(behind + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %*d %*d %" SCNu64 " %" SCNu64
                    " %" SCNd64,
                    &ret->user_ticks, &ret->system_ticks, &ret->start_ticks, &ret->virtual_bytes, &ret->resident_pages);
  return read == 5 ? 0 : -1;
}

/* Seconds since 1970; 0: unknown. From the kernel and not from two clocks: what names a process' life must not waver. */
static uint64_t boot_time_s(void) {
  char line[256];
  uint64_t time_s = 0;
  FILE *file = fopen("/proc/stat", "re");
  while (file && !time_s && fgets(line, sizeof line, file)) (void)sscanf(line, "btime %" SCNu64, &time_s);
  if (file) (void)fclose(file);
  return time_s;
}

static int count_fds(void) {
  DIR *folder = opendir("/proc/self/fd");
  if (!folder) return -1;
  int n = -1; /* the folder's own */
  for (struct dirent *entry; (entry = readdir(folder));) n += entry->d_name[0] != '.';
  (void)closedir(folder);
  return n;
}

void metrics_read_process(struct metrics *metrics) {
  struct stat_fields stat;
  if (read_stat(&stat) == 0) {
    double ticks = (double)sysconf(_SC_CLK_TCK);
    metrics_set(metrics, METRIC_PROCESS_CPU_SECONDS, (double)(stat.user_ticks + stat.system_ticks) / ticks);
    metrics_set(metrics, METRIC_PROCESS_VIRTUAL_BYTES, (double)stat.virtual_bytes);
    metrics_set(metrics, METRIC_PROCESS_RESIDENT_BYTES, (double)stat.resident_pages * (double)sysconf(_SC_PAGESIZE));
    metrics_set(metrics, METRIC_PROCESS_START_SECONDS, (double)boot_time_s() + (double)stat.start_ticks / ticks);
  }
  int fds = count_fds();
  if (fds >= 0) metrics_set(metrics, METRIC_PROCESS_OPEN_FDS, fds);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) metrics_set(metrics, METRIC_PROCESS_MAX_FDS, (double)limit.rlim_cur);
}
