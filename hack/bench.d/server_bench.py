"""The server's figures beside a PostgreSQL, a Redis, and the same read path as a Node team would write it (peers/fastify);
and beside a loop that does nothing but answer (peers/plain_loop).

Called by hack/bench server, inside hack/with-services; it sets SERVER_BINARY, PLAIN_LOOP and PEER_DIR. The server under test is alone on core 0; the load,
PostgreSQL and Redis are on core 1.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from figures import Figures, progress
from load import Load
from neighbours import Postgres, Redis
from processes import busy_share, children, core_times, cpu_ms, free_port, memory_mb, wait_until

SERVER_CORE, OTHER_CORE = 0, 1
CONNECTIONS, BUSY_CONNECTIONS, ROUNDS, WARM_UP, TOKENS = 32, 1000, 3, 5000, 10000
PROFILE, ISSUER_SECRET = "9f1c7c1e-7d1a-4a6e-9a44-3c3f5c0f7c10", "issuer-secret-of-the-bench-0123456789"
LISTENERS_FIRST, LISTENERS = 100, 900  # the first ones pay for what all share
UNLIMITED = "1000000000"
AWAY_S = 5  # of a neighbour: by then the pauses between tries are as long as they get
# The same answer from the same rows.
PEER_SQL = ("SELECT b.coins::float8 AS coins, b.debt::float8 AS debt, CASE WHEN s.plan IS NULL THEN NULL ELSE json_build_object('plan', s.plan) END "
            "AS subscription FROM ent_balance b LEFT JOIN ent_subscription s ON s.profile = b.profile WHERE b.profile = $1")


def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


class Program:
    """A server under test on its core: started, ready, measured, ended."""

    def __init__(self, name, command, environment, ready_path, log):
        self.name, self.port, self.metrics_port = name, int(environment["PORT"]), environment.get("METRICS_PORT")
        began = time.monotonic()
        with open(log, "ab") as out:
            self.process = subprocess.Popen(pinned(SERVER_CORE, *command), env={**os.environ, **environment}, stdout=out, stderr=out)
        wait_until(f"{name} is ready (its log: {log})", lambda: self.answers(ready_path), timeout_s=20, poll_s=0.003)
        self.ready_ms = (time.monotonic() - began) * 1000

    def answers(self, path):
        assert self.process.poll() is None, f"{self.name} has ended"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get(path)[0] == 200

    def get(self, path, port=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()

    def good(self, path, **headers):
        """Whether it is answered 2xx."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get(path, **headers)[0] < 300
        return False

    def depends_on(self, name):
        """Whether it says that this neighbour is there."""
        return json.loads(self.get("/healthz?verbose", port=self.metrics_port)[1])["dependencies"][name]["ok"]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def processes(self):
        return [self.process.pid, *children(self.process.pid)]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    def __init__(self, seconds, folder):
        self.folder, self.keys = folder, folder / "keys"
        self.figures = Figures("hack/bench server")
        self.load, self.seconds, self.wrong = Load(OTHER_CORE), seconds, 0
        self.path = f"/api/entitlements/{PROFILE}"
        self.environment = {"ENVIRONMENT": "production", "LOG_LEVEL": "warn", "JWKS_DIR": str(self.keys), "ISSUER_ADMIN_SECRET": ISSUER_SECRET,
                            "RATE_LIMIT_READ_MAX": UNLIMITED, "RATE_LIMIT_WRITE_MAX": UNLIMITED, "RATE_LIMIT_ISSUER_MAX": UNLIMITED,
                            "SHUTDOWN_DRAIN_SECONDS": "0", "WORKERS": "1", "DB_POOL": "4", "TRUSTED_PROXIES": "127.0.0.1/32"}

    def tool(self, *arguments, **settings):
        done = subprocess.run([os.environ["SERVER_BINARY"], *arguments], env={**os.environ, **self.environment, **settings}, capture_output=True,
                              text=True)
        assert done.returncode == 0, f"supernova-server {arguments[0]}: {done.stderr}"
        return done.stdout.strip()

    def prepare(self):
        for neighbour in ("PG_PID", "REDIS_PID"):
            subprocess.run(["taskset", "-a", "-p", "-c", str(OTHER_CORE), os.environ[neighbour]], check=True, capture_output=True)
        self.tool("gen-jwks", "--output", str(self.keys))
        self.tool("migrate")
        self.token = self.tool("mint-jwt", "--sub", PROFILE, "--ttl", "3600")
        self.headers = {"Authorization": f"Bearer {self.token}"}
        with self.server() as server:
            self.grant(server)

    def grant(self, server):
        body = json.dumps({"profileId": PROFILE, "grant": {"type": "coins", "amount": 500}, "externalRef": "bench"})
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        admin = self.tool("mint-jwt", "--sub", "bench", "--roles", "admin")
        connection.request("POST", "/api/entitlements/grant", body, {"Content-Type": "application/json", "Authorization": f"Bearer {admin}"})
        response = connection.getresponse()
        assert response.status == 200, response.read()

    @contextlib.contextmanager
    def server(self, **settings):
        environment = {**self.environment, "PORT": str(free_port()), "METRICS_PORT": str(free_port()), **settings}
        with self.program("supernova-server", [os.environ["SERVER_BINARY"], "serve"], environment, "/readyz") as program:
            yield program

    @contextlib.contextmanager
    def peer(self):
        environment = {"PORT": str(free_port()), "JWKS_FILE": str(self.keys / "jwks.json"), "AUTH_ISSUER": "https://collab.supernova.auth",
                       "AUTH_AUDIENCE": "supernova-api", "RATE_LIMIT_READ_MAX": UNLIMITED, "PEER_SQL": PEER_SQL, "NODE_ENV": "production"}
        with self.program("the peer", ["node", f"{os.environ['PEER_DIR']}/server.js"], environment, "/healthz") as program:
            yield program

    @contextlib.contextmanager
    def program(self, name, command, environment, ready_path):
        program = Program(name, command, environment, ready_path, self.folder / f"{name.split()[-1]}.log")
        try:
            yield program
        finally:
            program.end()

    @contextlib.contextmanager
    def plain_loop(self):
        with self.program("the plain loop", [os.environ["PLAIN_LOOP"]], {"PORT": str(free_port())}, "/") as program:
            yield program

    # --- figures

    def read(self, program, connections=CONNECTIONS, rate=None, path=None):
        """(result, processor time a request in us, busy share of the other core) of PATH; of the entitlement read without one."""
        path, headers = path or self.path, {} if path else self.headers
        status, body = program.get(path, **headers)
        assert status == 200, body
        warm = self.load.run(program.url(path), WARM_UP, connections, headers)
        before_ms, before = cpu_ms(*program.processes), core_times()
        result = self.load.run(program.url(path), int((rate or warm.rate) * self.seconds), connections, headers, rate)
        cpu_us, share = (cpu_ms(*program.processes) - before_ms) * 1000 / max(1, result.answers), busy_share(OTHER_CORE, before, core_times())
        self.wrong += warm.wrong + result.wrong + (result.body_bytes != result.answers * len(body))
        return result, cpu_us, share

    def same_answers(self):
        answers = []
        for start in (self.server, self.peer):
            with start() as program:
                answers.append(json.loads(program.get(self.path, **self.headers)[1]))
        self.figures.add("entitlement read: answers that differ from the peer's", int(answers[0] != answers[1]), "", at_most=0)

    def both(self, label, rate=None):
        """Rounds in turns, so that what else the machine does falls on both; the median of each."""
        found = {"server": [], "peer": []}
        for number in range(ROUNDS):
            for name, start in (("server", self.server), ("peer", self.peer)):
                progress(f"{label}: {name}, round {number + 1} of {ROUNDS}")
                with start() as program:
                    result, cpu_us, share = self.read(program, rate=rate)
                found[name].append((result.rate, cpu_us, result.p99_ms, share))
        return [[statistics.median(column) for column in zip(*found[name])] for name in ("server", "peer")]

    def against_the_peer(self):
        (rate, cpu_us, _, share), (peer_rate, peer_cpu_us, _, peer_share) = self.both("full load")
        self.figures.note(f"full load, {CONNECTIONS} connections: requests a second", rate, "/s")
        self.figures.note("  the same of the peer", peer_rate, "/s")
        self.figures.note("  load of the other core", share * 100, "%")
        self.figures.note("  the same beside the peer", peer_share * 100, "%")
        if share < 0.95:
            self.figures.add("  requests a second, of the peer's", rate / peer_rate, "times", at_least=3)
        else:
            self.figures.note("  requests a second, of the peer's (the other core is full)", rate / peer_rate, "times")
        self.cost("full load", cpu_us, peer_cpu_us)
        equal = int(peer_rate / 2)
        (_, cpu_us, p99_ms, _), (_, peer_cpu_us, peer_p99_ms, _) = self.both(f"{equal} a second", equal)
        self.figures.note(f"equal load, {equal:,} a second: p99", p99_ms, "ms")
        self.figures.note("  the same of the peer", peer_p99_ms, "ms")
        self.figures.add("  p99, of the peer's", p99_ms / peer_p99_ms, "", at_most=0.5)
        self.cost("equal load", cpu_us, peer_cpu_us)

    def cost(self, label, cpu_us, peer_cpu_us):
        self.figures.add(f"{label}: processor time a request", cpu_us, "us", at_most=40)
        self.figures.note("  the same of the peer", peer_cpu_us, "us")
        self.figures.add("  processor time, of the peer's", cpu_us / peer_cpu_us, "", at_most=0.34)

    def against_the_plain_loop(self):
        """What the guard, the router, headers, counters and the log cost where there is nothing else to do; in turns again."""
        questions = {"/healthz": [], "/auth/.well-known/jwks.json": []}
        plain = []
        for number in range(ROUNDS):
            progress(f"against the plain loop, round {number + 1} of {ROUNDS}")
            with self.plain_loop() as program:
                plain.append(self.read(program, path="/")[1])
            for path, costs in questions.items():
                with self.server() as program:
                    costs.append(self.read(program, path=path)[1])
        self.figures.note("a plain loop that reads nothing: processor time a request", statistics.median(plain), "us")
        for path, costs in questions.items():
            self.figures.note(f"GET {path}: processor time a request", statistics.median(costs), "us")
            self.figures.add("  of the plain loop's", statistics.median(costs) / statistics.median(plain), "", at_most=1.2)

    def two_workers(self):
        costs = {1: [], 2: []}
        for workers in (1, 2) * ROUNDS:
            progress(f"{workers} workers on one core")
            with self.server(WORKERS=str(workers)) as program:
                costs[workers].append(self.read(program)[1])
        self.figures.add("processor time a request, 2 workers, of 1 worker's", statistics.median(costs[2]) / statistics.median(costs[1]), "",
                         at_most=1.1)

    def many_connections(self):
        progress(f"{BUSY_CONNECTIONS} busy connections")
        with self.server() as program:
            self.read(program, connections=BUSY_CONNECTIONS)
            worker, = children(program.process.pid)
            memory = memory_mb(worker)
        self.figures.add(f"a worker after {BUSY_CONNECTIONS:,} busy connections: resident memory", memory["Rss"], "MB", at_most=24)
        self.figures.note("  anonymous memory", memory["Anonymous"], "MB")

    def listeners(self):
        """Each has been told what its profile owns, and waits."""
        progress(f"{LISTENERS} clients that listen")
        request = f"GET /api/live HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()
        with self.server(MAX_CONNECTIONS="4000") as program, contextlib.ExitStack() as sockets:
            worker, = children(program.process.pid)
            before = None
            for number in range(LISTENERS + LISTENERS_FIRST):
                if number == LISTENERS_FIRST:
                    before = memory_mb(worker)["Rss"]
                listener = sockets.enter_context(socket.create_connection(("127.0.0.1", program.port), timeout=10))
                listener.sendall(request)
                said = b""
                while b"event: entitlements" not in said:
                    portion = listener.recv(65536)
                    assert portion, "a listener was cut"
                    said += portion
            grown = memory_mb(worker)["Rss"] - before
        self.figures.add("a client that listens (server-sent events) and hears nothing: resident memory", grown / LISTENERS * 1000, "kB", at_most=10)

    def start(self):
        """The best of nine, since a neighbour on the machine can only make it slower."""
        times, costs = [], []
        for _ in range(9):
            with self.server() as program:
                times.append(program.ready_ms)
                costs.append(cpu_ms(*program.processes))
        self.figures.add("from exec to ready (best of 9)", min(times), "ms", at_most=100)
        self.figures.note("  processor time until then", min(costs), "ms")

    def tokens(self):
        """Per second of processor on both sides, so that neither is charged for what else the core does."""
        progress("/auth/token")
        body, headers = json.dumps({"sub": PROFILE, "ttl": 600}), {"x-issuer-secret": ISSUER_SECRET, "content-type": "application/json"}
        with self.server() as program:
            before_ms = cpu_ms(*program.processes)
            result = self.load.run(program.url("/auth/token"), TOKENS, CONNECTIONS, headers, body=body)
            rate = result.answers / ((cpu_ms(*program.processes) - before_ms) / 1000)
        self.wrong += result.wrong
        speed = subprocess.run(pinned(SERVER_CORE, "openssl", "speed", "-seconds", "5", "rsa2048"), capture_output=True, text=True, check=True)
        signs = float(re.search(r"rsa 2048 bits \S+ \S+ +([\d.]+)", speed.stdout)[1])
        self.figures.note("/auth/token: tokens a second of processor", rate, "/s")
        self.figures.note("  openssl speed rsa2048: signs", signs, "/s")
        self.figures.add("  tokens, of openssl's signs", rate / signs * 100, "%", at_least=90)

    def back(self):
        """From a neighbour's return, when it accepts connections, until the server uses it; the worst of the rounds."""
        postgres, redis = Postgres(), Redis()
        env = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "APP_JWT_SECRET": ISSUER_SECRET, "DB_POOL": "4", "WORKERS": "1"}
        self.tool("migrate", **env)
        try:
            with self.server(**env) as program:
                read = lambda: program.good(self.path, **self.headers)
                # without Redis it limits in its own memory, and answers all the same
                limits = lambda: read() and program.depends_on("redis")
                for what, neighbour, leave, come, away_s, good in (
                    ("PostgreSQL was restarted", postgres, postgres.stop, postgres.start, 0, read),
                    ("PostgreSQL was killed", postgres, postgres.kill, postgres.start, AWAY_S, read),
                    ("PostgreSQL stood still", postgres, lambda: postgres.signal(signal.SIGSTOP), lambda: postgres.signal(signal.SIGCONT), AWAY_S, read),
                    ("Redis was restarted", redis, redis.stop, redis.start, 0, limits),
                    ("Redis was killed", redis, redis.kill, redis.start, AWAY_S, limits),
                    ("Redis stood still", redis, lambda: redis.signal(signal.SIGSTOP), lambda: redis.signal(signal.SIGCONT), AWAY_S, limits),
                ):
                    progress(what)
                    worst_s = max(self.back_s(leave, come, away_s, good) for _ in range(ROUNDS))
                    self.figures.add(f"served again after {what}, {away_s or 'hardly any'} s (worst of {ROUNDS})", worst_s, "s", at_most=2)
        finally:
            for neighbour in (postgres, redis):
                neighbour.close()

    @staticmethod
    def back_s(leave, come, away_s, good):
        wait_until("the neighbour is used", good)
        time.sleep(1.5)  # so long a connection has to last for its next failure to be the first again
        leave()
        end = time.monotonic() + away_s
        refused = not away_s
        while time.monotonic() < end:  # somebody asks all the time
            refused |= not good()
            time.sleep(0.05)
        assert refused, "nobody noticed that it was away"
        come()
        began = time.monotonic()
        wait_until("the neighbour is used again", good, poll_s=0.005)
        return time.monotonic() - began

    def run(self):
        self.prepare()
        self.same_answers()
        self.against_the_peer()
        self.against_the_plain_loop()
        self.two_workers()
        self.many_connections()
        self.listeners()
        self.tokens()
        self.start()
        self.back()
        self.figures.add("answers that were not 2xx, cut or of another length, in all", self.wrong, "", at_most=0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(options.seconds, pathlib.Path(folder))
        bench.run()
        return bench.figures.close()


if __name__ == "__main__":
    sys.exit(main())
