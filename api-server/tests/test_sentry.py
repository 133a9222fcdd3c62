"""Reports to Sentry, against a receiver that reads them as Sentry's relay would."""

import http.server
import json
import re
import threading
import time

import pytest
from conftest import ISSUER_SECRET, insist, run, until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Receiver:
    """Takes envelopes; .answer is what it says to them: (status, fields)."""

    def __init__(self):
        self.calls, self.answer, self.delay_s = [], (200, {}), 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(receiver.delay_s)
                receiver.calls.append((self.path, dict(self.headers), body))
                status, fields = receiver.answer
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://publickey0123@127.0.0.1:{self.server.server_port}/42"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def items(self, kind):
        """Payloads of that type; each envelope is checked as it is read."""
        found = []
        for path, headers, body in list(self.calls):
            assert path == "/api/42/envelope/" and headers["Content-Type"] == "application/x-sentry-envelope"
            assert re.fullmatch(r"Sentry sentry_version=7, sentry_client=supernova-server/\S+, sentry_key=publickey0123", headers["X-Sentry-Auth"])
            head, rest = body.split(b"\n", 1)
            item, payload = rest.split(b"\n", 1)
            item, head = json.loads(item), json.loads(head)
            assert payload[item["length"]:] == b"\n"
            payload = json.loads(payload[:item["length"]])
            assert re.fullmatch(r"[0-9a-f]{32}", payload["event_id"]) and head["event_id"] == payload["event_id"] and head["sent_at"]
            assert abs(payload["timestamp"] - time.time()) < 120 and payload["platform"] == "c"
            assert item["type"] == payload.get("type", "event")
            if item["type"] == kind:
                found.append(payload)
        return found

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def begin(start, receiver):
    # limits of its own, not those of others who share Redis
    return lambda **env: start(**{"SENTRY_DSN": receiver.dsn, "SENTRY_ENV": "trial", "REDIS_MODE": "none", "no_proxy": "*", "STACK": "shop",
                                  "POD_NAME": "shop-1", **env})


def outcome(server, reason):
    return server.metric(f'supernova_sentry_reports_dropped_total{{reason="{reason}"}}')


def test_an_error_that_was_asked_for_is_told(begin, receiver):
    server = begin()
    answer = server.request("POST", "/api/test-error?token=secret-query", headers={"x-request-id": "req-1", "traceparent": PARENT, "Cookie": "a=secret"})
    assert answer.status == 500 and answer.headers["Content-Type"] == "application/problem+json" and answer.json["instance"] == "req-1"
    event = until(lambda: receiver.items("event"), what="the event")[0]
    assert event["event_id"] == answer.json["eventId"]
    assert event["level"] == "error" and event["exception"]["values"][0]["type"] == "InternalError"
    assert event["transaction"] == "POST /api/test-error" and event["environment"] == "trial" and event["server_name"] == "shop-1"
    assert event["release"].startswith("supernova-server@")
    assert event["tags"] == {"component": "server", "stack": "shop", "method": "POST", "route": "/api/test-error", "reqId": "req-1", "status": "500"}
    assert event["contexts"]["trace"]["trace_id"] == TRACE and event["contexts"]["trace"]["parent_span_id"] == "b7ad6b7169203331"
    assert b"secret" not in receiver.calls[0][2] and b"127.0.0.1" not in receiver.calls[0][2]
    assert receiver.items("transaction") == []
    until(lambda: server.metric("supernova_sentry_reports_total") == 1, what="the count")


def test_six_a_minute_whoever_asks(begin, receiver):
    server = begin(RATE_LIMIT_WINDOW_MS="100")
    seen = [server.request("POST", "/api/test-error", token=server.mint(f"u{i}") if i % 2 else None).status for i in range(8)]
    assert seen == 6 * [500] + 2 * [429]
    limited = server.request("POST", "/api/test-error")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60 and ";w=60" in limited.headers["RateLimit-Policy"]
    until(lambda: len(receiver.items("event")) == 6, what="six events")


def test_without_a_dsn_nobody_is_told_and_it_says_so(start):
    server = start(REDIS_MODE="none")
    answer = server.request("POST", "/api/test-error")
    assert answer.status == 500 and "eventId" not in answer.json and "SENTRY_DSN" in answer.json["detail"]
    assert "supernova_sentry" not in server.inner("/metrics").body.decode()


def test_a_share_of_the_traces_is_told(begin, receiver):
    server = begin(SENTRY_TRACES_SAMPLE_RATE="1")
    token = server.mint("somebody-secret")
    server.get("/livez")
    answer = server.get("/api/entitlements/somebody-secret?x=secret", token=token, headers={"traceparent": PARENT})
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", answer.headers["traceparent"]) and answer.headers["traceparent"] != PARENT
    told = until(lambda: [t for t in receiver.items("transaction") if "entitlements" in t["transaction"]], what="the transaction")[0]
    assert told["transaction"] == "GET /api/entitlements/:profileId" and told["transaction_info"] == {"source": "route"}
    context = told["contexts"]["trace"]
    assert (context["trace_id"], context["op"], context["status"]) == (TRACE, "http.server", "ok")
    assert answer.headers["traceparent"].split("-")[2] == context["span_id"]
    assert 0 <= told["timestamp"] - told["start_timestamp"] < 30 and told["spans"] == []
    line = server.said(traceId=TRACE)[0]
    assert line["spanId"] == context["span_id"]
    names = {t["transaction"] for t in receiver.items("transaction")}
    assert "GET /livez" not in names and not any(b"secret" in body for _, _, body in receiver.calls)
    # whoever decides by the same rate decides alike: this trace's id is beyond nearly all of them
    quiet = begin(SENTRY_TRACES_SAMPLE_RATE="0.0001")
    assert quiet.get("/api/design/tokens", headers={"traceparent": PARENT}).headers["traceparent"].endswith("-00")


