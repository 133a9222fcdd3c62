"""Users that go on asking while something happens: wrk, every answer counted.

    with Load(stack.url("/api/entitlements/p1"), token) as load:
        ...
    load.requests, load.errors      the latter is empty when each was answered with less than 400
"""
import json
import pathlib
import signal
import subprocess

CONNECTIONS, DELAY_MS = 4, 20
BOUND_S = 600  # it ends by itself, whatever becomes of us
SCRIPT = pathlib.Path(__file__).with_name("load.lua")


class Load:
    def __init__(self, url, headers=None):
        words = [word for name, value in (headers or {}).items() for word in ("-H", f"{name}: {value}")]
        self.command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{BOUND_S}s", "-s", str(SCRIPT), *words, url, "--", str(DELAY_MS)]
        self.requests, self.errors = 0, {}

    def __enter__(self):
        self.wrk = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *_):
        self.wrk.send_signal(signal.SIGINT)
        said = self.wrk.communicate(timeout=60)[0]
        assert "{" in said, said  # it never began
        counts = json.loads(said.strip().splitlines()[-1])
        self.requests = counts.pop("requests")
        self.errors = {what: n for what, n in counts.items() if n}
