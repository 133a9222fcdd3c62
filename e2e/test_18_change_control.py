"""A freeze holds a release; an override lets it through and expires; what waits comes in one roll."""
import datetime

import pytest

from kube import GROUP, condition_of, items, wait_for


def at(**ahead):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


FREEZE = {"enforcement": "Enforce", "windows": [], "freezes": [{"from": at(hours=-1), "to": at(hours=8), "reason": "the sale"}]}


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install(change=FREEZE)  # the first install never waits
    return stack


def annotate(stack, text):
    stack.kubectl("annotate", "--overwrite", "supernovastack", stack.name, f"{GROUP}/{text}")


def rolls(stack):
    return int(stack.read("deployment")["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def waiting(stack):
    return stack.status().get("nextDisruption", {}).get("reasons", [])


def test_a_freeze_holds_a_release(stack):
    before = stack.pods()
    stack.apply(change=FREEZE, config={"logLevel": "debug"})
    ready = stack.wait_reason("ChangeHeld")
    assert "the sale" in ready["message"] and f"{GROUP}/change-override=until=" in ready["message"]
    assert stack.status()["phase"] == "Blocked" and waiting(stack) == ["a release"]
    assert condition_of(stack.read("supernovastack"), "ChangeAllowed")["reason"] == "Frozen"
    assert stack.pods() == before


def test_an_override_lets_it_through_and_expires(stack):
    before = stack.pods()
    annotate(stack, f"change-override=until={at(seconds=25)};by=e2e;reason=a fire;id=1")
    stack.wait_rolled(before)
    ended = at(seconds=25)
    wait_for("the override has expired", lambda: at() > ended, 30)
    stack.apply(change=FREEZE, config={"logLevel": "warn"})
    stack.wait_reason("ChangeHeld")


def test_two_changes_a_secret_and_a_restart_come_in_one_roll(stack):
    before, count = stack.pods(), rolls(stack)
    stack.apply(change=FREEZE, config={"logLevel": "warn", "env": {"E2E": "1"}})
    stack.put_secret(SESSION_SECRET="e2e-session-secret")
    annotate(stack, "restart=now;by=e2e;id=2")
    wait_for("all of it waits", lambda: len(waiting(stack)) == 3)
    assert stack.pods() == before and rolls(stack) == count
    stack.apply(change={**FREEZE, "freezes": []}, config={"logLevel": "warn", "env": {"E2E": "1"}})
    stack.wait_rolled(before)
    assert rolls(stack) == count + 1 and waiting(stack) == []


def test_a_command_that_cannot_be_read_is_answered(stack):
    annotate(stack, "restart=soon")
    events = lambda: [event["note"] for event in items("event", stack.namespace) if event["reason"] == "CommandRefused"]
    assert f"it should look like {GROUP}/restart=now" in wait_for("it is answered", events)[0]
    wait_for("it is removed", lambda: f"{GROUP}/restart" not in stack.read("supernovastack")["metadata"]["annotations"])