@pytest.mark.parametrize("header", ["", "00-0-0-00", PARENT.upper(), PARENT.replace("00-", "ff-", 1), PARENT + "-x", f"00-{'0' * 32}-b7ad6b7169203331-01"])
def test_a_malformed_traceparent_is_none(server, header):
    answer = server.get("/auth/.well-known/jwks.json", headers={"traceparent": header, "x-request-id": "malformed"})
    assert answer.status == 200 and "traceparent" not in answer.headers
    line = until(lambda: server.lines(reqId="malformed"), what="the line")[-1]
    assert re.fullmatch("[0-9a-f]{32}", line["traceId"]) and line["traceId"] not in header


@pytest.mark.parametrize("answer, held", [((429, {}), True), ((429, {"Retry-After": "120"}), True), ((200, {"X-Sentry-Rate-Limits": "60:error:org"}), True),
                                          ((200, {"X-Sentry-Rate-Limits": "60:transaction;session:org, 60:profile:org"}), False)])
def test_what_sentry_asks_is_obeyed(begin, receiver, answer, held):
    server = begin(WORKERS="1")
    receiver.answer = answer
    for n in range(1, 4):
        assert server.request("POST", "/api/test-error").status == 500
        until(lambda: server.metric("supernova_sentry_reports_total") + outcome(server, "limited") == n, what="the outcome")
    assert len(receiver.calls) == (1 if held else 3)
    assert outcome(server, "limited") == ((3 if answer[0] == 429 else 2) if held else 0)


def test_a_sentry_that_is_away_costs_nobody_anything(begin, receiver):
    server = begin(WORKERS="1")
    receiver.answer = (503, {})
    for n in range(2):
        server.request("POST", "/api/test-error")
        until(lambda: outcome(server, "failed") == n + 1, what="the failure")
    assert len(server.said(msg="reports don't get to Sentry")) == 1
    receiver.answer = (200, {})
    server.request("POST", "/api/test-error")
    server.said(msg="reports get to Sentry again")


def test_the_queue_is_bounded(begin, receiver):
    receiver.delay_s = 4
    server = begin(WORKERS="1", SENTRY_TRACES_SAMPLE_RATE="1")
    asked = 0
    while not outcome(server, "full"):
        assert server.get("/auth/.well-known/jwks.json").status == 200
        asked += 1
    assert 64 < asked < 1000, "some have left meanwhile"
    receiver.delay_s = 0


def test_what_was_told_last_leaves_before_the_end(begin, receiver):
    receiver.delay_s = 0.1
    server = begin()
    for _ in range(3):
        server.request("POST", "/api/test-error")
    assert server.stop() == 0
    assert len(receiver.items("event")) == 3


def test_a_worker_that_died_is_told_by_the_next(begin, receiver):
    import os
    import signal
    server = begin(WORKERS="1")
    os.kill(server.workers()[0], signal.SIGKILL)
    event = until(lambda: receiver.items("event"), what="the report")[0]
    assert event["level"] == "fatal" and event["exception"]["values"][0]["type"] == "WorkerDied"
    assert "signal 9" in event["exception"]["values"][0]["value"]


def test_our_own_failure_is_told_with_its_id(begin, receiver, migrated):
    broken = migrated()
    server = begin(DATABASE_URL=broken.url)
    broken.sql("ALTER TABLE product RENAME TO kept;"
               " CREATE VIEW product AS SELECT store, product_id, length(store) / 0 AS coins, plan, revision FROM kept")
    broken.sql("INSERT INTO kept (store, product_id, coins) VALUES ('google', 'coins_500', 500)")
    answer = insist(lambda: server.get("/api/products/google/coins_500"))
    assert answer.status == 500 and answer.json["type"].endswith("/internal-error")
    event = until(lambda: receiver.items("event"), what="the event")[0]
    assert event["event_id"] == answer.json["eventId"] and event["transaction"] == "GET /api/products/:store/:productId"


@pytest.mark.parametrize("env, word", [({"SENTRY_DSN": "https://hunter2/1"}, "SENTRY_DSN is malformed"), ({"SENTRY_DSN": "hunter2"}, "SENTRY_DSN is malformed"),
                                       ({"SENTRY_TRACES_SAMPLE_RATE": "1.5"}, "a number from 0 to 1"), ({"SENTRY_TRACES_SAMPLE_RATE": "x"}, "a number from 0 to 1")])
def test_settings_that_are_wrong_stop_the_start(env, word):
    done = run("serve", env={"DATABASE_URL": "postgresql://u@h/d", "ISSUER_ADMIN_SECRET": ISSUER_SECRET, **env})
    assert done.returncode != 0 and word in done.stdout + done.stderr and "hunter2" not in done.stdout + done.stderr


def test_check_asks_whether_reports_get_there(database, services, keys, receiver):
    def check(dsn):
        env = {"DATABASE_URL": database.url, "REDIS_URL": services["REDIS_URL"], "JWKS_DIR": str(keys), "ISSUER_ADMIN_SECRET": ISSUER_SECRET,
               "SENTRY_DSN": dsn, "TERMINATION_LOG": "/dev/null", "no_proxy": "*"}
        done = run("check", "--output", "json", env=env)
        assert "publickey0123" not in done.stdout and done.returncode == 0, done.stdout
        return {c["name"]: c for c in json.loads(done.stdout)["checks"]}["sentry"]

    assert check(receiver.dsn)["verdict"] == "ok"
    receiver.answer = (403, {})
    assert check(receiver.dsn)["verdict"] == "note"
    assert check("http://publickey0123@127.0.0.1:1/42")["verdict"] == "note"
