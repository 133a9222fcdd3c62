"""Preflight, hooks and seeds of a release: in their order, one after the other, and words where one refuses."""
import re

import pytest

from kube import wait_for

CLOSED = "postgresql://supernova:hunter2@127.0.0.1:1/supernova?connect_timeout=2"
SAY = ["supernova-server", "version"]
HOOKS = [{"name": "before", "command": SAY, "when": ["pre-install", "pre-upgrade"]}, {"name": "between", "command": SAY, "weight": 15}]


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.put_secret(DATABASE_URL=CLOSED)
    stack.apply(seeds={"enabled": True}, hooks=HOOKS)
    return stack


def jobs(stack, revision):
    """In the order in which they were made, those of a revision that ended well."""
    found = [job for job in stack.list("job") if job["status"].get("succeeded")]
    names = [job["metadata"]["name"].removeprefix("supernova-server-")
             for job in sorted(found, key=lambda job: (job["status"]["startTime"], job["status"]["completionTime"]))]
    return [name for name in names if re.fullmatch(rf"[a-z]+-{revision}(-\d+)?", name)]


def test_a_database_that_is_away_holds_the_release_before_anything_is_touched(stack):
    message = stack.wait_reason("PreflightRetrying")["message"]
    assert "database" in message and "hunter2" not in message
    assert stack.status()["phase"] == "Pending" and stack.status()["migration"]["kind"] == "preflight"
    assert stack.read("deployment") is None


def test_once_it_is_there_all_run_in_order(stack):
    stack.put_secret()
    stack.wait_ready()
    names = jobs(stack, 1)
    assert names[0].startswith("preflight-1-") and names[1:] == ["before-1", "migrate-1", "between-1", "seed-1"]


def test_a_hook_ends_before_the_next_begins(stack):
    known = {job["metadata"]["name"].removeprefix("supernova-server-"): job["status"] for job in stack.list("job")}
    order = jobs(stack, 1)
    for former, latter in zip(order, order[1:]):
        assert known[former]["completionTime"] <= known[latter]["startTime"], (former, latter)


def test_an_upgrade_has_no_seeds(stack):
    stack.apply(seeds={"enabled": True}, hooks=HOOKS, config={"logLevel": "debug"})
    stack.wait_ready()
    assert jobs(stack, 2) == ["preflight-2", "before-2", "between-2"], "an edit of config migrates nothing"


def test_going_back_runs_nothing(stack):
    before = len(stack.list("job"))
    stack.apply(seeds={"enabled": True}, hooks=HOOKS)
    stack.wait_ready()
    assert stack.status()["revision"]["current"] == 1 and len(stack.list("job")) == before


def test_a_hook_that_fails_for_good_says_so_and_is_freed_by_another_command(stack):
    stack.apply(hooks=[{"name": "broken", "command": ["supernova-server", "no-such-thing"], "when": ["pre-upgrade"],
                        "retry": {"exponential": {"enabled": False}}}])
    message = stack.wait_reason("HookFailed")["message"]
    assert "hook broken failed for good" in message
    assert stack.status()["phase"] == "Failed" and stack.status()["migration"]["kind"] == "broken"
    stack.apply(hooks=[{"name": "broken", "command": SAY, "when": ["pre-upgrade"]}])
    stack.wait_ready()
    assert wait_for("the hook ran", lambda: "broken-4" in jobs(stack, 4))
