"""Redis dies, stands still, forgets: clients notice nothing but the bounds of the limits."""

import concurrent.futures
import contextlib
import secrets
import signal
import subprocess
import threading
import time

import pytest
from conftest import free_port, until


class Redis:
    def __init__(self):
        self.port, self.process = free_port(), None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.cli("PING") == "PONG", what="Redis")

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=60).stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis():
    redis = Redis()
    yield redis
    redis.process.send_signal(signal.SIGCONT)
    redis.kill()


class Readers:
    """Reads without a pause, from several clients, until they are told to end."""

    def __init__(self, server, clients=6):
        self.server, self.over, self.statuses, self.slowest = server, threading.Event(), [], 0.0
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.futures = [self.pool.submit(self.read) for _ in range(clients)]

    def read(self):
        sub = "r-" + secrets.token_hex(6)
        token = self.server.mint(sub)
        while not self.over.is_set():
            begun = time.monotonic()
            self.statuses.append(self.server.get(f"/api/entitlements/{sub}", token=token).status)
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def more(self, count):
        wanted = len(self.statuses) + count
        until(lambda: len(self.statuses) >= wanted, what="reads")

    def end(self):
        self.over.set()
        for future in self.futures:
            future.result(60)
        self.pool.shutdown()


@contextlib.contextmanager
def reading(server):
    readers = Readers(server)
    try:
        yield readers
    finally:
        readers.end()
    assert set(readers.statuses) == {200}, set(readers.statuses)


def is_away(server):
    return not server.inner("/healthz?verbose").json["dependencies"]["redis"]["ok"]


def is_back(server):
    """All workers count in Redis again."""
    return server.inner("/healthz?verbose").json["status"] == "ok" and server.metric('supernova_dependency_up{name="redis"}') == 1


def counts(server):
    return server.metric("supernova_limiter_hits_total"), server.metric("supernova_limiter_misses_total")


def through(server, fault, mend):
    """Reads before, in and after a fault; the answers of Redis and of the fallback are counted as what they are."""
    with reading(server) as readers:
        readers.more(100)
        fault()
        readers.more(100)
        until(lambda: counts(server)[1] > 0, what="the fallback")
        assert server.get("/readyz").status == 200 and server.get("/livez").status == 200
        mend()
        until(lambda: is_back(server), what="Redis to be back")
        hits = counts(server)[0]
        readers.more(100)
        until(lambda: counts(server)[0] > hits, what="hits again")
    return readers.slowest


def test_killed_and_started_again(start, redis):
    server = start(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0", WORKERS="1")
    through(server, redis.kill, redis.start)


def test_it_stands_still(start, redis):
    server = start(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0", WORKERS="1")
    slowest = through(server, lambda: redis.process.send_signal(signal.SIGSTOP), lambda: redis.process.send_signal(signal.SIGCONT))
    assert slowest < 10, "a request waits for Redis for 250 ms, once"


def test_a_limit_is_a_limit_while_it_is_away(start, redis):
    server = start(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0", RATE_LIMIT_READ_MAX="10")
    token = server.mint("u")
    redis.kill()
    until(lambda: is_away(server), what="the truth in the body")
    statuses = [server.get("/api/entitlements/u", token=token).status for _ in range(30)]
    assert statuses == [200] * 10 + [429] * 20
    answer = server.get("/api/entitlements/u", token=token)
    assert int(answer.headers["Retry-After"]) >= 1


def test_it_forgets_everything(start, redis):
    """FLUSHALL and SCRIPT FLUSH in mid-flight: the script is sent again, and nobody meets an error."""
    server = start(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0", WORKERS="1")
    with reading(server) as readers:
        for _ in range(10):
            readers.more(20)
            assert redis.cli("SCRIPT", "FLUSH") == "OK" and redis.cli("FLUSHALL") == "OK"
        readers.more(20)
    assert not is_away(server)


def test_it_refuses_writes(start, redis):
    """Out of memory: the fallback limits, and the client meets no error."""
    server = start(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0", WORKERS="1")
    with reading(server) as readers:
        readers.more(50)
        redis.cli("CONFIG", "SET", "maxmemory", "1")
        readers.more(50)
        until(lambda: counts(server)[1] > 0, what="the fallback")
        redis.cli("CONFIG", "SET", "maxmemory", "0")
        readers.more(50)
