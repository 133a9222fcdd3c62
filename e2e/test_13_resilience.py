"""The operator's leader is killed, the API server is restarted: the work goes on."""
import pytest

from kube import SYSTEM, kubectl, read, wait_for


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install()
    return stack


def leader():
    """Name of the pod that holds the Lease."""
    lease = read("-n", SYSTEM, "lease", "supernova-operator")
    return (lease["spec"].get("holderIdentity") or "").split("_")[0]


def port_becomes(stack, port, timeout_s):
    stack.patch(service={"port": port})
    wait_for(f"the port is {port}", lambda: stack.read("service")["spec"]["ports"][0]["port"] == port, timeout_s)


def operators_ready():
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/supernova-operator", "--timeout=60s")


def test_a_leader_that_ends_hands_over(stack):
    before = wait_for("somebody leads", leader)
    kubectl("-n", SYSTEM, "delete", "pod", before, "--wait=false")
    wait_for("another one leads", lambda: leader() not in ("", before), 5)
    port_becomes(stack, 8081, 10)
    operators_ready()


def test_a_leader_that_is_killed_is_replaced(stack):
    before = wait_for("somebody leads", leader)
    kubectl("-n", SYSTEM, "delete", "pod", before, "--grace-period=0", "--force")
    stack.patch(service={"port": 8082})
    wait_for("another one leads", lambda: leader() not in ("", before), 25)
    wait_for("the change is made", lambda: stack.read("service")["spec"]["ports"][0]["port"] == 8082, 10)
    operators_ready()


def test_the_api_server_restarts(stack, cluster):
    cluster.do("restart", "apiserver")
    port_becomes(stack, 8083, 40)
    stack.wait_ready()
    operators_ready()
