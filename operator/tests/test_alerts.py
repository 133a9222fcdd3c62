"""The alerts of a stack, tried with series: each one fires when it should, and is silent just below, and where others are meant.

What is tried is what the golden manifest of a production stack says. Needs promtool (Debian: prometheus).
"""

import json
import pathlib
import re

import pytest

from promtool import Case, Rules

HERE = pathlib.Path(__file__).parent
SERVER_METRICS = HERE.parents[1] / "api-server/src/observe/metrics.c"
OPERATOR_METRICS = HERE.parent / "src/runtime/metric_rows.c"
OF_PROMETHEUS = {"up"}


def rule_spec(golden):
    items = json.loads((HERE / "golden" / f"{golden}.json").read_text())["items"]
    return next(item["spec"] for item in items if item["kind"] == "PrometheusRule")


@pytest.fixture
def rules(tmp_path):
    return Rules(rule_spec("production"), tmp_path)


OURS = 'namespace="supernova",job="supernova-server"'
TOLD = 'namespace="supernova",name="supernova-server"'
ROUTE = "/api/entitlements/:profileId"


def steady(per_minute):
    return f"0+{per_minute}x90"


def requests(route=ROUTE, **per_minute):
    """One pod, and so many answers a minute of each status: requests(s200=95, s500=5)."""
    return {f'http_requests_total{{{OURS},pod="a",method="GET",route="{route}",status="{status[1:]}"}}': steady(count)
            for status, count in per_minute.items()}


def durations(route=ROUTE, total=100, **below):
    """Answers a minute that took at most so long: durations(total=100, b0_5=60, b2=90)."""
    counts = {key[1:].replace("_", "."): count for key, count in below.items()} | {"+Inf": total}
    return {f'http_request_duration_seconds_bucket{{{OURS},pod="a",method="GET",route="{route}",le="{bound}"}}': steady(count)
            for bound, count in counts.items()}


def of_server(metric, values, labels="", pod="a"):
    return {f'{metric}{{{OURS},pod="{pod}"{"," + labels if labels else ""}}}': values}


def of_operator(metric, values, labels, instance="operator-1"):
    return {f'{metric}{{{TOLD},{labels},instance="{instance}"}}': values}


def restarts(values, **more):
    return of_operator("supernova_stack_pod_restarts_total", values, 'pod="a"', **more)


ELSEWHERE = {name.replace('namespace="supernova"', 'namespace="other"'): values for name, values in requests(s500=100).items()}
ALL_WELL = requests(s200=100) | durations(b0_5=100, b2=100) | of_server("up", "1x90")
GI = 1 << 30

