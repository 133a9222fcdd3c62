"""The real server beside a real PostgreSQL and Redis: what the black-box tests share.

SUPERNOVA_SERVER names the binary (else build/asan's). Where DATABASE_URL or REDIS_URL is missing, hack/with-services starts both.

Files may run beside each other (pytest-xdist, --dist loadfile): each of its workers has services, a database and ports of its own. The machine
may be busy: what is waited for is waited for long, and what a server says of a request (log, metrics) comes a moment behind the answer.
"""

import base64
import concurrent.futures
import contextlib
import fcntl
import http.client
import itertools
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from support_sql import Connection, ask

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SUPERNOVA_SERVER", str(ROOT / "build/asan/api-server/supernova-server"))
ISSUER_SECRET = "issuer-secret-of-the-tests-0123456789"
PREVIOUS_SECRET = "issuer-secret-before-the-tests-98765"
REPORTS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")


# Who waits longest begins first, so that nobody is left waiting for one file at the end.
LONGEST = ("test_crash.py", "test_google.py", "test_google_apart.py", "test_audit.py", "test_openapi.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_make_parametrize_id(val):
    """A line for a test, whatever it is given."""
    if isinstance(val, (str, bytes)) and len(val) > 60:
        return f"{val[:40]!r}… {len(val)} long"


def pytest_report_teststatus(report):
    """What a test remarks with record_property("remark", …) stands in its line."""
    remark = dict(report.user_properties).get("remark")
    if remark and report.when == "call" and report.passed:
        return "passed", ".", f"PASSED: {remark}"


def until(condition, seconds=60, what="the condition"):
    """The first truthy value of CONDITION; fails the test after SECONDS, which is no promise of the product's."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)


def insist(do):
    """A client as it should be: what is answered 503 is asked again."""
    return until(lambda: (answer := do()).status != 503 and answer, what="an answer")


def at_once(count, do):
    """[do(0), … do(count - 1)], each on a thread, all let go together."""
    gate = threading.Barrier(count)

    def one(i):
        gate.wait()
        return do(i)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def settled(server):
    """How often Redis was too slow to limit, when no worker publishes anything new any more."""
    def counts():
        return server.metric("supernova_limiter_hits_total"), server.metric("supernova_limiter_misses_total")

    before = None
    while (now := counts()) != before:
        before = now
        time.sleep(1)  # four times a publisher's period
    return now[1]


def exactly(server, play):
    """Plays what counts exactly where Redis answers in time, and once more where it didn't: a machine that is busy makes it slow, and then the
    worker's memory counts too."""
    for _ in range(5):
        missed, wrong = settled(server), None
        try:
            play()
        except Exception as e:
            wrong = e
        if settled(server) == missed:
            if wrong:
                raise wrong
            return
    raise AssertionError("Redis was too slow each time") from wrong


def own_ports():
    """Ports that no other process which asks here is given while this one lives, and that the kernel gives to nobody: it takes those from 32768 on."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"supernova-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for first in range(10000, 20000, 400):
        lock = open(folder / str(first), "w")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for port in itertools.cycle(range(first, first + 400)):
                yield port
        lock.close()
    raise AssertionError("25 other processes use ports for tests")


ports, ports_lock = own_ports(), threading.Lock()


def free_port():
    """A port for somebody who can't choose one himself: nobody listens there, and all others are given before it is given again."""
    with ports_lock:
        for port in ports:
            with contextlib.suppress(OSError), socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("", port))
                return port


def run(*arguments, env=None, stdin=None):
    return subprocess.run([BINARY, *arguments], env={**os.environ, **(env or {})}, input=stdin, capture_output=True, text=True, timeout=300)


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def wrong_fields(self):
        return {e["field"] for e in self.json.get("errors", [])}


class Proxy:
    """Stands between the server and a neighbour, so that the neighbour can go away and come back."""

    def __init__(self, host, port):
        self.target, self.away, self.held, self.pairs = (host, port), False, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.away:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                while self.held:
                    time.sleep(0.01)
                b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        self.away = True
        for pair in self.pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()

    def restore(self):
        self.away = False

    def close(self):
        self.cut()
        self.listener.close()


# A server ends with the thread that began it (prctl(2), PR_SET_PDEATHSIG), so however the tests end: this one lives as long as they do.
starter = concurrent.futures.ThreadPoolExecutor(1)


