"""Users that go on asking while something happens: wrk, every answer counted. Some keep their connection, and with it their pod; others come anew for
each question, and so to every pod there is.

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
    def __init__(self, url, headers):
        self.url, self.headers = url, headers
        self.requests, self.errors = 0, {}

    def start(self, connection):
        headers = [word for name, value in {**self.headers, "connection": connection}.items() for word in ("-H", f"{name}: {value}")]
        return subprocess.Popen(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{BOUND_S}s", "-s", str(SCRIPT), *headers, self.url, "--", str(DELAY_MS)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        self.running = {connection: self.start(connection) for connection in ("keep-alive", "close")}
        return self

    def __exit__(self, *_):
        for connection, wrk in self.running.items():
            wrk.send_signal(signal.SIGINT)
            said = wrk.communicate(timeout=60)[0]
            assert "{" in said, said  # it never began
            counts = json.loads(said.strip().splitlines()[-1])
            self.requests += counts.pop("requests")
            self.errors.update({f"{connection}: {what}": n for what, n in counts.items() if n})
