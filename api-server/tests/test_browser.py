"""What a real browser makes of the server: headless Chromium, which reports to the test what its page sees."""

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest
from conftest import Proxy, until
from test_live import SECRETS, grant, ticket

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-proxy-server"]

LISTENS = """<!doctype html><title>listens</title><script>
"use strict";
const query = new URLSearchParams(location.search);

// One after the other: what was sent side by side would come in any order.
let reported = Promise.resolve();
function report(what) {
  const send = () => fetch("/report", {method: "POST", body: JSON.stringify(what), keepalive: true});
  reported = reported.then(send, send);
}

const coins = (way) => (event) => report({way, coins: JSON.parse(event.data).entitlements.coins});

const ticket = async () => (await fetch("/ticket")).text();

async function hear() {
  const source = new EventSource(`${query.get("server")}/api/live?ticket=${await ticket()}`);
  source.onerror = () => report({way: "sse", state: source.readyState});
  source.addEventListener("entitlements", coins("sse"));
}
hear();

async function listen() {
  const socket = new WebSocket(`${query.get("server").replace("http", "ws")}/api/live/ws?ticket=${await ticket()}`);
  socket.onmessage = (message) => {
    const told = JSON.parse(message.data);
    if (told.event === "entitlements") coins("ws")({data: JSON.stringify(told.data)});
  };
  socket.onclose = (event) => {
    report({way: "ws", closed: event.code});
    listen();
  };
}
listen();
</script>"""


class Page:
    """Serves one page at an origin of its own, and keeps what it reports."""

    def __init__(self, text, new_ticket):
        self.reports, page = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, body, kind="text/plain"):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path.startswith("/ticket"):
                    self.answer(new_ticket().encode())
                else:
                    self.answer(text.encode(), "text/html; charset=utf-8")

            def do_POST(self):
                page.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer(b"")

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def saw(self, way, name="coins"):
        return [report[name] for report in list(self.reports) if report["way"] == way and name in report]

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def browse(tmp_path):
    """browse(address): opens it in a browser of its own, which ends with the test."""
    assert shutil.which("chromium"), "chromium is missing: apt-get install chromium"
    started = []

    def browse(address):
        log = open(tmp_path / f"chromium-{len(started)}.log", "wb")
        command = [*CHROMIUM, f"--user-data-dir={tmp_path}/profile-{len(started)}", "--remote-debugging-port=0", address]
        started.append((subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True), log))

    yield browse
    for process, log in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
        log.close()


@pytest.fixture
def serve(start):
    """serve(NAME=value, …): a server whose one worker is ready."""
    return lambda **env: start(**{"WORKERS": "1", **SECRETS, **env})


def test_a_page_hears_of_each_change_over_a_restart(serve, browse, profile):
    here, front = {}, None
    page = Page(LISTENS, lambda: ticket(here["server"], here["token"]))
    try:
        first, other = serve(CORS_ALLOWED_ORIGINS=page.origin), serve()
        front = Proxy("127.0.0.1", first.port)  # as a Service: it leads to a server that is ready, or nowhere
        here |= {"server": first, "token": first.mint(profile)}
        browse(f"{page.origin}/?server=http://127.0.0.1:{front.port}")
        until(lambda: page.saw("sse") == [0] and page.saw("ws") == [0], 120, "both to be told what is there")
        for total in (1, 2):
            grant(first, profile)
            until(lambda: page.saw("sse")[-1] == total and page.saw("ws")[-1] == total, what=f"both to be told of {total}")

        here["server"], front.away = other, True
        assert first.stop() == 0, first.logged()[-4000:]
        until(lambda: page.saw("ws", "closed"), what="the WebSocket to be told to come back")
        assert page.saw("ws", "closed")[0] == 1012, "the server restarts"
        for total in (3, 4, 5):
            grant(other, profile)
        second = serve(CORS_ALLOWED_ORIGINS=page.origin)
        front.target, front.away = ("127.0.0.1", second.port), False
        until(lambda: page.saw("sse")[-1] == 5 and page.saw("ws")[-1] == 5, 120, "both to come back")
        assert page.saw("sse") == [0, 1, 2, 3, 4, 5], "the EventSource came back by itself and was told each change once, in order"
        grant(second, profile)
        until(lambda: page.saw("sse")[-1] == 6 and page.saw("ws")[-1] == 6, what="both to be told of what came after")
    finally:
        print(page.reports)
        page.close()
        if front:
            front.close()


def test_an_event_source_outlives_a_refusal(serve, browse, database, profile):
    neighbour, page = Proxy(*database.address()), Page(LISTENS, lambda: ticket(server, token))
    try:
        server = serve(CORS_ALLOWED_ORIGINS=page.origin, DATABASE_URL=database.through(neighbour.port))
        token = server.mint(profile)
        neighbour.cut()
        browse(f"{page.origin}/?server=http://127.0.0.1:{server.port}")
        until(lambda: page.saw("sse", "state"), 120, "the EventSource to be put off")
        neighbour.restore()
        until(lambda: page.saw("sse") == [0], 120, "the EventSource to come back by itself")
        assert set(page.saw("sse", "state")) == {0}, "it was connecting all the time, and never closed"
    finally:
        print(page.reports)
        page.close()
        neighbour.close()


def test_the_docs_show_every_operation(serve, tmp_path):
    server = serve()
    command = [*CHROMIUM, f"--user-data-dir={tmp_path}/profile", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000", "--dump-dom",
               f"http://127.0.0.1:{server.port}/docs"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    document = server.get("/api/openapi.json").json
    for path, item in document["paths"].items():
        for operation in item.values():
            assert f'id="{operation["operationId"]}"' in done.stdout, (path, done.stdout[-2000:], done.stderr[-2000:])
    shown = re.sub("<script>.*?</script>", "", done.stdout, flags=re.S)
    assert "[object" not in shown and "undefined" not in shown
    assert "CONSOLE" not in done.stderr, "the page broke a rule of its own"
