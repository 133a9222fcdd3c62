"""Messages against a real API server and a receiver that checks shape and signature: told before and after, at least once whoever dies, and
receivers that are missing their Secret, refuse, hang or lie."""

import base64
import json
import time

import pytest

from kubeapi import wait_until
from receiver import ROUTING_KEY, SIGNING, SIGNING_KEY, Receiver
from scene import STACK, is_passing

BASE = {"jwks": {"retain": True}, "migrations": {"enabled": False}}
FIRST = ["ReleaseStarted", "ReleaseDeployed"]


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()
    assert not made.problems, "\n".join(made.problems)


def give_secret(play, receiver):
    play.scene.api.create("secrets", play.scene.namespace, {"metadata": {"name": "mail"}, "data": receiver.secret_data()})


def to(name, kind, key, events=None):
    return {"name": name, "type": kind, "secretRef": {"name": "mail", "key": key}, **({"events": events} if events else {})}


ALL = [to("team", "slack", "slack"), to("pager", "pagerduty", "pager"), to("audit", "webhook", "hook")]


def start(play, receiver, notifications, **spec):
    play.proxy.skip = is_passing
    operator = play.start(PAGERDUTY_URL=f"http://127.0.0.1:{receiver.port}", no_proxy="127.0.0.1")
    play.scene.create_stack({**BASE, "notifications": notifications, **spec})
    return operator


def outbox(play):
    return play.scene.stack().get("status", {}).get("outbox", [])


def events(play, reason):
    return [event["note"] for event in play.scene.api.items("events", play.scene.namespace) if event["reason"] == reason]


def nothing_leaks(play):
    """Neither address nor key is in the log, in an event or in the stack."""
    seen = play.log() + json.dumps(play.scene.stack()) + json.dumps(play.scene.api.items("events", play.scene.namespace))
    for hidden in ("hidden", ROUTING_KEY, SIGNING, base64.b64encode(SIGNING_KEY).decode()):
        assert hidden not in seen, hidden


def hook_events(receiver):
    return [event for event, _ in receiver.of("hook")]


def test_each_receiver_hears_of_a_release_before_and_after(play, receiver):
    give_secret(play, receiver)
    start(play, receiver, ALL, change={"onCall": "@ada"})
    play.scene.await_deployed()
    wait_until(lambda: f"all are told: {receiver.tried} {outbox(play)} {play.log()}", lambda: len(receiver.of("slack")) == 2 and len(receiver.of("v2")) == 2 and hook_events(receiver) == FIRST)
    wait_until("the outbox is empty", lambda: not outbox(play))
    assert receiver.of("slack") == ["[Supernova] Staging Deployment - v1", "[Supernova] Deployment Complete - v1"]
    assert receiver.of("v2") == [("change", "[Supernova] Staging Deployment - v1"), ("resolve", f"supernova-operator/{play.scene.namespace}/{STACK}/release")]
    play.proxy.await_quiet()
    play.forget_writes()
    time.sleep(2)
    assert play.forget_writes() == [], "an idle stack costs no write"
    nothing_leaks(play)


def test_what_is_to_be_sent_stands_in_the_status_first(play, receiver):
    give_secret(play, receiver)
    seen = []
    take = receiver.take

    def look(path, headers, body):
        seen.append(headers["webhook-id"] in [entry["id"] for entry in outbox(play)])
        return take(path, headers, body)

    receiver.take = look
    start(play, receiver, [to("audit", "webhook", "hook")])
    play.scene.await_deployed()
    wait_until("all are told", lambda: hook_events(receiver) == FIRST)
    assert seen and all(seen)


def test_a_missing_secret_is_said_and_mended(play, receiver):
    start(play, receiver, [to("audit", "webhook", "hook")])
    play.scene.await_deployed()  # nothing is held up
    note = wait_until("it is told", lambda: events(play, "MessageDelayed"))[0]
    assert "Secret" in note and "does not exist; create it: kubectl" in note
    assert "does not exist" in wait_until("the entry says why", lambda: outbox(play)[0].get("failure"))
    give_secret(play, receiver)
    wait_until(lambda: f"all are told: {outbox(play)}", lambda: hook_events(receiver) == FIRST, 90)
    wait_until("the outbox is empty", lambda: not outbox(play))


