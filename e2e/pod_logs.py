"""Keeps what pods say beyond their end: each log file of the node gets a second name, which stays when the first is removed."""
import glob
import os
import pathlib
import re
import threading

# the last one: it could not look for leaks
REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|: runtime error: |LeakSanitizer has encountered a fatal error")


class PodLogs:
    def __init__(self, state):
        self.from_, self.to = pathlib.Path(state) / "pods-log", pathlib.Path(state) / "pods-log-kept"
        self.to.mkdir(exist_ok=True)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while not self.ended.wait(0.5):
            self.keep()

    def keep(self):
        # POD/CONTAINER/RESTART.log; unlike pathlib's, this glob passes over a folder that goes while it looks
        for log in glob.glob("*/*/*.log", root_dir=self.from_):
            try:
                os.link(self.from_ / log, self.to / log.replace("/", "_"))
            except (FileExistsError, FileNotFoundError):
                pass

    def stop(self):
        self.ended.set()
        self.thread.join()
        self.keep()

    def reports(self):
        """The log files in which a sanitizer speaks."""
        self.keep()
        return [log for log in self.to.iterdir() if REPORT.search(log.read_text(errors="replace"))]

    def tail(self, pattern, lines=40):
        self.keep()
        for log in sorted(self.to.glob(pattern), key=lambda log: log.stat().st_mtime):
            yield f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
