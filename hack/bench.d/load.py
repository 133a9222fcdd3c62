"""Load by h2load over HTTP/1.1 from one core: so many requests, every answer counted.

    load = Load(core=1)
    result = load.run("http://127.0.0.1:3001/x", 50000, connections=32, headers={"Authorization": "…"})
    result.answers, result.wrong, result.body_bytes, result.rate, result.p99_ms
"""

import collections
import pathlib
import re
import subprocess
import tempfile

from figures import percentile

# answers: 2xx. wrong: others, refused, cut and never answered.
Result = collections.namedtuple("Result", "answers wrong body_bytes rate p99_ms")


class Load:
    def __init__(self, core):
        self.core = core

    def run(self, url, requests, connections, headers, rate=None, body=None):
        """RATE: requests a second in all, spread over the connections; None: each connection asks again once it is answered."""
        with tempfile.TemporaryDirectory(prefix="bench-load-") as folder:
            log = pathlib.Path(folder) / "log"
            command = ["taskset", "-c", str(self.core), "h2load", "--h1", f"--requests={requests}", f"--clients={connections}", f"--log-file={log}"]
            command += [f"--header={name}: {value}" for name, value in headers.items()]
            if rate:
                command.append(f"--rps={rate / connections:.3f}")
            if body is not None:
                (pathlib.Path(folder) / "body").write_text(body)
                command.append(f"--data={folder}/body")
            done = subprocess.run([*command, url], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"bench: h2load ended with status {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
            return self._read(done.stdout, log.read_text(), requests)

    @staticmethod
    def _read(report, log, requests):
        rows = [line.split("\t") for line in log.splitlines()]
        good = sum(row[1].startswith("2") for row in rows)
        body_bytes = int(re.search(r"\((\d+)\) data", report)[1])
        rate = float(re.search(r"finished in \S+, ([\d.]+) req/s", report)[1])
        return Result(good, requests - good, body_bytes, rate, percentile([int(row[2]) / 1000 for row in rows] or [0], 99))
