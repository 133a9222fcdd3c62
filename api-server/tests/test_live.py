"""Changes as they happen: server-sent events and WebSockets."""

import base64
import hashlib
import json
import os
import select
import signal
import socket
import struct
import time

import pytest
from conftest import Proxy, until

SECRETS = {"APP_JWT_SECRET": "app-jwt-secret-of-the-tests-0123456789", "SESSION_SECRET": "session-secret-of-the-tests-0123456789"}
ORIGIN = "https://app.example.com"


@pytest.fixture
def make(start):
    """make(NAME=value, …): a server of its own that shares the keys of the others."""
    return lambda **env: start(**{"CORS_ALLOWED_ORIGINS": ORIGIN, **SECRETS, **env})


@pytest.fixture(scope="module")
def server(start_shared):
    return start_shared(CORS_ALLOWED_ORIGINS=ORIGIN, **SECRETS)


def grant(server, profile, amount=1, ref=None):
    body = {"profileId": profile, "grant": {"type": "coins", "amount": amount}}
    answer = server.post("/api/entitlements/grant", {**body, "externalRef": ref} if ref else body, token=server.mint("boss", ["admin"]))
    assert answer.status == 200, answer.body
    return answer.json["ledger"]["seq"]


def ticket(server, token):
    answer = server.post("/auth/ticket", "", token=token)
    assert answer.status == 200, answer.body
    return answer.json["ticket"]


class Lines:
    """Whole pieces of what comes, or None at the end of the stream."""

    def __init__(self, sock):
        self.sock, self.pending = sock, b""

    def until(self, mark, seconds=60):
        end = time.monotonic() + seconds
        while mark not in self.pending:
            assert select.select([self.sock], [], [], max(0, end - time.monotonic()))[0], f"nothing came for {seconds} s: {self.pending!r}"
            portion = self.sock.recv(65536)
            if not portion:
                return None
            self.pending += portion
        piece, self.pending = self.pending.split(mark, 1)
        return piece

    def take(self, n, seconds=60):
        end = time.monotonic() + seconds
        while len(self.pending) < n:
            assert select.select([self.sock], [], [], max(0, end - time.monotonic()))[0], f"nothing came for {seconds} s: {self.pending!r}"
            portion = self.sock.recv(65536)
            if not portion:
                return None
            self.pending += portion
        piece, self.pending = self.pending[:n], self.pending[n:]
        return piece