class Server:
    def __init__(self, directory, env, limits=None):
        self.port, self.metrics_port = free_port(), free_port()
        self.log_path = directory / f"server-{self.port}.log"
        self.env = {"PORT": str(self.port), "METRICS_PORT": str(self.metrics_port), "ISSUER_ADMIN_SECRET": ISSUER_SECRET, "WORKERS": "2",
                    "SHUTDOWN_DRAIN_SECONDS": "0", "SHUTDOWN_GRACE_SECONDS": "10", "ENVIRONMENT": "production", "LOG_LEVEL": "debug",
                    "RATE_LIMIT_READ_MAX": "1000000", "RATE_LIMIT_WRITE_MAX": "1000000", **env}
        self.log = open(self.log_path, "wb")
        command = ["setpriv", "--pdeathsig", "TERM", *(["prlimit", *limits] if limits else []), BINARY, "serve"]
        self.process = starter.submit(subprocess.Popen, command, env={**os.environ, **self.env}, stdout=self.log, stderr=subprocess.STDOUT).result()

    def logged(self):
        return self.log_path.read_text(errors="replace")

    def lines(self, **wanted):
        found = []
        for line in self.logged().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if all(entry.get(k) == v for k, v in wanted.items()):
                    found.append(entry)
        return found

    def said(self, count=1, seconds=60, **wanted):
        """The lines, as soon as there are COUNT: they are written at the end of a worker's turn, which may be behind the answer."""
        return until(lambda: len(found := self.lines(**wanted)) >= count and found, seconds, f"{count} lines with {wanted}")

    def request(self, method, path, body=None, headers=None, port=None, token=None):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body=body, **more)

    def inner(self, path):
        return self.get(path, port=self.metrics_port)

    def metric(self, series):
        for line in self.inner("/metrics").body.decode().splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def counted(self, series, value):
        """Waits until that is the metric: some are published four times a second, and none before the answer has left."""
        until(lambda: self.metric(series) == value, what=f"{series} {value}")

    def all_there(self):
        """Waits until each worker has reached the database and Redis: before that one limits in its own memory, and lets requests wait."""
        self.counted("supernova_workers", int(self.env["WORKERS"]))
        for name in ("database", "redis"):
            self.counted(f'supernova_dependency_up{{name="{name}"}}', 1)

    def mint(self, sub, roles=(), ttl=600, **extra):
        answer = self.post("/auth/token", {"sub": sub, "roles": list(roles), "ttl": ttl, **extra}, headers={"x-issuer-secret": ISSUER_SECRET})
        assert answer.status == 200, answer.body
        return answer.json["token"]

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def up(self, path="/livez"):
        try:
            return self.get(path).status == 200
        except OSError:
            assert self.process.poll() is None, self.logged()
            return False

    def workers(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def term(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, wait=60):
        self.term()
        try:
            status = self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.log.close()
        for word in REPORTS:
            assert word not in self.logged(), self.logged()[-8000:]
        return status


def stop(servers):
    """All of them at once, each with status 0."""
    for server in servers:
        server.term()
    for server in servers:
        assert server.stop() == 0, server.logged()[-4000:]


@pytest.fixture(scope="session")
def services():
    """DATABASE_URL, REDIS_URL and PG_BIN of real servers."""
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        yield {"PG_BIN": "/usr/lib/postgresql/15/bin", **os.environ}
        return
    holder = subprocess.Popen([str(ROOT / "hack/with-services"), "bash", "-c", "env -0; printf '\\0\\0'; exec cat"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    told = b""
    while not told.endswith(b"\0\0\0"):
        portion = os.read(holder.stdout.fileno(), 65536)
        assert portion, "hack/with-services ended"
        told += portion
    yield dict(entry.split("=", 1) for entry in told.decode().split("\0") if "=" in entry)
    holder.stdin.close()
    holder.wait(120)


class Database:
    """One of its own; an empty one, or a copy of another, the TEMPLATE."""

    def __init__(self, services, template=None):
        self.base, self.name = services["DATABASE_URL"], "t_" + secrets.token_hex(6)
        self.url = self.base.rsplit("/", 1)[0] + "/" + self.name
        self.lock, self.connection = threading.Lock(), None
        if template:
            template.hang_up()  # whom nobody uses can be copied
        ask(self.base, f"CREATE DATABASE {self.name} TEMPLATE {template.name if template else 'template0'}")

    def sql(self, text):
        """What psql -At would print, in a session that is kept."""
        with self.lock:
            if self.connection and not self.connection.is_alive():
                self.hang_up()
            self.connection = self.connection or Connection(self.url)
            return self.connection.sql(text)

    def hang_up(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def through(self, port):
        head, tail = self.url.split("@", 1)
        return f"{head}@127.0.0.1:{port}/{tail.split('/', 1)[1]}"

    def address(self):
        host, port = self.url.split("@", 1)[1].split("/", 1)[0].rsplit(":", 1)
        return host, int(port)

    def drop(self):
        self.hang_up()
        ask(self.base, f"DROP DATABASE {self.name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated(services):
    """migrated(): a database of one's own that was migrated."""
    template, copies = Database(services), []
    done = run("migrate", env={"DATABASE_URL": template.url, "TERMINATION_LOG": "/dev/null"})
    assert done.returncode == 0, done.stdout + done.stderr

    def migrated():
        copies.append(Database(services, template))
        return copies[-1]

    yield migrated
    for each in [*copies, template]:
        each.drop()


@pytest.fixture(scope="session")
def database(migrated):
    """A migrated database for all who don't disturb each other there."""
    return migrated()


@pytest.fixture(scope="session")
def some_keys(tmp_path_factory):
    """What gen-jwks writes. Not to be changed."""
    directory = tmp_path_factory.mktemp("keys") / "keys"
    done = run("gen-jwks", "--output", str(directory))
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def keys(tmp_path, some_keys):
    return shutil.copytree(some_keys, tmp_path / "keys")


@pytest.fixture
def start(tmp_path, database, services, keys):
    """start(NAME=value, …): a server of its own, alive and ready; stopped at the end with status 0 and without a sanitizer's report."""
    servers = []

    def start(ready=True, limits=None, **env):
        prefix = services["REDIS_URL"]
        server = Server(tmp_path, {"DATABASE_URL": database.url, "REDIS_URL": prefix, "JWKS_DIR": str(keys), **env}, limits)
        servers.append(server)
        until(lambda: server.up("/readyz" if ready else "/livez"), what="the server")
        return server

    yield start
    stop(servers)


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory, database, services, some_keys):
    """start_shared(NAME=value, …): a server for all tests of a file, which only ask. Its keys, .keys, are those of others too."""
    servers = []

    def start_shared(**env):
        server = Server(tmp_path_factory.mktemp("server"), {"DATABASE_URL": database.url, "REDIS_URL": services["REDIS_URL"], "JWKS_DIR": str(some_keys), **env})
        servers.append(server)
        server.keys = some_keys
        until(lambda: server.up("/readyz"), what="the server")
        return server

    yield start_shared
    stop(servers)


@pytest.fixture(scope="module")
def server(start_shared):
    """One server for all tests that only ask."""
    return start_shared(ISSUER_ADMIN_SECRET_PREVIOUS=PREVIOUS_SECRET, CORS_ALLOWED_ORIGINS="https://app.example.com")


@pytest.fixture
def profile():
    """A profile that nobody has seen before."""
    return "p-" + secrets.token_hex(8)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(keys, claims, header=None, key=None):
    """A token of any content, signed with the key that signs in KEYS, or with KEY, a PEM file."""
    kid = (keys / "signing").read_text().strip()
    head = {"alg": "RS256", "typ": "JWT", "kid": kid, **(header or {})}
    text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key or keys / f"{kid}.pem")], input=text.encode(), capture_output=True,
                            check=True)
    return text + "." + b64(signed.stdout)


def claims(sub, **more):
    now = int(time.time())
    return {"iss": "https://collab.supernova.auth", "aud": "supernova-api", "sub": sub, "iat": now, "exp": now + 600, "roles": [], **more}


def read_answers(sock, count):
    """COUNT whole answers from a raw socket: [(status, headers, body)]."""
    stream, answers = sock.makefile("rb"), []
    for _ in range(count):
        status = stream.readline()
        assert status.startswith(b"HTTP/1.1 "), status
        headers = {}
        while (line := stream.readline().strip()):
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        answers.append((int(status.split()[1]), headers, stream.read(int(headers.get("content-length", "0")))))
    return answers


def is_closed(sock):
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
