"""hack/quickstart on a cluster that is there: what it makes answers, and goes with --down without anything else."""
import re

import pytest

from kube import SOURCE, SYSTEM, apply, items, kubectl, read, run, wait_for
from registry import Registry

CRD = SOURCE / "crds/platform.supernova.com_supernovastacks.yaml"
NAMESPACE = "supernova-dev"


@pytest.fixture(scope="module")
def quickstart(cluster):
    def quickstart(*words):
        return run(SOURCE / "hack/quickstart", "--kubeconfig", cluster.kubeconfig, *words, timeout_s=900)
    yield quickstart
    quickstart("--down")


@pytest.fixture(scope="module")
def registry(cluster):
    registry = Registry(cluster)
    yield registry.name
    registry.stop()


@pytest.fixture(scope="module")
def before():
    return everything()


@pytest.fixture(scope="module")
def coins(quickstart, registry, before, pod_logs):
    """It ran twice: what the profile had after each."""
    def ran():
        done = quickstart("--registry", registry)
        assert done.returncode == 0, done.stderr
        return re.search(r"has (\d+) now", done.stderr)[1]
    return [ran(), ran()]


def everything():
    of_the_cluster = [(kind, None) for kind in ("customresourcedefinition", "apiservice", "namespace", "clusterrole", "clusterrolebinding")]
    of_default = [(kind, "default") for kind in ("pod", "service", "deployment", "secret", "configmap")]
    return {(kind, thing["metadata"]["name"]) for kind, namespace in of_the_cluster + of_default for thing in items(kind, namespace)}


def fails(done, *sentences):
    assert done.returncode == 1, done.stdout
    for sentence in sentences:
        assert sentence in done.stderr


def test_a_registry_that_does_not_answer_is_told(quickstart, before):
    fails(quickstart("--registry", "localhost:1/team"), 'failed at "Reaching the registry"', "no registry answers at localhost:1/team", "connection refused")
    assert everything() == before


def test_a_cluster_that_does_not_answer_is_told(cluster, tmp_path):
    wrong = tmp_path / "kubeconfig"
    wrong.write_text(cluster.kubeconfig.read_text().replace(":6443", ":1"))
    for words in (["--registry", "localhost:1"], ["--down"]):
        fails(run(SOURCE / "hack/quickstart", "--kubeconfig", wrong, *words), 'failed at "Reaching the cluster"', f"no cluster answers behind {wrong}")


def test_what_others_made_is_left_alone(quickstart, registry, before):
    kubectl("apply", "--server-side", "-f", CRD)
    try:
        fails(quickstart("--registry", registry), "has the crd supernovastacks.platform.supernova.com already")
        assert "nothing on it" in quickstart("--down").stderr
        wait_for("the CRD and its APIService alone are more", lambda: len(everything() - before) == 2)
    finally:
        kubectl("delete", "-f", CRD)
        wait_for("both are gone", lambda: everything() == before)


def test_a_second_run_keeps_what_the_first_made(coins):
    assert coins == ["100", "200"]


def test_all_that_it_said_is_there(coins):
    assert read("deployment", "supernova-operator", SYSTEM)["status"]["availableReplicas"] == 2
    assert read("supernovastack", "supernova-server", NAMESPACE)["status"]["phase"] == "Ready"
    assert read("deployment", "supernova-server", NAMESPACE)["status"]["availableReplicas"] == 3


@pytest.mark.parametrize("namespace", [SYSTEM, NAMESPACE])
def test_every_image_is_pulled_from_the_registry(coins, registry, namespace):
    images = kubectl("-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].spec.containers[*].image}").split()
    assert images and all(image.startswith(f"{registry}/supernova-") for image in images), images


def test_a_stack_of_others_holds_up_its_end(coins, quickstart):
    apply({"apiVersion": "platform.supernova.com/v1alpha1", "kind": "SupernovaStack", "metadata": {"name": "other"},
           "spec": {"environment": "development", "secrets": {"name": "none"}}}, namespace="default")
    try:
        fails(quickstart("--down"), "default/other")
        assert read("deployment", "supernova-operator", SYSTEM), "nothing was removed"
    finally:
        kubectl("-n", "default", "delete", "supernovastack", "other")


def test_nothing_is_left_after_its_end(coins, quickstart, before):
    done = quickstart("--down")
    assert done.returncode == 0, done.stderr
    # an APIService goes a moment after its CRD
    wait_for("nothing is left", lambda: everything() == before)
