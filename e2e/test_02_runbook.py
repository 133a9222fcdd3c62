"""The runbook's kubectl lines, as they are written: a stack named supernova-server in the namespace supernova."""
import re
import shlex
import subprocess

import pytest
import yaml

from kube import kubectl, request, wait_for


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack(namespace="supernova")
    literals = " ".join(f"--from-literal={key}='{value}'" for key, value in stack.secret.items())
    type(f"kubectl -n supernova create secret generic supernova-secrets {literals}")
    stack.apply(ingress={"enabled": True, "className": "nginx", "hosts": [{"host": "api.supernova.com"}]})
    stack.wait_ready()
    return stack


def type(line):
    """Runs a line of the runbook."""
    program, *words = shlex.split(line)
    assert program == "kubectl"
    return kubectl(*words)


def test_quick_health_check(stack):
    said = type("kubectl -n supernova get pods,svc,ingress")
    assert re.search(r"pod/supernova-server-\S+ +1/1 +Running", said)
    assert re.search(r"service/supernova-server +ClusterIP +\S+ +<none> +80/TCP", said)
    assert re.search(r"ingress\S*/supernova-server +nginx +api.supernova.com", said)


def test_rollout_status(stack):
    assert "successfully rolled out" in type("kubectl -n supernova rollout status deployment/supernova-server")


def test_logs_of_the_server(stack):
    assert '"level":' in type("kubectl -n supernova logs -l app=supernova-server --tail=50")


def test_the_migration_job(stack):
    assert "supernova-server-migrate-1" in type("kubectl -n supernova get jobs")
    assert type("kubectl -n supernova logs job/supernova-server-migrate-1").strip()
    assert re.search(r"Pods Statuses: .* 1 Succeeded", type("kubectl -n supernova describe job/supernova-server-migrate-1"))


def test_health_from_inside(stack):
    assert '"ok"' in type("kubectl -n supernova exec deploy/supernova-server -- supernova-server health")


def test_events(stack):
    wait_for("the event is there", lambda: "Deployed" in type("kubectl -n supernova get events --sort-by='.lastTimestamp'"))


def test_describe_pod(stack):
    for pod in stack.pods():
        assert re.search(r"Ready +True", type(f"kubectl -n supernova describe pod {pod}"))


def test_port_forward(stack):
    words = shlex.split("kubectl -n supernova port-forward svc/supernova-server 3001:80")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as forward:
        try:
            assert "Forwarding from" in forward.stdout.readline()
            assert request("GET", "http://127.0.0.1:3001/healthz")[0] == 200
        finally:
            forward.terminate()


def test_scale(stack):
    type("kubectl -n supernova scale deployment/supernova-server --replicas=5")
    wait_for("5 pods are ready", lambda: stack.status().get("readyReplicas") == 5)
    type("kubectl -n supernova scale deployment/supernova-server --replicas=1")
    wait_for("1 pod is left", lambda: len(stack.pods()) == 1)


def test_restart(stack):
    before = stack.pods()
    type("kubectl -n supernova rollout restart deployment/supernova-server")
    stack.wait_rolled(before)
    assert "successfully rolled out" in type("kubectl -n supernova rollout status deployment/supernova-server")


def test_backup_of_all_resources(stack):
    kinds = {item["kind"] for item in yaml.safe_load(type("kubectl get all -n supernova -o yaml"))["items"]}
    assert {"SupernovaStack", "Deployment", "Service", "Job", "Pod"} <= kinds
