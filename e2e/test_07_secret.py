"""A missing Secret, or a key missing in it, is named before anything is touched, and the stack goes on by itself."""
import pytest

from kube import ADMIN, OPERATOR


@pytest.fixture
def stack(make_stack, request):
    return make_stack(request.node.name.split("_")[1])


def children(stack):
    return [kind for kind in ("deployment", "job", "service") if stack.list(kind)]


def test_absent(stack, cluster):
    stack.apply()
    ready = stack.wait_reason("SecretMissing")
    assert f"kubectl -n {stack.namespace} create secret generic supernova-secrets" in ready["message"]
    assert "DATABASE_URL" in ready["message"]
    assert stack.status()["phase"] == "Blocked" and children(stack) == []
    stack.put_secret()
    stack.wait_ready()
    given, begun = (next(write.at for write in cluster.audit(user) if (write.resource, write.namespace) == (what, stack.namespace))
                   for user, what in ((ADMIN, "secrets"), (OPERATOR, "jobs")))
    assert (begun - given).total_seconds() <= 5, "it goes on within seconds"


def test_incomplete(stack):
    stack.put_secret(without=["REDIS_URL"])
    stack.apply()
    assert "has no key REDIS_URL" in stack.wait_reason("SecretKeyMissing")["message"]
    assert children(stack) == []
    stack.put_secret()
    stack.wait_ready()


def test_lost(stack):
    """What runs goes on running."""
    stack.install()
    before = stack.pods()
    stack.kubectl("delete", "secret", "supernova-secrets")
    stack.wait_reason("SecretMissing")
    assert stack.pods() == before and stack.read("deployment")["status"]["readyReplicas"] == 1
    stack.put_secret()
    stack.wait_ready()
    assert stack.pods() == before
