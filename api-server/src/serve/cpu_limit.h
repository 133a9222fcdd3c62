/* How many workers the CPU allows: the quota of the cgroup (v2: cpu.max, v1: cpu.cfs_quota_us), else the processors that we may run on. */
#pragma once

enum { WORKERS_USUAL_MAX = 4 };

/* 1 to WORKERS_USUAL_MAX. */
unsigned cpu_limit_workers(void);

/* The cores that a cgroup's quota stands for, rounded down but at least 1; 0 where the text sets no limit. "200000 100000" is 2. */
unsigned cpu_limit_parse(const char *quota_and_period);
