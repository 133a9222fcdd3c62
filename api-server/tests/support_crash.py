"""A server that can be killed at each message to its neighbours.

Proxies stand before PostgreSQL, Redis and the stores. They know where a message and its answer end, and pass both whole: a PostgreSQL batch up to its
Sync and the answer up to ReadyForQuery, a Redis command and its reply, an HTTP request and its response. All pass one Gate, which counts them and, at
the one that was chosen, kills the server: before the message goes on, or after its answer came and before that goes back.
"""

import collections
import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import threading

BEFORE, ANSWERED = "before", "answered"
# What the server asks of its own accord, whatever the scenario.
PASSING = {"LISTEN", "schema_migration", "outbox", "iap_purchase due", "ledger_heads_next", "ledger_heads_sign", "retention_purge", "jsonb_array_elements_text", "PING", "ROLE",
           "AUTH", "SELECT", "SUBSCRIBE"}


class Point(collections.namedtuple("Point", "label number moment whole")):
    """The NUMBERth message of that LABEL; WHOLE: the parent dies too."""

    def __str__(self):
        return f"{'parent and worker' if self.whole else 'the worker'} killed, {self.label} (no. {self.number}) {self.moment}"


class Dropped(Exception):
    """Who would get this is dead."""


class Gate:
    def __init__(self):
        self.lock, self.crashed = threading.RLock(), threading.Event()
        self.seen, self.messages = collections.Counter(), []
        self.arm(None, None)

    def arm(self, point, kill, ignored=frozenset()):
        """Counts from here on; KILL is called at POINT, once."""
        with self.lock:
            self.ignored = PASSING | ignored
            self.seen.clear()
            self.messages.clear()
            self.crashed.clear()
            self.point, self.kill = point, kill

    def passes(self, label):
        """A message's number; None: it doesn't count."""
        with self.lock:
            self.seen[label] += 1
            if label in self.ignored:
                return None
            self.messages.append(label)
            self.stop_at(label, self.seen[label], BEFORE)
            return self.seen[label]

    def stop_at(self, label, number, moment):
        with self.lock:
            if not self.point or self.crashed.is_set() or (label, number, moment) != self.point[:3]:
                return
            self.kill()
            self.crashed.set()
            raise Dropped


def exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def line(stream):
    data = stream.readline()
    if not data.endswith(b"\n"):
        raise EOFError
    return data


class Postgresql:
    """PostgreSQL 15 documentation, 55.2 and 55.7: a type byte and a length, but for the very first message. Without TLS."""

    def __init__(self):
        self.started, self.statements = False, {}

    def message(self, stream):
        kind = exactly(stream, 1)
        length = exactly(stream, 4)
        return kind, kind + length + exactly(stream, struct.unpack(">I", length)[0] - 4)

    def request(self, stream):
        """(label or None, bytes)"""
        if not self.started:
            length = exactly(stream, 4)
            self.started = True
            return None, length + exactly(stream, struct.unpack(">I", length)[0] - 4)
        kind, batch = self.message(stream)
        if kind not in b"PBDECH":
            return None, batch
        last = batch
        label = self.meaning(kind, last)
        while kind != b"S":
            kind, last = self.message(stream)
            batch += last
            label = self.meaning(kind, last) or label
        return label, batch

    def meaning(self, kind, message):
        """What a Parse or Bind is about: the relation or function that the statement names last behind FROM, else what it calls."""
        if kind == b"P":
            name, sql = message[5:].split(b"\0")[:2]
            text = sql.decode()
            words = re.findall(r"\bFROM (\w+)", text) or re.findall(r"^(?:SELECT )?(\w+)", text)
            self.statements[name] = words[-1] + (" due" if "interval '7 days'" in text else "")
        if kind == b"B":
            return self.statements[message[5:].split(b"\0")[1]]
        return None

    def answer(self, stream, awaited):
        """One whole answer, or a message that belongs to none: (is it an answer, bytes)"""
        kind, data = self.message(stream)
        if not awaited() or kind in b"AS":
            return False, data
        while kind != b"Z":
            kind, more = self.message(stream)
            data += more
        return True, data


