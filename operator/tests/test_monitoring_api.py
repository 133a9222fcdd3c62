"""The operator where the prometheus-operator's API comes and goes, and with it what is made for Prometheus and Grafana."""

import http.client
import socket
import subprocess

import pytest

from kubeapi import wait_until
from proxy import Answer
from scene import SPEC, STACK

PLAIN = SPEC | {"migrations": {"enabled": False}}
STATUS = f"PATCH supernovastacks/{STACK}/status"
MADE = {"services": f"{STACK}-metrics", "servicemonitors": STACK, "prometheusrules": STACK, "configmaps": f"{STACK}-dashboard"}


@pytest.fixture
def deployed(play, monitoring_api):
    play.start(DISCOVERY_SECONDS="1")
    play.scene.create_stack(PLAIN)
    play.scene.await_deployed()
    wait_until("all is made", lambda: there(play) == set(MADE))
    play.proxy.await_quiet()
    play.forget_writes()
    return play


def there(play):
    return {resource for resource, name in MADE.items() if play.scene.api.find(resource, play.scene.namespace, name)}


def condition(play, kind):
    return next((c for c in play.scene.stack()["status"]["conditions"] if c["type"] == kind), None)


def test_it_is_made_where_the_api_is_and_an_idle_stack_costs_nothing(deployed):
    monitor = deployed.scene.api.get("servicemonitors", deployed.scene.namespace, STACK)
    service = deployed.scene.api.get("services", deployed.scene.namespace, MADE["services"])
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    public = deployed.scene.find("services")
    assert not monitor["spec"]["selector"]["matchLabels"].items() <= public["metadata"]["labels"].items(), "the public Service is not scraped"
    assert service["spec"]["clusterIP"] == "None" and [port["name"] for port in public["spec"]["ports"]] == ["http"]
    rule = deployed.scene.api.get("prometheusrules", deployed.scene.namespace, STACK)
    assert len([r for group in rule["spec"]["groups"] for r in group["rules"] if "alert" in r]) > 10
    deployed.proxy.await_quiet(4)
    assert deployed.proxy.writes == [], "the API is looked for each second, and nothing is written"


def test_a_restart_of_the_operator_writes_nothing(deployed):
    deployed.operators[0].terminate()
    deployed.forget_writes()
    deployed.start(DISCOVERY_SECONDS="1")
    wait_until("the new one leads", lambda: (deployed.scene.lease_holder() or "").startswith("operator-2"))
    deployed.proxy.await_quiet(2)
    assert deployed.proxy.writes == []


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def scrape(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def test_the_operator_tells_of_the_stack(play):
    port = free_port()
    play.start(METRICS_PORT=str(port))
    play.scene.create_stack(PLAIN)
    play.scene.await_deployed()
    play.proxy.await_quiet()
    text = scrape(port)
    of_stack = f'namespace="{play.scene.namespace}",name="{STACK}"'
    for line in (f'supernova_stack_ready{{{of_stack}}} 1', f'supernova_stack_phase{{{of_stack},phase="Ready"}} 1',
                 f'supernova_stack_revision_current{{{of_stack}}} 1', f"supernova_stack_transition_timestamp_seconds{{{of_stack}}} "):
        assert line in text, text
    pods = [line for line in text.splitlines() if line.startswith(f"supernova_stack_pod_restarts_total{{{of_stack},pod=")]
    assert len(pods) == PLAIN["replicas"] and all(line.endswith(" 0") for line in pods), pods
    assert all("namespace=" in line and "name=" in line for line in text.splitlines() if line.startswith("supernova_stack_"))
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_drift_is_mended(deployed):
    deployed.scene.api.patch("servicemonitors", deployed.scene.namespace, STACK, {"spec": {"jobLabel": "other"}})
    deployed.scene.api.delete("prometheusrules", deployed.scene.namespace, STACK)
    wait_until("the change is set back", lambda: deployed.scene.api.get("servicemonitors", deployed.scene.namespace, STACK)["spec"]["jobLabel"]
               == "platform.supernova.com/stack")
    wait_until("the deleted one is made again", lambda: there(deployed) == set(MADE))


def test_what_is_turned_off_goes(deployed):
    deployed.scene.change_stack({"monitoring": {"serviceMonitor": "disabled"}})
    wait_until("the monitor and its Service are gone", lambda: there(deployed) == {"prometheusrules", "configmaps"})
    deployed.scene.change_stack({"monitoring": {"prometheusRule": "disabled", "dashboard": "disabled"}})
    wait_until("all is gone", lambda: not there(deployed))
    deployed.scene.await_deployed()
    assert not condition(deployed, "Monitored")


def test_a_label_reaches_what_prometheus_selects(deployed):
    deployed.scene.change_stack({"monitoring": {"labels": {"release": "prometheus"}}})
    for resource in ("servicemonitors", "prometheusrules", "configmaps"):
        wait_until(f"{resource} bear it", lambda resource=resource: deployed.scene.api.get(
            resource, deployed.scene.namespace, MADE[resource])["metadata"]["labels"].get("release") == "prometheus")


def test_the_api_goes_and_comes_back(deployed, monitoring_api):
    monitoring_api.remove()
    try:
        deployed.scene.change_stack({"monitoring": {"serviceMonitor": "enabled"}})
        wait_until("what it took with it is cleared away", lambda: not there(deployed))
        wait_until("it is told", lambda: (condition(deployed, "Monitored") or {}).get("reason") == "MonitoringApiMissing")
        deployed.scene.await_deployed()
        assert condition(deployed, "Ready")["status"] == "True", "a stack without its monitor serves all the same"
        deployed.forget_writes()
        deployed.proxy.await_quiet(4)
        assert deployed.proxy.writes == [], "nothing is tried in vain"
    finally:
        monitoring_api.install()
    wait_until("all is made again", lambda: there(deployed) == set(MADE))
    wait_until("it is told", lambda: (condition(deployed, "Monitored") or {}).get("status") == "True")


def test_a_cluster_that_refuses_the_operator_this_api_gets_the_rest(play, monitoring_api):
    play.proxy.rule = lambda request: Answer(403) if request.resource in ("servicemonitors", "prometheusrules") else None
    play.start(DISCOVERY_SECONDS="1")
    play.scene.create_stack(PLAIN)
    play.scene.await_deployed()
    assert not there(play) & {"servicemonitors", "prometheusrules"}
