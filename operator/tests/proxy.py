"""An HTTP/1.1 proxy between an operator and the API server: it counts writes, ends the operator at a chosen one, and misbehaves when told.

    with Proxy(api_server) as proxy:
        operator = start(KUBECONFIG=proxy.write_kubeconfig(folder))
        proxy.crash_at(7, "before", operator.kill)                           # or "answered": forwarded and answered, the answer kept
        proxy.rule = lambda request: Answer(503) if request.counted else None
        proxy.show = lambda resource, object, before: …                      # what the operator's watches are shown of it; None: nothing
        proxy.pods["/metrics"] = Answer(200, b"<html>")                          # what pods say, whom nobody else plays
    proxy.skew = timedelta(hours=3)                                      # how far the Date of answers is ahead

The operator speaks plain HTTP; the proxy adds the administrator's certificate and says who it speaks for, so that the audit log knows the
operator's writes from everybody's. One thread a proxy, one connection to the API server for each of the operator's.
"""

import asyncio
import email.utils
import json
import pathlib
import re
import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

USER = "supernova-operator"
POD = re.compile(r"/api/v1/namespaces/[^/]+/pods/[^/]+/proxy(/.*)$")
METRICS = b"""http_requests_total{route="/a",status="200"} 100
http_request_duration_seconds_bucket{route="/a",le="1"} 100
http_request_duration_seconds_bucket{route="/a",le="+Inf"} 100
"""
UNCOUNTED = {"leases", "events"}
PATH = re.compile(r"/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$")
REASONS = {400: "BadRequest", 401: "Unauthorized", 409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError",
           503: "ServiceUnavailable"}


@dataclass
class Request:
    method: str
    target: str
    headers: list
    body: bytes = b""

    def __post_init__(self):
        url = urllib.parse.urlsplit(self.target)
        parts = PATH.match(url.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.namespace, self.resource, self.name, self.subresource = parts.group("namespace", "resource", "name", "sub") if parts else [None] * 4
        self.watch = self.query.get("watch") in ("1", "true")
        self.write = self.method not in ("GET", "HEAD")
        self.counted = self.write and self.resource not in UNCOUNTED

    def __str__(self):
        return f"{self.method} {self.resource}/{self.name or ''}{'/' + self.subresource if self.subresource else ''}"


@dataclass
class Answer:
    """In place of the API server's, to a request that is forwarded or not."""
    status: int
    body: bytes | None = None  # None: the Status that the API server would send
    headers: dict = field(default_factory=dict)
    content_type: str = "application/json"
    forwarded: bool = False

    def text(self):
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.status, "reason": REASONS.get(self.status, ""),
                  "message": f"the test says {self.status}"}
        return json.dumps(status).encode() if self.body is None else self.body


@dataclass
class Drop:
    """The connection is closed, the request not forwarded."""


@dataclass
class Lose:
    """The request takes effect, its answer is lost with the connection."""


@dataclass
class Delay:
    seconds: float


@dataclass
class Cut:
    """The connection is closed in the middle of the body; of a watch, in the middle of an event's JSON, after `events` whole ones."""
    events: int = 0


class Closed(Exception):
    """This connection is over."""


def first_time(fault, matches):
    """A rule: each request that matches goes wrong once, and well when it is sent again. `rule.tried` holds those that went wrong."""
    def rule(request):
        what = (request.method, request.target.partition("?")[0], request.watch)
        if what in rule.tried or not matches(request):
            return None
        rule.tried.add(what)
        return fault
    rule.tried = set()
    return rule


