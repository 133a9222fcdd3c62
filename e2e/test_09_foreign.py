"""What somebody else made under a child's name is left alone and named, until it is handed over."""
import pytest

from kube import GROUP, apply


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": stack.name}, "spec": {
        "selector": {"app": "somebody-else"}, "ports": [{"name": "web", "port": 1234}]}}, namespace=stack.namespace)
    stack.put_secret()
    stack.apply()
    return stack


def test_it_is_named_and_untouched(stack):
    ready = stack.wait_reason("NameConflict")
    assert "Service" in ready["message"] and stack.name in ready["message"] and f"{GROUP}/adopt" in ready["message"]
    service = stack.read("service")
    assert service["spec"]["ports"][0]["port"] == 1234 and "ownerReferences" not in service["metadata"]


def test_it_can_be_handed_over(stack):
    stack.kubectl("annotate", "service", stack.name, f"{GROUP}/adopt=true")
    stack.wait_ready()
    service = stack.read("service")
    assert service["metadata"]["ownerReferences"][0]["kind"] == "SupernovaStack"
    assert [port["port"] for port in service["spec"]["ports"]] == [80] and service["spec"]["selector"]["app"] == stack.name
