"""What kustomize makes of manifests/, tried on a real API server in namespaces of our own.

Needs kubectl and an API server that KUBECONFIG names (hack/test starts one).
"""
import json
import pathlib
import subprocess
import time

import pytest
import yaml

MANIFESTS = pathlib.Path(__file__).parent.parent
OPERATORS = ["operator", "operator-namespaced"]
OVERLAYS = {"overlays/dev": "supernova-dev", "overlays/staging": "supernova-staging", "overlays/prod": "supernova"}
CLUSTER_SCOPED = {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}


def kubectl(*args, stdin=None):
    return subprocess.run(["kubectl", *map(str, args)], input=stdin, capture_output=True, text=True, timeout=300)


def must(*args, stdin=None):
    done = kubectl(*args, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done


def render(folder):
    return list(yaml.safe_load_all(must("kustomize", MANIFESTS / folder).stdout))


def one(objects, kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} {kind} {name}"
    return found[0]


@pytest.fixture(scope="session")
def crd():
    end = time.monotonic() + 240
    must("apply", "--server-side", "--force-conflicts", "--field-manager", "crd-test", "-k", MANIFESTS.parent / "crds")
    must("wait", "--for", "condition=Established", "--timeout=240s", "crd/supernovastacks.platform.supernova.com")
    while kubectl("explain", "supernovastack.status").returncode != 0:  # kubectl's discovery and its documentation come a moment later
        assert time.monotonic() < end, "the API server doesn't tell what a stack is"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def namespace(crd):
    """Guarded as the rendered ones are, so that warnings of Pod Security are seen."""
    labels = one(render("operator"), "Namespace")["metadata"]["labels"]
    name = must("create", "-f", "-", "-o", "name", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "manifests-test-", "labels": labels}})).stdout
    yield name.strip().removeprefix("namespace/")
    kubectl("delete", name.strip(), "--wait=false")


def dry_run(objects, namespace):
    """Everything as a server would take it, with the namespaced objects moved into ours."""
    for o in objects:
        if o["kind"] not in CLUSTER_SCOPED:
            o["metadata"]["namespace"] = namespace
    return must("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-",
                stdin=yaml.safe_dump_all(objects))


@pytest.mark.parametrize("folder", OPERATORS + list(OVERLAYS))
def test_a_server_takes_it(namespace, folder):
    objects = render(folder)
    done = dry_run(objects, namespace)
    assert len(done.stdout.splitlines()) == len(objects)
    assert "Warning" not in done.stderr, "Pod Security restricted would refuse it"


def test_a_violation_would_be_seen(namespace):
    deployment = one(render("operator"), "Deployment")
    del deployment["spec"]["template"]["spec"]["securityContext"]
    assert "would violate PodSecurity" in dry_run([deployment], namespace).stderr


@pytest.mark.parametrize("folder", OPERATORS)
def test_two_replicas_that_a_drain_leaves_one_of(folder):
    objects = render(folder)
    deployment, budget = one(objects, "Deployment"), one(objects, "PodDisruptionBudget")
    assert deployment["spec"]["replicas"] == 2 and budget["spec"]["minAvailable"] == 1
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (deployment["spec"]["selector"]["matchLabels"], budget["spec"]["selector"]["matchLabels"],
                     one(objects, "Service")["spec"]["selector"]):
        assert selector.items() <= labels.items()


@pytest.mark.parametrize("folder,watched", [("operator", ""), ("operator-namespaced", "supernova")])
def test_the_operator_watches_what_it_may(folder, watched):
    container = one(render(folder), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    values = {e["name"]: e.get("value") for e in container["env"]}
    assert values["WATCH_NAMESPACES"] == watched
    assert ":" in values["SERVER_IMAGE"] and ":" in container["image"]


def test_namespaced_has_the_same_rules_in_one_namespace():
    whole, narrow = render("operator"), render("operator-namespaced")
    assert not [o for o in narrow if o["kind"] in ("ClusterRole", "ClusterRoleBinding")]
    role, binding = one(narrow, "Role", "supernova-operator"), one(narrow, "RoleBinding", "supernova-operator")
    assert role["rules"] == one(whole, "ClusterRole")["rules"]
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "supernova"
    assert binding["roleRef"]["kind"] == "Role"
    assert binding["subjects"] == one(whole, "ClusterRoleBinding")["subjects"]


@pytest.mark.parametrize("folder", OPERATORS)
def test_no_right_is_a_wildcard_and_no_spec_may_be_written(folder):
    rules = [rule for o in render(folder) if o["kind"] in ("Role", "ClusterRole") for rule in o["rules"]]
    assert not [rule for rule in rules if "*" in rule["apiGroups"] + rule["resources"] + rule["verbs"]]
    assert {r for rule in rules if "update" in rule["verbs"] for r in rule["resources"]} == {"supernovastacks/finalizers"}
    assert not [rule for rule in rules if "supernovastacks" in rule["resources"] and {"create", "delete"} & set(rule["verbs"])]


@pytest.mark.parametrize("folder,namespace", OVERLAYS.items())
def test_an_overlay_is_a_guarded_namespace_and_its_stack(folder, namespace):
    objects = render(folder)
    assert sorted(o["kind"] for o in objects) == ["Namespace", "SupernovaStack"]
    guarded, stack = one(objects, "Namespace"), one(objects, "SupernovaStack")
    assert guarded["metadata"]["name"] == stack["metadata"]["namespace"] == namespace
    assert guarded["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert stack["metadata"]["name"] == "supernova-server"


def test_production_is_the_runbooks():
    spec = one(render("overlays/prod"), "SupernovaStack")["spec"]
    assert (spec["environment"], spec["replicas"]) == ("production", 3)
    assert (spec["autoscaling"]["minReplicas"], spec["autoscaling"]["maxReplicas"]) == (3, 10)
    assert [host["host"] for host in spec["ingress"]["hosts"]] == ["api.supernova.com"]
    assert spec["resources"] == {"limits": {"cpu": "2000m", "memory": "2Gi"}, "requests": {"cpu": "500m", "memory": "512Mi"}}
    assert spec["podDisruptionBudget"]["enabled"] and spec["networkPolicy"]["enabled"]
