"""The operator's leader is killed, the API server is restarted: the work goes on."""
import datetime
import itertools
import os
import pathlib
import signal

import pytest

from kube import SYSTEM, kubectl, read, wait_for

LEASE_S = 15


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install()
    return stack


def leader():
    """Who holds the Lease: POD_UNIQUE."""
    return read("lease", "supernova-operator", SYSTEM)["spec"].get("holderIdentity")


def pod_of(identity):
    return identity.split("_")[0]


def kill(pod):
    """SIGKILL for the process of a pod, which the node shares with this machine."""
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"POD_NAME={pod}\0".encode() in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)
        except OSError:  # it has ended meanwhile, or is none of ours
            pass


def port_becomes(stack, port):
    stack.patch(service={"port": port})
    wait_for(f"the port is {port}", lambda: stack.read("service")["spec"]["ports"][0]["port"] == port)


def operators_ready():
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/supernova-operator", "--timeout=240s", timeout_s=300)


def another_leads_than(before):
    wait_for("another one leads", lambda: leader() not in (None, "", before))


def test_a_leader_that_ends_hands_over(stack, cluster):
    before, begin = wait_for("somebody leads", leader), datetime.datetime.now(datetime.timezone.utc)
    kubectl("-n", SYSTEM, "delete", "pod", pod_of(before), "--wait=false")
    another_leads_than(before)
    writes = sorted(write.at for write in cluster.audit(since=begin) if write.resource == "leases")
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(writes)]
    assert pauses and max(pauses) < LEASE_S, "it was given up, and did not expire"
    port_becomes(stack, 8081)
    operators_ready()


def test_a_leader_that_is_killed_is_replaced(stack):
    before = wait_for("somebody leads", leader)
    kill(pod_of(before))
    another_leads_than(before)
    port_becomes(stack, 8082)
    operators_ready()


def test_the_api_server_restarts(stack, cluster):
    cluster.do("restart", "apiserver")
    port_becomes(stack, 8083)
    stack.wait_ready()
    operators_ready()
