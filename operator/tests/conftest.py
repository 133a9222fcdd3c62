"""A real API server with controllers for the tests of the operator as a process.

    KUBECONFIG=$(hack/cluster up --name crash --control-plane-only --with-controllers) OPERATOR_BINARY=… pytest operator/tests

KUBECONFIG: the administrator of it. OPERATOR_BINARY: the operator, best one with the sanitizers (build/asan's where it is not set).
"""

import itertools
import os
import pathlib
import uuid

import pytest

from kubeapi import ApiServer, wait_until
from kubelet import Kubelet
from operator_process import Operator
from proxy import UNCOUNTED, USER, Proxy
from scene import Scene

CRD = pathlib.Path(__file__).parents[2] / "crds/platform.supernova.com_supernovastacks.yaml"


@pytest.fixture(scope="session")
def api():
    import yaml
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

    def make(furnished=True):
        name = f"operator-{run}-{next(numbers)}"
        api.create("namespaces", None, {"metadata": {"name": name}})
        made.append(name)
        kubelet.namespaces.add(name)
        scene = Scene(api, name)
        if furnished:
            scene.furnish()
        return scene

    yield make
    for name in made:
        kubelet.namespaces.discard(name)
        api.delete("namespaces", None, name)


class Play:
    """A scene, the proxy to it, and the operators that were started on it."""

    def __init__(self, scene, proxy, folder):
        self.scene, self.proxy, self.folder, self.operators = scene, proxy, folder, []
        self.forgotten = 0  # of the audit log's writes

    def start(self, **settings):
        name = f"operator-{len(self.operators) + 1}"
        operator = Operator(self.folder, self.proxy.write_kubeconfig(self.folder), self.scene.namespace, name=name, **settings)
        self.operators.append(operator)
        return operator

    def end(self):
        """Every operator that still runs ends well, and no sanitizer has complained."""
        for operator in self.operators:
            if operator.alive:
                assert operator.terminate() == 0, operator.log[-3000:]
        reports = "".join({operator.reports() for operator in self.operators})
        assert not reports, reports[:8000]

    def written(self):
        """The operator's writes since forget_writes, as the API server's audit log has them."""
        return self.scene.api.audit(self.scene.namespace, USER, UNCOUNTED)[self.forgotten:]

    def forget_writes(self):
        """Begins to count anew; what the proxy had counted."""
        self.forgotten += len(self.written())
        writes, self.proxy.writes = self.proxy.writes, []
        return writes

    def log(self):
        return self.operators[-1].log[-3000:]

    def abandon(self):
        for operator in self.operators:
            if operator.alive:
                operator.kill()


@pytest.fixture
def make_play(api, make_scene, tmp_path):
    """Plays of which nothing is left at the end of the test."""
    plays = []

    def make(furnished=True):
        play = Play(make_scene(furnished), Proxy(api).__enter__(), tmp_path / str(len(plays)))
        play.folder.mkdir()
        plays.append(play)
        return play

    yield make
    for play in plays:
        play.abandon()
        play.proxy.__exit__()


@pytest.fixture
def play(make_play):
    made = make_play()
    yield made
    made.end()