def narrow(server, window):
    """A connection whose peer can have only so many bytes under way."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    sock.connect(("127.0.0.1", server.port))
    return sock


class Events:
    """An EventSource."""

    def __init__(self, server, path="/api/live", token=None, last=None, window=None, **headers):
        fields = {"Host": "live", "Accept": "text/event-stream", **headers}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        if last:
            fields["Last-Event-ID"] = last
        self.sock = server.connect() if window is None else narrow(server, window)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.sock.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.lines = Lines(self.sock)
        self.head = self.lines.until(b"\r\n\r\n").decode()
        self.status = int(self.head.split()[1])
        self.last = last

    def event(self, name=None, seconds=60):
        """The next one (of that name): (event, data); None at the end."""
        while (text := self.lines.until(b"\n\n", seconds)) is not None:
            fields = dict(line.split(": ", 1) for line in text.decode().splitlines() if not line.startswith(":"))
            self.last = fields.get("id", self.last)
            if "event" in fields and name in (None, fields["event"]):
                return fields["event"], json.loads(fields["data"])
        return None

    def coins(self, seconds=60):
        return self.event("entitlements", seconds)[1]["entitlements"]["coins"]

    def close(self):
        self.sock.close()


class WebSocket:
    def __init__(self, server, path="/api/live/ws", token=None, **headers):
        self.key = base64.b64encode(os.urandom(16)).decode()
        fields = {"Host": "live", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": self.key,
                  **headers}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        self.sock = server.connect()
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.lines = Lines(self.sock)
        self.head = self.lines.until(b"\r\n\r\n").decode()
        self.status = int(self.head.split()[1])

    def frame(self, seconds=60):
        """(opcode, payload); None at the end."""
        first = self.lines.take(2, seconds)
        if first is None:
            return None
        n = first[1] & 127
        if n == 126:
            n = struct.unpack(">H", self.lines.take(2))[0]
        return first[0] & 15, self.lines.take(n) if n else b""

    def send(self, opcode, payload=b""):
        mask = os.urandom(4)
        self.sock.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def message(self, name=None):
        while (frame := self.frame()) is not None:
            if frame[0] == 1 and name in (None, json.loads(frame[1])["event"]):
                return json.loads(frame[1])
        return None

    def close(self):
        self.sock.close()


def clients(server):
    return server.metric("supernova_live_clients")


def test_a_fresh_client_is_told_what_it_owns_and_then_each_change(server, profile):
    grant(server, profile, 10)
    events = Events(server, token=server.mint(profile))
    assert events.status == 200 and "text/event-stream" in events.head and "no-store" in events.head
    assert events.event("entitlements") == ("entitlements", {"seq": 1, "entitlements": {"coins": 10, "debt": 0, "subscription": None}})
    for total in (11, 12, 13):
        grant(server, profile)
        assert events.coins() == total
    events.close()


def test_somebody_who_owns_nothing_yet_is_told_so(server, profile):
    events = Events(server, token=server.mint(profile))
    assert events.event("entitlements")[1] == {"seq": 0, "entitlements": {"coins": 0, "debt": 0, "subscription": None}}
    grant(server, profile, 3)
    assert events.coins() == 3


def test_nobody_hears_of_others(server, profile):
    other = Events(server, token=server.mint(profile + "-other"))
    assert other.coins() == 0
    grant(server, profile, 9)
    grant(server, profile + "-other", 5)
    assert other.coins() == 5, "the first that comes is its own"


def test_all_clients_of_a_profile_at_all_replicas_hear_the_same(make, server, profile):
    second = make()
    everybody = [Events(where, token=server.mint(profile)) for where in (server, server, second, second)]
    assert [e.coins() for e in everybody] == [0] * 4
    for total in range(1, 6):
        grant((server, second)[total % 2], profile)
    assert [[e.coins() for _ in range(5)] for e in everybody] == [[1, 2, 3, 4, 5]] * 4


def test_a_ticket_lets_in_once(server, profile):
    bought = ticket(server, server.mint(profile))
    first = Events(server, f"/api/live?ticket={bought}")
    assert first.status == 200 and first.coins() == 0
    assert Events(server, f"/api/live?ticket={bought}").status == 401


def test_an_event_source_that_is_refused_for_a_while_is_told_to_come_back(make, database, profile):
    proxy = Proxy(*database.address())
    server = make(DATABASE_URL=database.through(proxy.port), WORKERS="1")
    path = f"/api/live?ticket={ticket(server, server.mint(profile))}"
    proxy.cut()
    put_off = Events(server, path)
    assert put_off.status == 200 and "text/event-stream" in put_off.head and "no-store" in put_off.head, put_off.head
    name, wait_ms = put_off.lines.until(b"\n\n").decode().split(": ")
    assert name == "retry" and 1000 <= int(wait_ms) < 2000
    other = server.get(path)
    assert other.status == 503 and other.headers["Retry-After"] == "1", "who is no EventSource is told the truth"
    refused = 'http_requests_total{method="GET",route="/api/live",status="503"}'
    until(lambda: server.metric(refused) == 2, what="both to be counted as refused")
    proxy.restore()
    until(lambda: server.inner("/healthz?verbose").json["dependencies"]["database"]["ok"], what="the database to be back")
    assert Events(server, path).coins() == 0, "the ticket is still good"
    proxy.close()


def test_an_event_source_beyond_its_limit_is_told_when_to_come_back(make, profile):
    server = make(RATE_LIMIT_READ_MAX="1")
    token = server.mint(profile)
    assert Events(server, token=token).coins() == 0
    put_off = Events(server, token=token)
    assert put_off.status == 200 and put_off.lines.until(b"\n\n").startswith(b"retry: ")
    assert server.get("/api/live", token=token).status == 429


def test_an_event_source_comes_back_with_its_used_ticket_and_misses_nothing(server, profile):
    path = f"/api/live?ticket={ticket(server, server.mint(profile))}"
    first = Events(server, path)
    assert first.coins() == 0
    grant(server, profile)
    assert first.coins() == 1
    first.close()
    for _ in range(3):
        grant(server, profile)
    again = Events(server, path, last=first.last)
    assert again.status == 200
    assert [again.coins() for _ in range(3)] == [2, 3, 4], "each change, once, in order"
    grant(server, profile)
    assert again.coins() == 5


def test_the_id_is_of_its_ticket_and_subject_alone(server, profile):
    path, other = (f"/api/live?ticket={ticket(server, server.mint(who))}" for who in (profile, profile + "-other"))
    mine, theirs = Events(server, path), Events(server, other)
    assert mine.coins() == 0 and theirs.coins() == 0
    position, until_s, mac = mine.last.split(".")
    for forged in (theirs.last, f"{position}.{int(until_s) + 60}.{mac}", f"7.{until_s}.{mac}", f"{position}.{until_s}.", "7", "x" * 300):
        assert Events(server, path, last=forged).status == 401, forged


def test_with_a_token_an_id_of_nobody_is_as_none(server, profile):
    grant(server, profile, 4)
    events = Events(server, token=server.mint(profile), last="1.2.3")
    assert events.event("entitlements")[1]["seq"] == 1


def test_who_is_far_behind_is_told_the_end(server, database, profile):
    token = server.mint(profile)
    first = Events(server, token=token)
    assert first.coins() == 0
    first.close()
    for _ in range(102):
        grant(server, profile)
    again = Events(server, token=token, last=first.last)
    assert again.coins() == 102, "what it owns now, instead of a hundred steps"


def test_a_debt_that_is_settled_is_told_in_one(server, database, profile):
    events = Events(server, token=server.mint(profile))
    assert events.coins() == 0
    body = hashlib.sha256(b"refund").hexdigest()
    database.sql(f"SELECT entitlement_grant('{profile}', 'refund', 5, NULL, NULL, NULL, 'google', 'google', 'r-{profile}', NULL, decode('{body}', 'hex'))")
    assert events.event("entitlements")[1]["entitlements"]["debt"] == 5
    grant(server, profile, 8)
    assert events.event("entitlements")[1]["entitlements"] == {"coins": 3, "debt": 0, "subscription": None}
    grant(server, profile, 1)
    assert events.coins() == 4, "the row that settled brings nothing of its own"


@pytest.mark.parametrize("path", ["/api/live", "/api/live/ws"])
def test_who_is_not_verified_is_refused(server, path):
    kind = Events if path == "/api/live" else WebSocket
    assert kind(server, path).status == 401
    assert kind(server, path, token="a.b.c").status == 401
    assert kind(server, path + "?ticket=a.b.c").status == 401


def test_a_stream_ends_with_its_credential(server, profile):
    events = Events(server, token=server.mint(profile, ttl=5))
    assert events.coins() == 0
    assert events.event("end") == ("end", {"reason": "the credential has ended"})
    assert events.event() is None


def test_a_stream_ends_with_its_session(server, profile):
    opened = server.request("POST", "/auth/session", token=server.mint(profile), headers={"Origin": ORIGIN})
    cookie = opened.headers["Set-Cookie"].split(";")[0]
    events = Events(server, Cookie=cookie)
    assert events.coins() == 0
    ended = server.request("DELETE", "/auth/session", headers={"Cookie": cookie, "Origin": ORIGIN, "x-csrf-token": opened.json["csrfToken"]})
    assert ended.status in (200, 204)
    assert events.event("end") is not None and events.event() is None


def test_head_says_what_get_would(server, profile):
    answer = server.request("HEAD", "/api/live", token=server.mint(profile))
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"


def test_who_leaves_is_forgotten(make, profile):
    server = make(WORKERS="1")
    token = server.mint(profile)
    everybody = [Events(server, token=token) for _ in range(20)] + [WebSocket(server, token=token) for _ in range(20)]
    until(lambda: clients(server) == 40)
    for client in everybody:
        client.close()
    until(lambda: clients(server) == 0)
    grant(server, profile)
    assert Events(server, token=token).coins() == 1


def test_who_does_not_read_is_let_go(make, profile):
    server = make(WORKERS="1", RATE_LIMIT_WRITE_MAX="1000000")
    token = server.mint(profile)
    lazy = Events(server, token=token, window=2048)
    keen = Events(server, token=token)
    assert keen.coins() == 0
    until(lambda: clients(server) == 2)
    plan = "x" * 250
    admin = server.mint("boss", ["admin"])
    seen = 0
    while clients(server) == 2:
        seen += 1
        assert seen < 20000, "the lazy one is still there"
        body = {"profileId": profile, "grant": {"type": "subscription", "plan": plan, "source": "s" * 250}}
        assert server.post("/api/entitlements/grant", body, token=admin).status == 200
        assert keen.event("entitlements")[1]["seq"] == seen
    until(lambda: clients(server) == 1)
    lazy.close()


def test_draining_sends_everybody_to_another_server(make, profile):
    server = make()
    token = server.mint(profile)
    events, socket_ = Events(server, token=token), WebSocket(server, token=token)
    assert events.coins() == 0 and socket_.message("entitlements")
    server.process.send_signal(signal.SIGTERM)
    assert events.lines.until(b"\n\n") == b"retry: 500"
    assert events.event() is None
    opcode, payload = socket_.frame()
    assert opcode == 8 and struct.unpack(">H", payload[:2])[0] == 1012
    assert server.stop() == 0


def test_notifications_that_were_lost_lose_nothing(make, database, profile):
    proxy = Proxy(*database.address())
    server = make(DATABASE_URL=database.through(proxy.port), WORKERS="1")
    writer = make()
    events = Events(server, token=server.mint(profile))
    assert events.coins() == 0
    proxy.cut()
    for _ in range(3):
        grant(writer, profile)
    proxy.restore()
    assert [events.coins() for _ in range(3)] == [1, 2, 3]
    proxy.close()


def test_a_websocket_brings_the_same(server, profile):
    websocket = WebSocket(server, token=server.mint(profile))
    accept = base64.b64encode(hashlib.sha1((websocket.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    assert websocket.status == 101 and accept in websocket.head
    first = websocket.message("entitlements")
    assert first["data"] == {"seq": 0, "entitlements": {"coins": 0, "debt": 0, "subscription": None}}
    for total in (1, 2, 3):
        grant(server, profile)
        assert websocket.message("entitlements")["data"]["entitlements"]["coins"] == total
    websocket.send(9, b"are you there")
    assert websocket.frame() == (10, b"are you there")
    websocket.send(1, b"nobody listens to this")
    grant(server, profile)
    assert websocket.message("entitlements")["data"]["seq"] == 4
    websocket.send(8, struct.pack(">H", 1000))
    assert websocket.frame()[0] == 8


def test_a_websocket_goes_on_where_it_was(server, profile):
    token = server.mint(profile)
    first = WebSocket(server, token=token)
    last = first.message("entitlements")["id"]
    first.close()
    grant(server, profile)
    grant(server, profile)
    again = WebSocket(server, f"/api/live/ws?lastEventId={last}", token=token)
    assert [again.message("entitlements")["data"]["seq"] for _ in range(2)] == [1, 2]


def test_a_websocket_by_cookie_needs_the_origin(server, profile):
    opened = server.request("POST", "/auth/session", token=server.mint(profile), headers={"Origin": ORIGIN})
    cookie = opened.headers["Set-Cookie"].split(";")[0]
    assert WebSocket(server, Cookie=cookie).status == 403
    assert WebSocket(server, Cookie=cookie, Origin="https://evil.example.com").status == 403
    good = WebSocket(server, Cookie=cookie, Origin=ORIGIN)
    assert good.status == 101 and good.message("entitlements")


@pytest.mark.parametrize("fields, status", [
    ({"Upgrade": None}, 426), ({"Connection": "close"}, 426), ({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "short"}, 400)])
def test_what_is_no_upgrade_is_refused(server, profile, fields, status):
    assert WebSocket(server, token=server.mint(profile), **fields).status == status


def test_what_came_behind_the_head_is_not_lost(server, profile):
    token, key = server.mint(profile), base64.b64encode(os.urandom(16)).decode()
    sock = server.connect()
    ping = bytes([0x89, 0x84, 0, 0, 0, 0]) + b"ping"
    sock.sendall((f"GET /api/live/ws HTTP/1.1\r\nHost: live\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  f"Sec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n").encode() + ping)
    lines = Lines(sock)
    assert b" 101 " in lines.until(b"\r\n\r\n")
    frames = lines.until(b"ping")
    assert frames is not None


def test_without_its_secret_there_are_no_tickets_but_streams(make, profile):
    server = make(APP_JWT_SECRET="")
    assert server.post("/auth/ticket", "", token=server.mint(profile)).status == 503
    assert Events(server, token=server.mint(profile)).coins() == 0


def test_design_tokens_that_change_are_told_to_all(make, tmp_path, profile):
    file = tmp_path / "tokens.json"
    file.write_text('{"color":{"$value":"#fff"}}')
    server = make(DESIGN_TOKENS_FILE=str(file))
    events = Events(server, token=server.mint(profile))
    first = events.event("design-tokens")[1]["etag"]
    assert server.get("/api/design/tokens").headers["ETag"] == f'"{first}"'
    other = tmp_path / "other"
    other.write_text('{"color":{"$value":"#000"}}')
    other.rename(file)
    second = events.event("design-tokens")[1]["etag"]
    assert second != first
    until(lambda: server.get("/api/design/tokens").headers["ETag"] == f'"{second}"', what="every worker to have read them")
