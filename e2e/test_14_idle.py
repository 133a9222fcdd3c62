"""An idle stack sees no write but the Lease's, and silence is not deafness."""
import collections
import datetime
import time

import pytest

from kube import wait_for


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install(replicas=2)
    return stack


def test_no_write_for_60_s_then_drift_is_mended_in_5(stack, cluster):
    stack.wait_ready()
    end = time.monotonic() + 60
    begin = datetime.datetime.now(datetime.timezone.utc)
    writes = lambda: [write[1:] for write in cluster.audit(since=begin)]
    # a write ends the wait at once, and is named
    wait_for("60 s have passed or something was written",
             lambda: time.monotonic() > end or [write for write in writes() if write[1] != "leases"], every_s=2)
    seen = collections.Counter(writes())
    assert seen and {what for _, what, *_ in seen} == {"leases"}, seen
    stack.kubectl("set", "env", "deployment/supernova-server", "SURPRISE=yes")
    environment = lambda: stack.read("deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    wait_for("the variable is gone", lambda: all(env["name"] != "SURPRISE" for env in environment()))
    assert cluster.mended_after_s(stack, "deployments", begin) <= 5