CASES = [
    Case("SupernovaDown", "10m", of_server("up", "0x90"), [{}], "no pod answers"),
    Case("SupernovaDown", "10m", {}, [{}], "there is no pod at all"),
    Case("SupernovaDown", "10m", of_server("up", "0x90") | of_server("up", "1x90", pod="b"), [], "one of two answers"),
    Case("SupernovaDown", "11m", of_server("up", "1x9 0 1x90"), [], "it has been one minute"),

    Case("SupernovaCrashLoop", "10m", restarts("0x4 0 1 1 2 3 3x20"), [{"pod": "a"}], "three times in five minutes"),
    Case("SupernovaCrashLoop", "10m", restarts("0x4 0 1 1 1 2 2x20"), [], "twice"),
    Case("SupernovaCrashLoop", "30m", restarts("0x4 1x9 2x9 3x9"), [], "three times, but in half an hour"),
    Case("SupernovaCrashLoop", "30m", restarts("7x90"), [], "long ago"),
    Case("SupernovaCrashLoop", "10m", restarts("7x8 _x90") | restarts("_x8 7x90", instance="operator-2"), [], "another operator tells of it"),

    Case("SupernovaDatabaseUnreachable", "10m", of_server("supernova_dependency_up", "1x4 0x90", 'name="database"'), [{}]),
    Case("SupernovaDatabaseUnreachable", "10m", of_server("supernova_dependency_up", "1x90", 'name="database"')
         | of_server("supernova_dependency_up", "0x90", 'name="redis"'), [], "it is Redis that is away"),
    Case("SupernovaDatabaseUnreachable", "10m", of_server("supernova_dependency_up", "1x8 0 1x90", 'name="database"'), [], "for a moment"),

    Case("SupernovaMigrationFailed", "5m", of_operator("supernova_stack_migration_state", "1x90", 'kind="migrate",state="Failed"'), [{"kind": "migrate"}]),
    Case("SupernovaMigrationFailed", "5m", of_operator("supernova_stack_migration_state", "1x90", 'kind="migrate",state="Waiting"'), [], "it is tried again"),

    Case("SupernovaErrorRate", "20m", requests(s200=94, s500=4, s503=2), [{}], "6 %"),
    Case("SupernovaErrorRate", "20m", requests(s200=80, s401=16, s500=4), [], "4 %, and what callers do wrong"),
    Case("SupernovaErrorRate", "20m", requests(s200=2, s500=1), [], "15 requests are no measure"),
    Case("SupernovaErrorRate", "20m", requests(s200=100) | requests("/api/test-error", s500=50) | requests("/readyz", s503=50), [],
         "errors on purpose, and probes"),
    Case("SupernovaErrorRate", "20m", requests(s200=100) | ELSEWHERE, [], "another namespace's"),

    Case("SupernovaSlow", "20m", requests(s200=100) | durations(b0_5=50, b2=90, b5=100), [{}], "10 % take more than 2 s"),
    Case("SupernovaSlow", "20m", requests(s200=100) | durations(b0_5=50, b2=96, b5=100), [], "4 % do"),
    Case("SupernovaSlow", "20m", ALL_WELL | durations("/api/live", b0_5=0, b2=0), [], "listeners stay for long"),
    Case("SupernovaSlow", "20m", requests(s200=2) | durations(total=2, b0_5=0, b2=0), [], "10 requests are no measure"),

    Case("SupernovaAuthBypass", "5m", of_server("supernova_auth_bypass_active", "1x90") | of_server("supernova_auth_bypass_active", "0x90", pod="b"), [{}]),
    Case("SupernovaAuthBypass", "5m", of_server("supernova_auth_bypass_active", "0x90"), []),

    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | requests(s200=92, s500=8), [{"slo": "success"}], "8 % fail"),
    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | requests(s200=96, s500=4), [{"slo": "success"}], "4 % fail, for hours"),
    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | requests(s200=98, s500=2), [], "2 % fail"),
    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | durations(b0_5=60, b2=100), [{"slo": "latency"}], "40 % take longer than 500 ms"),
    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | durations(b0_5=80, b2=100), [], "20 % do"),
    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | of_server("up", "1x59 0x30"), [{"slo": "availability"}], "down for ten minutes"),
    Case("SupernovaBudgetBurnsFast", "80m", ALL_WELL | of_server("up", "1x30 0x3 1x90"), [], "an outage that is long over"),
    Case("SupernovaBudgetBurnsFast", "70m", ALL_WELL | requests("/api/test-error", s500=100) | requests("/livez", s500=100), [], "errors on purpose"),

    Case("SupernovaBudgetBurnsSlowly", "70m", ALL_WELL | requests(s200=98, s500=2), [{"slo": "success"}], "2 % fail"),
    Case("SupernovaBudgetBurnsSlowly", "70m", ALL_WELL | requests(s200=992, s500=8), [{"slo": "success"}], "0.8 % fail, for days"),
    Case("SupernovaBudgetBurnsSlowly", "70m", ALL_WELL | requests(s200=996, s500=4), [], "0.4 % fail"),
    Case("SupernovaBudgetBurnsSlowly", "70m", ALL_WELL | durations(b0_5=80, b2=100), [{"slo": "latency"}], "20 % take longer than 500 ms"),
    Case("SupernovaBudgetBurnsSlowly", "70m", ALL_WELL | durations(b0_5=96, b2=100), [], "4 % do"),
    Case("SupernovaBudgetBurnsSlowly", "80m", ALL_WELL | of_server("up", "1x30 0x3 1x90"), [{"slo": "availability"}], "an outage of three minutes"),
    Case("SupernovaBudgetBurnsSlowly", "80m", ALL_WELL, [], "all is well"),

    Case("SupernovaRateLimited", "20m", requests(s200=88, s429=12), [{}], "12 %"),
    Case("SupernovaRateLimited", "20m", requests(s200=92, s429=8), [], "8 %"),
    Case("SupernovaRateLimited", "20m", requests(s200=1, s429=1), [], "10 requests are no measure"),

    Case("SupernovaAtMaxReplicas", "40m", {k: v for i in range(10) for k, v in of_server("up", "1x90", pod=str(i)).items()}, [{}], "10 of 10"),
    Case("SupernovaAtMaxReplicas", "40m", {k: v for i in range(9) for k, v in of_server("up", "1x90", pod=str(i)).items()}, [], "9 of 10"),

    Case("SupernovaMemory", "20m", of_server("process_resident_memory_bytes", f"{int(1.8 * GI)}x90"), [{"pod": "a"}], "90 % of 2 GiB"),
    Case("SupernovaMemory", "20m", of_server("process_resident_memory_bytes", f"{int(1.6 * GI)}x90"), [], "80 %"),

    Case("SupernovaSlowQueries", "20m", of_server("db_query_duration_seconds_bucket", steady(90), 'statement="grant",le="1"')
         | of_server("db_query_duration_seconds_bucket", steady(100), 'statement="grant",le="2"')
         | of_server("db_query_duration_seconds_bucket", steady(100), 'statement="grant",le="+Inf"'), [{"statement": "grant"}], "10 % over 1 s"),
    Case("SupernovaSlowQueries", "20m", of_server("db_query_duration_seconds_bucket", steady(1000), 'statement="grant",le="1"')
         | of_server("db_query_duration_seconds_bucket", steady(1001), 'statement="grant",le="+Inf"'), [], "one in a thousand"),

    Case("SupernovaRedisUnreachable", "20m", of_server("supernova_dependency_up", "0x90", 'name="redis"'), [{}]),
    Case("SupernovaRedisUnreachable", "20m", of_server("supernova_dependency_up", "1x90", 'name="redis"')
         | of_server("supernova_dependency_up", "0x90", 'name="database"'), [], "it is the database that is away"),
]


