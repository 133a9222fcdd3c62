#!/usr/bin/env python3
"""store-twin: plays Google Play and the App Store for the server's tests. Never part of an image.

    python3 store_twin.py [--port 9700]          then point GOOGLE_API_BASE=http://127.0.0.1:9700, GOOGLE_TOKEN_URL=…/token and
                                                 GOOGLE_CERTS_URL=…/certs at it; the service account's key is GET /twin/google/key

In a test it is a library:

    twin = StoreTwin()                                            # serves on twin.url at once
    token = twin.google.buy("coins_100", account="u-1")
    twin.fault(r":consume$", status=409, times=2)                 # the next two are refused, the third comes through
    twin.fault(r"POST /token", hang=30)                           # takes the connection, says nothing
    assert [c["status"] for c in twin.calls(":consume$")] == [409, 409, 200]
    twin.close()

Each store is a file beside this one with a class that has `routes`, a list of (method, pattern, handler): a handler is given the twin's Request and
the pattern's groups, and returns (status, JSON or bytes) or (status, body, headers). Every public method of a store that is not a route is an admin
call too: POST /twin/<store>/<method> with a JSON object of its arguments answers {"result": …}. Further: GET and DELETE /twin/calls, POST and DELETE
/twin/faults, POST /twin/clock {"now_ms": …} or {"add_ms": …}.

Faults are tried in the order in which they were made, on "METHOD /path?query"; each can
    status, body      answer so instead (a lie, where the status is 200)
    hang              wait so many seconds first; with nothing else, close then without a word
    cut               close without a word
    apply             do what was asked for all the same, before answering wrongly: the effect is there, the caller can't know
    times             so often (default: always)
"""

import argparse
import importlib
import json
import pathlib
import re
import socket
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
STORES = {"google": "GoogleTwin", "apple": "AppleTwin"}


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        parts = urllib.parse.urlsplit(target)
        self.path, self.query = parts.path, dict(urllib.parse.parse_qsl(parts.query))

    def json(self):
        return json.loads(self.body or b"{}")


class Hung(Exception):
    """The connection is to be closed without a word."""


class StoreTwin:
    def __init__(self, port=0):
        self.lock, self.closing = threading.RLock(), threading.Event()
        self.offset_ms, self.made_calls, self.faults = 0, [], []
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.stores, self.routes = {}, []
        for name, kind in STORES.items():
            if (pathlib.Path(__file__).parent / f"{name}.py").exists():
                store = getattr(importlib.import_module(name), kind)(self)
                self.stores[name] = store
                setattr(self, name, store)
                self.routes += [(method, re.compile(pattern), handler) for method, pattern, handler in store.routes]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    # --- clock

    def now_ms(self):
        return int(time.time() * 1000) + self.offset_ms

    def clock(self, now_ms=None, add_ms=0):
        self.offset_ms = now_ms - int(time.time() * 1000) if now_ms is not None else self.offset_ms + add_ms
        return self.now_ms()

    # --- faults and the log

    def fault(self, match, times=-1, **what):
        assert set(what) <= {"status", "body", "hang", "cut", "apply"}, what
        with self.lock:
            self.faults.append({"match": match, "times": times, **what})

    def heal(self):
        with self.lock:
            self.faults.clear()

    def calls(self, match=""):
        with self.lock:
            return [c for c in self.made_calls if re.search(match, f"{c['method']} {c['target']}")]

    def forget_calls(self):
        with self.lock:
            self.made_calls.clear()

    def take_fault(self, line):
        with self.lock:
            for fault in self.faults:
                if fault["times"] != 0 and re.search(fault["match"], line):
                    fault["times"] -= fault["times"] > 0
                    return dict(fault)
        return None

    # --- answering

    def dispatch(self, request):
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(request.path)
            if method == request.method and match:
                with self.lock:
                    return handler(request, *[urllib.parse.unquote(g) if g else g for g in match.groups()])
        return 404, {"error": {"code": 404, "message": "the twin has nothing here"}}

    def answer(self, request):
        call = {"at_ms": self.now_ms(), "method": request.method, "target": request.target, "status": None, "body": request.body.decode(errors="replace"),
                "traceparent": request.headers.get("traceparent")}
        with self.lock:
            self.made_calls.append(call)
        fault = self.take_fault(f"{request.method} {request.target}")
        if fault and fault.get("apply"):
            self.dispatch(request)
        if fault and fault.get("hang"):
            self.closing.wait(fault["hang"])
        if fault and "status" in fault:
            told = fault["status"], fault.get("body", {"error": {"code": fault["status"]}})
        elif fault:
            raise Hung
        else:
            told = self.dispatch(request)
        call["status"] = told[0]
        return told

    def administer(self, request):
        what, _, method = request.path.removeprefix("/twin/").partition("/")
        if what in self.stores:
            if method.startswith("_") or method == "routes":
                return 404, {}
            return 200, {"result": getattr(self.stores[what], method)(**request.json())}
        actions = {("GET", "calls"): lambda: self.calls(request.query.get("match", "")), ("DELETE", "calls"): self.forget_calls,
                   ("POST", "faults"): lambda: self.fault(**request.json()), ("DELETE", "faults"): self.heal,
                   ("POST", "clock"): lambda: self.clock(**request.json())}
        action = actions.get((request.method, what))
        return (200, {"result": action()}) if action else (404, {})

    def handler(twin):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: else the body waits for the head's acknowledgement

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, self.headers, body)
                try:
                    told = twin.administer(request) if request.path.startswith("/twin/") else twin.answer(request)
                except Hung:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, content, headers = (*told, {})[:3]
                content = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *_):
                pass

        return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    twin = StoreTwin(parser.parse_args().port)
    print(twin.url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