def test_a_receiver_that_refuses_for_good_is_not_asked_again(play, receiver):
    give_secret(play, receiver)
    receiver.refuse = {"hook": 410}
    start(play, receiver, [to("audit", "webhook", "hook"), to("team", "slack", "slack")])
    play.scene.await_deployed()
    wait_until("it is told", lambda: any("status 410" in note for note in events(play, "MessageDropped")))
    wait_until("the outbox is empty", lambda: not outbox(play))
    assert len(receiver.attempts("hook")) == 2 and len(receiver.of("slack")) == 2, "once each"
    nothing_leaks(play)


@pytest.mark.parametrize("status", [500, 404, 301])
def test_a_receiver_that_fails_is_asked_again_and_gets_all_in_order(play, receiver, status):
    give_secret(play, receiver)
    receiver.refuse = {"hook": status}
    start(play, receiver, [to("audit", "webhook", "hook"), to("team", "slack", "slack")])
    play.scene.await_deployed()
    wait_until("the other is told all the same", lambda: len(receiver.of("slack")) == 2)
    wait_until("the entry says why", lambda: any(f"status {status}" in entry.get("failure", "") for entry in outbox(play)))
    assert len(receiver.attempts("hook")) <= 3, "no busy loop"
    receiver.refuse = {}
    wait_until(lambda: f"all are told: {outbox(play)}", lambda: hook_events(receiver) == FIRST, 90)
    assert len({identity for event, identity in receiver.attempts("hook") if event == "ReleaseStarted"}) == 1, "a repeat is known by its id"


def test_a_receiver_that_hangs_holds_nobody_up(play, receiver):
    give_secret(play, receiver)
    receiver.hang = {"hook"}
    operator = start(play, receiver, [to("audit", "webhook", "hook"), to("team", "slack", "slack")])
    play.scene.await_deployed()
    wait_until("it gives up waiting", lambda: any("no answer in time" in note for note in events(play, "MessageDelayed")), 60)
    wait_until("the other is told all the same", lambda: len(receiver.of("slack")) == 2, 60)
    assert operator.cpu_s() < 20
    nothing_leaks(play)


def test_who_kills_the_operator_loses_no_message(play, receiver):
    """While the receiver has the message and before the status knows."""
    give_secret(play, receiver)
    receiver.hang = {"hook"}
    operator = start(play, receiver, [to("audit", "webhook", "hook")])
    wait_until("the message is on its way", lambda: receiver.attempts("hook"))
    operator.kill()
    receiver.hang = set()
    receiver.released.set()
    play.scene.delete_lease()
    play.start(PAGERDUTY_URL=f"http://127.0.0.1:{receiver.port}", no_proxy="127.0.0.1")
    play.scene.await_deployed()
    wait_until(lambda: f"all are told: {outbox(play)}", lambda: hook_events(receiver) == FIRST, 60)
    assert len({identity for event, identity in receiver.attempts("hook") if event == "ReleaseStarted"}) == 1


def test_an_outbox_that_somebody_spoils_does_no_harm(play, receiver):
    give_secret(play, receiver)
    start(play, receiver, [to("audit", "webhook", "hook")])
    play.scene.await_deployed()
    wait_until("all are told", lambda: hook_events(receiver) == FIRST)
    wait_until("the outbox is empty", lambda: not outbox(play))
    spoilt = [{"id": "x", "receiver": "audit", "event": "<b>", "nextAttemptAt": "2100-01-01T00:00:00Z", "at": "2020-01-01T00:00:00Z"},
              {"id": "y", "receiver": "nobody", "event": "z"}]
    play.scene.api.send("PATCH", f"/apis/platform.supernova.com/v1alpha1/namespaces/{play.scene.namespace}/supernovastacks/{STACK}/status",
                        {"status": {"outbox": spoilt, "told": {"release": "nonsense", "tookSeconds": [1, -1]}}}, "application/merge-patch+json")
    wait_until(lambda: f"it is cleared: {outbox(play)}", lambda: not outbox(play))
    play.scene.change_stack({"image": {"tag": "v2"}})
    play.scene.await_deployed()
    wait_until(lambda: f"it goes on: {receiver.tried}", lambda: hook_events(receiver)[-2:] == FIRST)