@pytest.mark.parametrize("golden", ["production", "full"])
def test_promtool_takes_the_rules(golden, tmp_path):
    assert "SUCCESS" in Rules(rule_spec(golden), tmp_path).check()


def test_each_alert_fires_when_it_should_and_only_then(rules):
    assert "SUCCESS" in rules.run(CASES)


def test_a_wrong_expectation_would_be_seen(rules):
    with pytest.raises(AssertionError, match="SupernovaDown"):
        rules.run([Case("SupernovaDown", "10m", of_server("up", "1x90"), [{}])])


def test_no_alert_is_untried(rules):
    alerts = set(rules.alerts())
    assert {case.alert for case in CASES if case.expected} == alerts
    assert {case.alert for case in CASES if not case.expected} == alerts


def test_an_alert_says_how_bad_it_is_and_what_helps(rules):
    for name, alert in rules.alerts().items():
        assert alert["labels"]["severity"] in ("critical", "warning"), name
        assert set(alert["annotations"]) == {"summary", "description", "command"}, name
        assert alert["annotations"]["command"].startswith(("kubectl -n supernova ", "psql ")), name


def test_the_runbooks_lists_are_whole(rules):
    severities = {name: alert["labels"]["severity"] for name, alert in rules.alerts().items()}
    assert {name for name, severity in severities.items() if severity == "critical"} == {
        "SupernovaDown", "SupernovaCrashLoop", "SupernovaDatabaseUnreachable", "SupernovaMigrationFailed", "SupernovaErrorRate", "SupernovaSlow",
        "SupernovaAuthBypass", "SupernovaBudgetBurnsFast"}
    assert {name for name, severity in severities.items() if severity == "warning"} == {
        "SupernovaRateLimited", "SupernovaAtMaxReplicas", "SupernovaMemory", "SupernovaSlowQueries", "SupernovaRedisUnreachable",
        "SupernovaBudgetBurnsSlowly"}


def test_what_a_stack_has_not_it_is_not_alerted_of(tmp_path):
    assert "SupernovaAuthBypass" not in Rules(rule_spec("full"), tmp_path).alerts(), "its spec opens the door"


def exported():
    """Every metric name in the tables of the server and the operator, with what histograms add."""
    names = set(re.findall(r'\{"([a-z][a-z0-9_]+)",\s*"', SERVER_METRICS.read_text()))
    names |= set(re.findall(r'\{"([a-z][a-z0-9_]+)",\s*METRIC_', OPERATOR_METRICS.read_text()))
    return names | {f"{name}_{suffix}" for name in names for suffix in ("bucket", "sum", "count")}


def selected(query):
    """The metrics that a query reads: names before a selector, or between operators where nothing but a recorded name can stand."""
    bare = re.sub(r'"(\\.|[^"\\])*"', '""', query)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*[{\[]", bare)) | set(re.findall(r"\b[a-z0-9_]+:[a-zA-Z0-9_:]+", bare))


@pytest.mark.parametrize("golden", ["production", "full"])
def test_rules_read_what_is_exported_or_recorded(golden, tmp_path):
    rules = Rules(rule_spec(golden), tmp_path)
    known = exported() | OF_PROMETHEUS | {rule["record"] for rule in rules.all("record")}
    for group in rules.groups:
        for rule in group["rules"]:
            assert not selected(rule["expr"]) - known, rule


def test_the_tables_are_read():
    assert {"http_requests_total", "db_query_duration_seconds_bucket", "supernova_stack_pod_restarts_total", "workqueue_depth"} <= exported()
