"""What people change by hand is put back, within 5 s as the API server noted down."""
import datetime
import json

import pytest

from kube import wait_for


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install(podDisruptionBudget={"enabled": True, "minAvailable": 1})
    return stack


@pytest.fixture
def mended(stack, cluster):
    """mended(WHAT, CONDITION, RESOURCE): what the test did to such an object is put right, and was so within 5 s."""
    begin = datetime.datetime.now(datetime.timezone.utc)

    def mended(what, condition, resource="deployments"):
        wait_for(what, condition)
        assert cluster.mended_after_s(stack, resource, begin) <= 5

    return mended


def container(stack):
    return stack.read("deployment")["spec"]["template"]["spec"]["containers"][0]


def test_a_changed_field(stack, mended):
    stack.kubectl("patch", "deployment", "supernova-server", "--type=json",
                  "-p", '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "example.com/other:1"}]')
    mended("the image is ours again", lambda: container(stack)["image"] == stack.image)
    stack.wait_ready()


def test_an_unknown_variable(stack, mended):
    stack.kubectl("set", "env", "deployment/supernova-server", "SURPRISE=yes")
    mended("the variable is gone", lambda: all(env["name"] != "SURPRISE" for env in container(stack)["env"]))
    stack.wait_ready()


def test_the_open_door(stack):
    stack.kubectl("set", "env", "deployment/supernova-server", "DEV_AUTH_OPEN=true")
    wait_for("the door is shut", lambda: {"name": "DEV_AUTH_OPEN", "value": "false"} in container(stack)["env"])
    stack.wait_ready()


def test_an_added_sidecar(stack, mended):
    stack.kubectl("patch", "deployment", "supernova-server", "-p", json.dumps({"spec": {"template": {"spec": {"containers": [
        {"name": "sidecar", "image": "example.com/sidecar:1"}]}}}}))
    mended("the sidecar is gone", lambda: len(stack.read("deployment")["spec"]["template"]["spec"]["containers"]) == 1)
    stack.wait_ready()


def test_an_added_service_port(stack, mended):
    stack.kubectl("patch", "service", "supernova-server", "--type=json",
                  "-p", '[{"op": "add", "path": "/spec/ports/-", "value": {"name": "metrics", "port": 9090}}]')
    mended("the port is gone", lambda: [port["port"] for port in stack.read("service")["spec"]["ports"]] == [80], "services")


def test_a_removed_label(stack):
    stack.kubectl("label", "pdb", "supernova-server", "app-")
    wait_for("the label is back", lambda: stack.read("pdb")["metadata"]["labels"].get("app") == "supernova-server")


def test_deleted_children(stack):
    for kind in ("service", "deployment", "pdb", "serviceaccount"):
        uid = stack.read(kind)["metadata"]["uid"]
        stack.kubectl("delete", kind, "supernova-server")
        wait_for(f"there is a new {kind}", lambda: (stack.read(kind) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid)
    stack.wait_ready()


def test_labels_of_others_stay(stack):
    stack.kubectl("label", "service", "supernova-server", "team=blue")
    stack.kubectl("annotate", "service", "supernova-server", "example.com/note=hello")
    stack.kubectl("patch", "service", "supernova-server", "--type=merge", "-p", '{"spec": {"selector": {"app": "other"}}}')
    wait_for("the selector is ours again", lambda: stack.read("service")["spec"]["selector"]["app"] == "supernova-server")
    metadata = stack.read("service")["metadata"]
    assert metadata["labels"]["team"] == "blue" and metadata["annotations"]["example.com/note"] == "hello"
