"""The Grafana dashboard of a stack: JSON with queries that Prometheus parses, over metrics that somebody exports, in panels that lie side by side.

How it looks nobody tells here: Grafana is in no registry of ours.
"""

import itertools
import json
import pathlib
import re

import pytest

from promtool import promtool
from test_alerts import OF_PROMETHEUS, Rules, exported, rule_spec, selected

HERE = pathlib.Path(__file__).parent


def config_map(golden):
    items = json.loads((HERE / "golden" / f"{golden}.json").read_text())["items"]
    return next(item for item in items if item["kind"] == "ConfigMap" and item["metadata"]["name"].endswith("-dashboard"))


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(config_map("production")["data"]["supernova-supernova-server.json"])


def queries(dashboard):
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return found + [item["expr"] for item in dashboard["annotations"]["list"]]


def as_prometheus_gets_it(query):
    return re.sub(r"\$__rate_interval", "5m", query)


def test_grafana_can_find_it():
    for golden in ("production", "full"):
        found = config_map(golden)
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert len(found["data"]) == 1 and len(json.dumps(found)) < 200_000, "a ConfigMap may have 1 MiB"


def test_two_stacks_have_two_dashboards():
    texts = [text for golden in ("production", "full") for text in config_map(golden)["data"].items()]
    assert len({name for name, _ in texts}) == 2
    dashboards = [json.loads(text) for _, text in texts]
    assert len({d["uid"] for d in dashboards}) == len({d["title"] for d in dashboards}) == 2
    assert all(len(d["uid"]) <= 40 for d in dashboards)


def test_nothing_is_left_to_fill_in(dashboard):
    assert "@" not in json.dumps(dashboard)
    for query in queries(dashboard):
        assert 'namespace="supernova"' in query and "supernova-server" in query, query


def test_prometheus_parses_each_query(dashboard, tmp_path):
    rules = [{"record": f"query:{i}", "expr": as_prometheus_gets_it(query)} for i, query in enumerate(queries(dashboard))]
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", path) and len(rules) > 30
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": [{"record": "query:x", "expr": "sum(rate("}]}]}))
    with pytest.raises(AssertionError):
        promtool("check", "rules", path)


def test_each_metric_is_exported_or_recorded(dashboard, tmp_path):
    known = exported() | OF_PROMETHEUS | {rule["record"] for rule in Rules(rule_spec("production"), tmp_path).all("record")}
    for query in queries(dashboard):
        names = selected(as_prometheus_gets_it(query))
        assert names and not names - known, (query, names - known)


def test_the_runbooks_queries_are_there(dashboard):
    text = "\n".join(queries(dashboard))
    for part in ("sum by (status) (rate(http_requests_total{", 'status=~"5.."', "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{",
                 "process_cpu_seconds_total", "process_resident_memory_bytes", "db_pool_in_use", "supernova_limiter_hits_total", 'status="429"'):
        assert part in text, part
    assert all(f"histogram_quantile({q}," in text for q in ("0.5", "0.95", "0.99"))


def area(panel):
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_panels_lie_side_by_side(dashboard):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for a, b in itertools.combinations(panels, 2):
        assert not area(a) & area(b), (a["title"], b["title"])
    for panel in panels:
        assert panel["title"] and panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"]
