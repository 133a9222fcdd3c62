"""A real API server with controllers for the tests of the operator as a process.

    KUBECONFIG=$(hack/cluster up --name crash --control-plane-only --with-controllers) OPERATOR_BINARY=… pytest operator/tests

KUBECONFIG: the administrator of it. OPERATOR_BINARY: the operator, best one with the sanitizers (build/asan's where it is not set).
"""

import itertools
import os
import pathlib
import subprocess
import uuid

import pytest
import yaml

from kubeapi import ApiError, ApiServer, wait_until
from kubelet import Kubelet
from play import a_play
from scene import Scene

MAKE_MONITORING_CRDS = pathlib.Path(__file__).parents[2] / "hack/monitoring-crds/build"
CRD = pathlib.Path(__file__).parents[2] / "crds/platform.supernova.com_supernovastacks.yaml"


@pytest.fixture(scope="session")
def api():
    assert "KUBECONFIG" in os.environ, "KUBECONFIG names no cluster; see operator/tests/conftest.py"
    server = ApiServer(os.environ["KUBECONFIG"])
    manifest = yaml.safe_load(CRD.read_text())
    server.apply("customresourcedefinitions", manifest["metadata"]["name"], manifest)
    wait_until("the CRD is served", lambda: server.items("supernovastacks") is not None)
    return server


class MonitoringApi:
    """The prometheus-operator's API, which comes and goes with its CRDs."""

    def __init__(self, api):
        folder = subprocess.run([MAKE_MONITORING_CRDS], check=True, capture_output=True, text=True).stdout.strip()
        self.api, self.resources = api, ["servicemonitors", "prometheusrules"]
        self.manifests = [yaml.safe_load((pathlib.Path(folder) / f"monitoring.coreos.com_{name}.yaml").read_text()) for name in self.resources]

    def served(self):
        try:
            found = self.api.send("GET", "/apis/monitoring.coreos.com/v1")["resources"]
        except ApiError:
            return set()
        return {item["name"] for item in found} & set(self.resources)

    def install(self):
        for manifest in self.manifests:
            self.api.apply("customresourcedefinitions", manifest["metadata"]["name"], manifest)
        wait_until("the monitoring API is served", lambda: len(self.served()) == 2)
        for name in self.resources:
            wait_until(f"{name} can be listed", lambda name=name: self.api.items(name) is not None)

    def remove(self):
        for manifest in self.manifests:
            self.api.delete("customresourcedefinitions", None, manifest["metadata"]["name"])
        wait_until("the monitoring API is gone", lambda: not self.served())


@pytest.fixture(scope="module")
def monitoring_api(api):
    """There while a module's tests run, and not in those of others: what an operator finds there, it uses."""
    made = MonitoringApi(api)
    made.install()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def kubelet(api):
    with Kubelet(api) as player:
        yield player


@pytest.fixture(scope="session")
def make_scene(api, kubelet):
    """A furnished namespace, for whoever asks. All go at the end."""
    made, numbers, run = [], itertools.count(1), uuid.uuid4().hex[:6]

    def make():
        name = f"operator-{run}-{next(numbers)}"
        api.create("namespaces", None, {"metadata": {"name": name}})
        made.append(name)
        kubelet.namespaces.add(name)
        scene = Scene(api, name)
        scene.furnish()
        return scene

    yield make
    for name in made:
        kubelet.namespaces.discard(name)
        for stack in api.items("supernovastacks", name):  # whose finalizers no operator is there to take away
            api.patch("supernovastacks", name, stack["metadata"]["name"], {"metadata": {"finalizers": None}})
        api.delete("namespaces", None, name)


@pytest.fixture
def play(api, make_scene, tmp_path):
    """A furnished namespace and a proxy; whatever operators the test starts end well."""
    with a_play(api, make_scene(), tmp_path) as made:
        yield made
        made.end()