async def read_head(reader):
    """The first line and the header fields, or None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    return first, [tuple(part.strip() for part in line.split(":", 1)) for line in lines]


def find(headers, name):
    return next((value for key, value in headers if key.lower() == name), None)


async def read_chunks(reader):
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readline()


async def read_body(reader, headers):
    if find(headers, "transfer-encoding") == "chunked":
        return b"".join([chunk async for chunk in read_chunks(reader)])
    return await reader.readexactly(int(find(headers, "content-length") or 0))


async def read_lines(chunks):
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"


class Connection:
    """One connection of the operator, and the one to the API server that belongs to it."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.up_reader = self.up_writer = None

    async def serve(self):
        while head := await read_head(self.reader):
            method, target, _ = head[0].split(" ", 2)
            request = Request(method, target, head[1])
            request.body = await read_body(self.reader, request.headers)
            await self.handle(request)

    def close(self):
        for writer in (self.writer, self.up_writer):
            if writer:
                writer.transport.abort()

    async def handle(self, request):
        proxy = self.proxy
        moment = proxy.count(request)
        if moment == "before":
            proxy.crash()
            raise Closed
        pod = POD.match(request.target)
        fault = proxy.pods.get(pod[1], Answer(404)) if pod else proxy.rule(request) if proxy.rule else None
        if isinstance(fault, Delay):
            await asyncio.sleep(fault.seconds)
        elif isinstance(fault, Drop):
            raise Closed
        elif isinstance(fault, Answer):
            if fault.forwarded:
                _, headers = await self.forward(request)
                await read_body(self.up_reader, headers)
            return await self.answer(fault.status, [("Content-Type", fault.content_type), *fault.headers.items()], fault.text())
        status, headers = await self.forward(request)
        if request.watch and status == 200:
            return await self.relay_watch(request, headers, fault)
        body = await read_body(self.up_reader, headers)
        if moment == "answered":
            proxy.crash()
            raise Closed
        if isinstance(fault, Lose):
            raise Closed
        await self.answer(status, headers, body, cut=isinstance(fault, Cut))

    async def forward(self, request):
        """Sends the request on; the status and header fields of the answer."""
        if not self.up_writer:
            server = self.proxy.server
            self.up_reader, self.up_writer = await asyncio.open_connection(server.host, server.port, ssl=server.context, limit=1 << 24)
        dropped = {"host", "authorization", "accept-encoding", "expect"}
        headers = [(k, v) for k, v in request.headers if k.lower() not in dropped]
        headers += [("Host", self.proxy.server.host), ("Impersonate-User", USER), ("Impersonate-Group", "system:masters")]
        lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers), "", ""]
        self.up_writer.write("\r\n".join(lines).encode("latin-1") + request.body)
        head = await read_head(self.up_reader)
        if not head:
            raise Closed
        return int(head[0].split(" ")[1]), head[1]

    def shift(self, headers):
        """The Date of an API server whose clock differs from ours."""
        for name, value in headers:
            if name.lower() == "date" and self.proxy.skew:
                value = email.utils.format_datetime(email.utils.parsedate_to_datetime(value) + self.proxy.skew, usegmt=True)
            yield name, value

    async def answer(self, status, headers, body, cut=False):
        headers = self.shift(headers)
        kept = [(k, v) for k, v in headers if k.lower() not in ("transfer-encoding", "content-length")]
        lines = [f"HTTP/1.1 {status} -", *(f"{k}: {v}" for k, v in kept), f"Content-Length: {len(body)}", "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1") + (body[: len(body) // 2] if cut else body))
        await self.writer.drain()
        if cut:
            raise Closed

    async def relay_watch(self, request, headers, fault):
        """Until either side ends it: a client that watches says nothing more, so that its next byte is the end."""
        lines = ["HTTP/1.1 200 OK", *(f"{k}: {v}" for k, v in headers), "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1"))
        pump = asyncio.ensure_future(self.pump_watch(request, fault))
        gone = asyncio.ensure_future(self.reader.read(1))
        done, pending = await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(pump, gone, return_exceptions=True)
        if gone in done or pump.exception():
            raise Closed

    async def pump_watch(self, request, fault):
        hidden, last, passed = set(), {}, 0
        async for line in read_lines(read_chunks(self.up_reader)):
            line = self.shown(request, line, hidden, last)
            if not line:
                continue
            if isinstance(fault, Cut) and passed == fault.events:
                line = line[: len(line) // 2]
            self.writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            await self.writer.drain()
            if isinstance(fault, Cut) and passed == fault.events:
                raise Closed
            passed += 1
        self.writer.write(b"0\r\n\r\n")

    def shown(self, request, line, hidden, last):
        """The event as the operator may see it, or None. What was added unseen is added when it is first seen. LAST: what was shown, by uid."""
        if not self.proxy.show:
            return line
        event = json.loads(line)
        kind, uid = event["type"], event["object"].get("metadata", {}).get("uid")
        if kind not in ("ADDED", "MODIFIED"):
            unseen = uid in hidden
            hidden.discard(uid)
            return None if unseen else line
        seen = self.proxy.show(request.resource, event["object"], last.get(uid))
        if not seen:
            if kind == "ADDED":
                hidden.add(uid)
            return None
        kind = "ADDED" if uid in hidden else kind
        hidden.discard(uid)
        last[uid] = seen
        return json.dumps({"type": kind, "object": seen}).encode() + b"\n"


class Proxy:
    """SERVER has host, port and an ssl context with the administrator's certificate. LISTENER: a socket that is bound, and listens from `with` on."""

    def __init__(self, server, listener=None):
        self.server = server
        self.listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.rule = self.show = None
        self.pods = {"/metrics": Answer(200, METRICS), "/readyz": Answer(200, b"{}"),
                     "/auth/.well-known/jwks.json": Answer(200, b'{"keys": [{"kid": "1"}]}')}
        self.skew = None
        self.requests, self.writes = 0, []
        self.connections, self._crash = set(), None

    def __enter__(self):
        started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.main(started)), name="proxy", daemon=True)
        self.thread.start()
        assert started.wait(10), "the proxy does not listen"
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(10)

    async def main(self, started):
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        listener = await asyncio.start_server(self.accept, sock=self.listener, limit=1 << 24)
        started.set()
        await self.stopped.wait()
        listener.close()
        for connection in list(self.connections):
            connection.close()

    async def accept(self, reader, writer):
        connection = Connection(self, reader, writer)
        self.connections.add(connection)
        try:
            await connection.serve()
        except (Closed, ConnectionError, asyncio.IncompleteReadError, OSError, ValueError):
            pass  # either end of it may go at any moment: that is what is tried here
        finally:
            self.connections.discard(connection)
            connection.close()

    def hang_up(self):
        """Closes every connection, as a network that went away would."""
        self.loop.call_soon_threadsafe(lambda: [connection.close() for connection in list(self.connections)])

    def count(self, request):
        """Counts it; the moment of the crash that is due with it, else None."""
        self.requests += 1
        if not request.counted:
            return None
        self.writes.append(str(request))
        at, moment = self._crash[:2] if self._crash else (0, None)
        return moment if len(self.writes) == at else None

    def crash_at(self, number, moment, kill):
        """Counts from zero, and kills at that write. `crashed` is set once it is done."""
        self.writes, self.crashed = [], threading.Event()
        self._crash = (number, moment, kill) if number else None

    def crash(self):
        _, _, kill = self._crash
        self._crash = None
        kill()
        self.crashed.set()

    def await_quiet(self, quiet_s=0.7):
        """Until the operator has written nothing for a while."""
        seen, since = len(self.writes), time.monotonic()
        while time.monotonic() - since < quiet_s:
            time.sleep(0.05)
            if len(self.writes) != seen:
                seen, since = len(self.writes), time.monotonic()

    def write_kubeconfig(self, folder):
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "proxy", "users": [{"name": "proxy", "user": {}}],
                  "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                  "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}]}
        path = pathlib.Path(folder) / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)
