"""A real API server with controllers for the tests of the operator as a process.

    KUBECONFIG=$(hack/cluster up --name crash --control-plane-only --with-controllers) OPERATOR_BINARY=… pytest operator/tests

KUBECONFIG: the administrator of it. OPERATOR_BINARY: the operator, best one with the sanitizers (build/asan's where it is not set).
"""

import itertools
import os
import pathlib
import uuid

import pytest
import yaml

from kubeapi import ApiServer, wait_until
from kubelet import Kubelet
from play import a_play
from scene import Scene

CRD = pathlib.Path(__file__).parents[2] / "crds/platform.supernova.com_supernovastacks.yaml"


@pytest.fixture(scope="session")
def api():
    assert "KUBECONFIG" in os.environ, "KUBECONFIG names no cluster; see operator/tests/conftest.py"
    server = ApiServer(os.environ["KUBECONFIG"])
    manifest = yaml.safe_load(CRD.read_text())
    server.apply("customresourcedefinitions", manifest["metadata"]["name"], manifest)
    wait_until("the CRD is served", lambda: server.items("supernovastacks") is not None)
    return server


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
