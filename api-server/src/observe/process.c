#include "observe/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct usage {
  int64_t cpu_us, memory, fds;
};

/* Fields 14 to 17 are the times of the process and of the children that it has waited for, 24 the resident pages; the name in field 2 may hold
 * anything but ends with the last parenthesis. */
static void add_stat(pid_t pid, bool with_children, struct usage *usage) {
  char path[64], line[1024];
  long user, system, child_user, child_system, pages;
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "re");
  if (!file) return;
  const char *rest = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
  (void)fclose(file);
  if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld %*d %*d %*d %*d %*u %*u %ld", &user, &system,
                      &child_user, &child_system, &pages) != 5)
    return;
  long ticks = user + system + (with_children ? child_user + child_system : 0);
  usage->cpu_us += (int64_t)ticks * 1000000 / sysconf(_SC_CLK_TCK);
  usage->memory += (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void add_fds(pid_t pid, struct usage *usage) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *directory = opendir(path);
  if (!directory) return;
  while (readdir(directory)) usage->fds++;
  usage->fds -= 2;
  (void)closedir(directory);
}

/* The worker that measured last holds the values of all; the others' must not be added to them. */
static void set(struct metrics *metrics, enum metric metric, int64_t value) {
  struct series *own = metrics_series(metrics, metric, "");
  series_add(own, value - metrics_total(metrics, metric, ""));
}

void process_measure(struct metrics *metrics) {
  struct usage usage = {0};
  for (unsigned region = 0; metrics_process(metrics, region) >= 0; region++) {
    pid_t pid = metrics_process(metrics, region);
    if (!pid) continue;
    add_stat(pid, region == 0, &usage);
    add_fds(pid, &usage);
  }
  set(metrics, METRIC_PROCESS_CPU, usage.cpu_us);
  set(metrics, METRIC_PROCESS_MEMORY, usage.memory);
  set(metrics, METRIC_PROCESS_FDS, usage.fds);
}
