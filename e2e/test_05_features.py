"""A feature that is turned on has its child, one that is turned off has none."""
import pytest

from kube import wait_for

FEATURES = {
    "ingress": ("ingress", {"enabled": True, "hosts": [{"host": "api.example.com"}]}),
    "hpa": ("autoscaling", {"enabled": True, "minReplicas": 1, "maxReplicas": 2}),
    "pdb": ("podDisruptionBudget", {"enabled": True, "minAvailable": 1}),
    "networkpolicy": ("networkPolicy", {"enabled": True}),
}


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install(**dict(FEATURES.values()))
    return stack


@pytest.mark.parametrize("kind", FEATURES)
def test_on(stack, kind):
    assert stack.read(kind)["metadata"]["ownerReferences"][0]["name"] == "supernova-server"


@pytest.mark.parametrize("kind", FEATURES)
def test_off(stack, kind):
    before = stack.pods()
    stack.patch(**{FEATURES[kind][0]: {"enabled": False}})
    wait_for(f"the {kind} is gone", lambda: stack.read(kind) is None)
    stack.wait_ready()
    assert before <= stack.pods(), "the pods were left alone"