class Redis:
    """RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/"""

    def element(self, stream):
        head = line(stream)
        if head[:1] == b"$" and int(head[1:]) >= 0:
            return head + exactly(stream, int(head[1:]) + 2)
        if head[:1] == b"*":
            return head + b"".join(self.element(stream) for _ in range(int(head[1:])))
        return head

    def request(self, stream):
        data = self.element(stream)
        return data.split(b"\r\n")[2].decode().upper(), data

    def answer(self, stream, awaited):
        return True, self.element(stream)


class Http:
    """RFC 9112, of which curl and the twin use Content-Length alone."""

    def message(self, stream):
        head = [line(stream)]
        while head[-1] != b"\r\n":
            head.append(line(stream))
        lengths = [int(field.split(b":")[1]) for field in head if field.lower().startswith(b"content-length:")]
        return head[0].decode(), b"".join(head) + exactly(stream, lengths[0] if lengths else 0)

    def request(self, stream):
        first, data = self.message(stream)
        method, target, _ = first.split(" ", 2)
        path = re.sub(r"(?<=/tokens/)[^:]+|(?<=/products/)[^/]+|(?<=/)\d+", "…", target.partition("?")[0]).rpartition("/purchases")[2]
        return f"{method} {path}", data

    def answer(self, stream, awaited):
        return True, self.message(stream)[1]


class GateProxy:
    """Stands before TARGET and passes messages of PROTOCOL through the gate; .failures: what it could not do."""

    def __init__(self, gate, protocol, target):
        self.gate, self.protocol, self.target, self.sockets, self.failures = gate, protocol, target, set(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:  # it was closed
                return
            try:
                server = socket.create_connection(self.target)
            except OSError as e:
                self.failures.append(f"{self.target} takes no connection: {e}")
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets |= {client, server}
            threading.Thread(target=self.serve, args=(client, server), daemon=True).start()

    def serve(self, client, server):
        protocol, awaited = self.protocol(), collections.deque()
        requests = threading.Thread(target=self.pump, args=(self.pump_requests, protocol, awaited, client, server), daemon=True)
        requests.start()
        self.pump(self.pump_answers, protocol, awaited, server, client)
        requests.join()
        for each in (client, server):
            self.sockets.discard(each)
            each.close()

    def pump(self, pump, protocol, awaited, source, target):
        """Until one of both ends is gone, which every kill brings about. What else ends it is a failure of the tests'."""
        try:
            with source.makefile("rb") as stream:
                while True:
                    pump(protocol, awaited, stream, target)
        except (EOFError, Dropped, ConnectionError):
            pass
        except Exception as e:
            self.failures.append(f"{protocol.__class__.__name__}: {e!r}")
        for each in (source, target):
            with contextlib.suppress(OSError):  # the peer was quicker
                each.shutdown(socket.SHUT_RDWR)

    def pump_requests(self, protocol, awaited, stream, server):
        label, data = protocol.request(stream)
        if label:
            awaited.append((label, self.gate.passes(label)))
        server.sendall(data)

    def pump_answers(self, protocol, awaited, stream, client):
        whole, data = protocol.answer(stream, lambda: awaited)
        label, number = awaited.popleft() if whole and awaited else (None, None)
        if number:
            self.gate.stop_at(label, number, ANSWERED)
        client.sendall(data)

    def close(self):
        """The neighbour may be gone before: what fails from here on says nothing."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in list(self.sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def is_gone(pid):
    """It holds no socket any more; who buries it doesn't matter."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill_at_once(server, whole):
    """The worker, or everything of the SERVER; returns when it is dead."""
    victims = server.workers()
    if whole:
        server.process.kill()
        server.process.wait()
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while not all(is_gone(pid) for pid in victims):
        os.sched_yield()
