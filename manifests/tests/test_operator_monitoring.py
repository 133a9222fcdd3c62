"""The component by which Prometheus watches the operator: rules that fire when they should, objects that the prometheus-operator's CRDs take."""

import os
import pathlib
import subprocess

import pytest
import yaml

from promtool import Case, Rules
from test_alerts import OF_PROMETHEUS, exported, selected
from test_render import MANIFESTS, kubectl, must, one

MAKE_CRDS = MANIFESTS.parent / "hack/monitoring-crds/build"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """What an overlay with the component makes."""
    folder = tmp_path_factory.mktemp("overlay")
    parts = {"resources": "operator", "components": "operator-monitoring"}
    overlay = {key: [os.path.relpath(MANIFESTS / name, folder.resolve())] for key, name in parts.items()}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(
        {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **overlay}))
    return list(yaml.safe_load_all(must("kustomize", folder).stdout))


@pytest.fixture
def rules(rendered, tmp_path):
    return Rules(one(rendered, "PrometheusRule")["spec"], tmp_path)


def told(metric, values, labels="", pod="a"):
    return {f'{metric}{{job="supernova-operator",instance="{pod}"{"," + labels if labels else ""}}}': values}


def rounds(errors, well):
    return (told("controller_runtime_reconcile_errors_total", f"0+{errors}x90", 'controller="supernovastack"')
            | told("controller_runtime_reconcile_total", f"0+{errors}x90", 'controller="supernovastack",result="error"')
            | told("controller_runtime_reconcile_total", f"0+{well}x90", 'controller="supernovastack",result="success"'))


SHOP = 'namespace="shop",name="web"'
NAMED = {"namespace": "shop", "name": "web"}
STANDBY = told("up", "1x90") | told("up", "1x90", pod="b") | told("leader_election_master_status", "0x90", 'name="supernova-operator"', pod="b")


def stack(ready, suspended=0, failed=0):
    return (told("supernova_stack_ready", f"{ready}x90", SHOP) | told("supernova_stack_suspended", f"{suspended}x90", SHOP)
            | told("supernova_stack_release_failed", f"{failed}x90", SHOP))


CASES = [
    Case("SupernovaOperatorDown", "10m", {}, [{}], "there is none"),
    Case("SupernovaOperatorDown", "10m", told("up", "0x90"), [{}], "it does not answer"),
    Case("SupernovaOperatorDown", "10m", told("up", "0x90") | told("up", "1x90", pod="b"), [], "the standby answers"),
    Case("SupernovaOperatorNotLeading", "10m", STANDBY | told("leader_election_master_status", "0x90", 'name="supernova-operator"'), [{}]),
    Case("SupernovaOperatorNotLeading", "10m", told("up", "1x90"), [{}], "it tells nothing of a Lease"),
    Case("SupernovaOperatorNotLeading", "10m", STANDBY | told("leader_election_master_status", "1x90", 'name="supernova-operator"'), []),
    Case("SupernovaOperatorNotLeading", "10m", {}, [], "that is another alert"),
    Case("SupernovaOperatorBlind", "15m", told("supernova_operator_watches_stale", "1x90", 'resource="pods"'), [{"resource": "pods"}]),
    Case("SupernovaOperatorBlind", "15m", told("supernova_operator_watches_stale", "0x90", 'resource="pods"'), []),
    Case("SupernovaOperatorBlind", "15m", told("supernova_operator_watches_stale", "0x10 1x2 0x90", 'resource="pods"'), [], "for two minutes"),
    Case("SupernovaOperatorErrors", "40m", rounds(errors=2, well=8), [{}], "20 %"),
    Case("SupernovaOperatorErrors", "40m", rounds(errors=2, well=98), [], "2 %"),
    Case("SupernovaOperatorErrors", "40m", rounds(errors=0, well=0), [], "nothing happens"),
    Case("SupernovaStackStalled", "10m", stack(ready=0, failed=1), [NAMED]),
    Case("SupernovaStackStalled", "10m", stack(ready=0), []),
    Case("SupernovaStackNotReady", "40m", stack(ready=0), [NAMED]),
    Case("SupernovaStackNotReady", "40m", stack(ready=1), []),
    Case("SupernovaStackNotReady", "20m", stack(ready=0), [], "a release takes its time"),
    Case("SupernovaStackNotReady", "40m", stack(ready=0, suspended=1), [], "it is suspended"),
    Case("SupernovaStackNotReady", "40m", stack(ready=0, failed=1), [], "that is another alert"),
]


def test_promtool_takes_the_rules(rules):
    assert "SUCCESS" in rules.check()


def test_each_alert_fires_when_it_should_and_only_then(rules):
    assert "SUCCESS" in rules.run(CASES)


def test_no_alert_is_untried(rules):
    for wanted in (True, False):
        assert {case.alert for case in CASES if bool(case.expected) == wanted} == set(rules.alerts())


def test_rules_read_what_the_operator_tells(rules):
    for rule in rules.alerts().values():
        assert selected(rule["expr"]) and not selected(rule["expr"]) - exported() - OF_PROMETHEUS, rule["expr"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description", "command"}


def test_the_monitor_finds_the_operators_service(rendered):
    monitor, service = one(rendered, "ServiceMonitor"), one(rendered, "Service")
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"] == "supernova-system"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert monitor["spec"]["endpoints"][0]["honorLabels"], "the stacks' namespaces are not to be renamed"
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "supernova-operator", "the job of the rules"


def test_the_base_is_without_it():
    kinds = {o["kind"] for o in yaml.safe_load_all(must("kustomize", MANIFESTS / "operator").stdout)}
    assert "ServiceMonitor" not in kinds and "PrometheusRule" not in kinds, "they would be refused where the API is not served"


@pytest.fixture(scope="module")
def monitoring_api():
    folder = pathlib.Path(subprocess.run([MAKE_CRDS], check=True, capture_output=True, text=True).stdout.strip())
    files = [flag for name in ("servicemonitors", "prometheusrules") for flag in ("-f", folder / f"monitoring.coreos.com_{name}.yaml")]
    must("apply", "--server-side", *files)
    must("wait", "--for", "condition=Established", "--timeout=30s", *files)
    yield
    kubectl("delete", *files)


def test_the_prometheus_operators_crds_take_them(rendered, monitoring_api):
    objects = [o for o in rendered if o["kind"] in ("ServiceMonitor", "PrometheusRule")]
    for o in objects:
        o["metadata"]["namespace"] = "default"
    done = must("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump_all(objects))
    assert len(done.stdout.splitlines()) == 2 and not done.stderr
