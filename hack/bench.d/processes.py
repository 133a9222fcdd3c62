"""What Linux tells of processes: memory, processor time, children; and waiting for conditions."""

import pathlib
import socket
import time


def memory_mb(pid):
    """{"Rss": …, "Anonymous": …, "Pss": …} in 1,000,000 bytes (proc(5), smaps_rollup)."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, kib = line.split()[:2]
        found[name.rstrip(":")] = int(kib) * 1024 / 1e6
    return found


def cpu_ms(*pids):
    """Time on a processor of all threads, to the nanosecond (schedstat; stat counts in hundredths of a second)."""
    total_ns = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e6


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def busy_share(core, before, after):
    """How much of a core's time between two readings of core_times was not idle."""
    (total, idle), (total_then, idle_then) = after[core], before[core]
    return 1 - (idle - idle_then) / max(1, total - total_then)


def core_times():
    """core -> (ticks in all, ticks idle), of /proc/stat."""
    times = {}
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith("cpu") and line[3].isdigit():
            ticks = [int(word) for word in line.split()[1:9]]
            times[int(line.split()[0][3:])] = (sum(ticks), ticks[3] + ticks[4])
    return times


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition, timeout_s=60, poll_s=0.02):
    """The first true value of CONDITION."""
    end = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited {timeout_s} s until {what}")
        time.sleep(poll_s)
