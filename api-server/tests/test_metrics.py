"""What is scraped: understood by Prometheus' own tool, in both formats, and enough to tell what objectives ask."""

import re
import subprocess

import pytest
from conftest import free_port, until

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? (-?[0-9.]+)')


@pytest.fixture
def busy(start, profile):
    """A server of which much has been asked."""
    server = start(REDIS_MODE="none", SENTRY_DSN=f"http://key@127.0.0.1:{free_port()}/1", SENTRY_TRACES_SAMPLE_RATE="1")
    token = server.mint(profile)
    for path in ("/livez", "/readyz", "/nothing", f"/api/entitlements/{profile}", "/api/design/tokens"):
        server.get(path, token=token)
    server.request("POST", "/api/test-error")
    server.inner("/metrics")
    return server


def test_promtool_finds_nothing(busy):
    text = busy.inner("/metrics")
    assert text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run(["promtool", "check", "metrics"], input=text.body, capture_output=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, (done.stdout + done.stderr).decode()


def test_openmetrics_for_who_prefers_it(busy):
    answer = busy.get("/metrics", port=busy.metrics_port, headers={"Accept": OPENMETRICS})
    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8" and answer.headers["Vary"] == "Accept"
    lines = answer.body.decode().split("\n")
    assert lines[-2:] == ["# EOF", ""]
    families, family = {}, None
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            family, kind = line.split(" ")[2:]
            assert family not in families and not (kind == "counter" and family.endswith("_total")), line
            families[family] = kind
        elif not line.startswith("# HELP "):
            name = SAMPLE.fullmatch(line).group(1)
            ends = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}[families[family]]
            assert name in [family + end for end in ends], line
    assert families["http_requests"] == "counter" and families["http_request_duration_seconds"] == "histogram"
    for accept in ("text/plain", "*/*", "application/json", "application/openmetrics-text;q=0"):
        assert busy.get("/metrics", port=busy.metrics_port, headers={"Accept": accept}).headers["Content-Type"].startswith("text/plain"), accept


def test_objectives_can_be_told_from_it(busy):
    """The labels by which the rules leave out what counts in no objective, and the bounds that objectives name."""
    busy.counted('http_requests_total{method="POST",route="/api/test-error",status="500"}', 1)
    # what isn't either of these is what users asked for
    users = {"/auth/token", "/api/entitlements/:profileId", "/api/design/tokens", "none"}
    others = {"/livez", "/readyz", "/healthz", "/metrics", "/api/test-error"}

    def all_counted():
        text = busy.inner("/metrics").body.decode()
        return set(re.findall(r'http_requests_total\{method="[A-Z]+",route="([^"]+)"', text)) - others == users and text

    text = until(all_counted, what="all to be counted")
    assert busy.metric('supernova_secret_loaded_timestamp_seconds{key="ISSUER_ADMIN_SECRET",version="current"}') == busy.metric("process_start_time_seconds")
    for bound in ("0.5", "2"):
        assert re.search(r'http_request_duration_seconds_bucket\{method="GET",route="/api/design/tokens",le="' + bound + r'"\} [01]\n', text)


def test_the_log_has_pinos_shape_and_no_token(busy, profile):
    token = busy.mint(profile)
    busy.get(f"/api/entitlements/{token}?access_token={token}", token=token, headers={"User-Agent": token, "Cookie": token, "x-request-id": "leaky"})
    busy.get(f"/api/entitlements/{profile}?a=b", token=token, headers={"User-Agent": "me/1", "x-request-id": "plain"})
    line = until(lambda: busy.lines(reqId="plain", msg="request completed"), what="the line")[0]
    assert set(line) == {"level", "time", "pid", "hostname", "msg", "reqId", "req", "res", "responseTime", "sub", "route", "traceId", "spanId"}
    assert line["level"] == 30 and line["req"] == {"method": "GET", "url": f"/api/entitlements/{profile}", "remoteAddress": "127.0.0.1", "userAgent": "me/1"}
    assert line["res"] == {"statusCode": 200} and line["responseTime"] > 0 and line["pid"] in busy.workers()
    leaky = until(lambda: busy.lines(reqId="leaky", msg="request completed"), what="the other line")[0]
    assert leaky["req"]["url"] == leaky["req"]["userAgent"] == "[redacted]"
    assert "eyJ" not in busy.logged()
