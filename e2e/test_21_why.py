"""Not Ready says why, from evidence in the cluster, with the command that helps; and says so no longer once it is mended."""
import pytest

from kube import condition_of, wait_for

ALONE = {"migrations": {"enabled": False}}


@pytest.fixture(scope="module")
def stack(make_stack, cluster):
    """Its image has a name of its own: the companion's would be looked at by a preflight, before there is a pod."""
    stack = make_stack()
    another = stack.image.replace("supernova-server", "another-server")
    cluster.do("tag", stack.image, another)
    stack.image = another
    stack.put_secret()
    return stack


CAUSES = [
    ("ImageNotPulled", {"image": {"repository": "registry.invalid/nobody/server", "tag": "v1"}}, ["cannot pull its image", "spec.image.pullSecrets", "describe pod"]),
    ("CrashLoop", {"config": {"env": {"KEEPALIVE_TIMEOUT_SECONDS": "soon"}}}, ["crashes (exit status", "KEEPALIVE_TIMEOUT_SECONDS", "--previous"]),
    ("Unschedulable", {"scheduling": {"nodeSelector": {"example.com/nobody": "has-this"}}}, ["cannot be scheduled", "node", "spec.scheduling", "describe pod"]),
    ("SecretKeyMissing", {"database": {"secretKey": "NOWHERE"}}, ["NOWHERE", "kubectl -n test-21-why edit secret supernova-secrets"]),
]


@pytest.mark.parametrize("reason,spec,words", CAUSES, ids=lambda value: value if isinstance(value, str) else "")
def test_why(stack, reason, spec, words):
    stack.apply(**ALONE, **spec)
    ready = stack.wait_reason(reason)
    assert all(word in ready["message"] for word in words), ready["message"]
    assert "hunter" not in ready["message"]


def test_mended_it_says_so_no_longer(stack):
    stack.apply()
    stack.wait_ready()
    wait_for("Available says nothing of it", lambda: condition_of(stack.read("supernovastack"), "Available")["message"] == "1 of 1 pods are available")
