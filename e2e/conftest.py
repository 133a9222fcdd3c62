"""End-to-end tests: the operator in two replicas and its stacks on a full cluster, as a person with kubectl meets them.

    hack/test e2e [-k NAME] [--keep]

KUBECONFIG and E2E_CLUSTER name a cluster of hack/cluster that was given our images, tagged E2E_TAG. The scenarios are numbered from simple to
complex: the first that fails names the cause. After a failure the stacks of that test, their events and the last lines of all logs are shown.
"""
import os

import pytest

from kube import SYSTEM, Cluster, Databases, Stack, apply, install_operator, kubectl, run
from pod_logs import PodLogs

IMAGE = "docker.io/library/supernova-%s:" + os.environ.get("E2E_TAG", "quickstart")
made = []  # namespaces of stacks, the newest last


@pytest.fixture(scope="session")
def cluster():
    return Cluster(os.environ["E2E_CLUSTER"], os.environ["KUBECONFIG"])


@pytest.fixture(scope="session")
def pod_logs(cluster):
    logs = PodLogs(cluster.state)
    yield logs
    logs.stop()


@pytest.fixture(scope="session")
def server_image():
    return IMAGE % "server"


@pytest.fixture(scope="session")
def databases(pod_logs):
    databases = Databases()
    databases.start()
    return databases


@pytest.fixture(scope="session")
def operator(pod_logs, server_image):
    install_operator(IMAGE % "operator", server_image)


@pytest.fixture(scope="module")
def make_stack(request, operator, databases, server_image):
    """Makes stacks in namespaces of their own, in which Pod Security "restricted" rules; they go at the end of the module."""
    mine = []

    def make(label="", namespace=None, name="supernova-server"):
        namespace = namespace or "-".join(filter(None, [request.module.__name__.replace("_", "-"), label]))
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        mine.append(namespace)
        made.append(namespace)
        return Stack(namespace, server_image, databases, name)

    yield make
    for namespace in mine:
        run("kubectl", "-n", namespace, "delete", "supernovastacks", "--all", "--timeout=60s")
        run("kubectl", "delete", "namespace", namespace, "--wait=false")


def explain(logs):
    """Whatever may tell why, of the newest stacks and the operator."""
    for namespace in made[-2:]:
        yield f"=== {namespace}\n" + kubectl("-n", namespace, "get", "supernovastacks,pods,jobs,deployments", "-o", "wide")
        yield kubectl("-n", namespace, "get", "supernovastacks", "-o", "yaml")
        yield kubectl("-n", namespace, "get", "events", "--sort-by=.lastTimestamp")
        yield from logs.tail(f"{namespace}_*", 15)
    yield f"=== {SYSTEM}\n" + kubectl("-n", SYSTEM, "get", "pods", "-o", "wide")
    yield from logs.tail(f"{SYSTEM}_*")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and "pod_logs" in item.funcargs:
        try:
            report.sections.append(("the cluster", "\n".join(explain(item.funcargs["pod_logs"]))))
        except Exception as trouble:
            report.sections.append(("the cluster", f"can't be asked: {trouble}"))
    return report
