"""A suspended stack is left as it is; its status goes on being told."""
import pytest

from kube import wait_for


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install()
    return stack


def test_nothing_is_changed(stack):
    stack.patch(suspend=True)
    wait_for("it says so", lambda: stack.status()["phase"] == "Suspended")
    stack.patch(service={"port": 8080})
    stack.kubectl("label", "service", stack.name, "app=other", "--overwrite")
    generation = stack.read("supernovastack")["metadata"]["generation"]
    wait_for("the change is seen", lambda: stack.status()["observedGeneration"] == generation)
    service = stack.read("service")
    assert service["spec"]["ports"][0]["port"] == 80 and service["metadata"]["labels"]["app"] == "other"


def test_it_goes_on(stack):
    stack.patch(suspend=False)
    stack.wait_ready()
    service = stack.read("service")
    assert service["spec"]["ports"][0]["port"] == 8080 and service["metadata"]["labels"]["app"] == stack.name
