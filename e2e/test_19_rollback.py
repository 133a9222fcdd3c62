"""Going back: by itself when a release fails, by hand to a revision or to an image alone, and not where the schema is ahead."""
import threading

import pytest

from kube import condition_of, events, kubectl, seconds, wait_for

BROKEN = {"name": "broken", "command": ["supernova-server", "no-such-thing"], "when": ["post-upgrade"], "retry": {"exponential": {"enabled": False}}}
ROLLBACK = {"rollout": {"onFailure": "Rollback"}}
TWO_MINUTES_S = 120


@pytest.fixture(scope="module")
def stack(make_stack, cluster):
    """Its images are the server's under names of their own: what differs is what they are called."""
    stack = make_stack()
    for tag in ("v1", "v2", "v3", "v4"):
        cluster.do("tag", stack.image, image(tag))
    stack.image = image("v1")
    stack.put_secret()
    stack.apply(**ROLLBACK)
    stack.wait_ready()
    return stack


def image(tag):
    return f"docker.io/library/rolling-server:{tag}"


def release(stack, tag, **spec):
    stack.image = image(tag)
    stack.apply(**{**ROLLBACK, **spec})


def order(stack, value):
    kubectl("-n", stack.namespace, "annotate", "--overwrite", "supernovastack", stack.name, f"platform.supernova.com/rollback-to={value};by=e2e;reason=a test")


def serves(stack, tag):
    """All pods have the image, and are there."""
    deployment = stack.read("deployment")
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    same = deployment["spec"]["template"]["spec"]["containers"][0]["image"].split("@")[0] == image(tag)
    return same and counts == [wanted] * 3 and status["observedGeneration"] >= deployment["metadata"]["generation"]


def wait_serves(stack, tag):
    wait_for(f"{tag} serves", lambda: serves(stack, tag))


def sql(stack, text):
    kubectl("-n", stack.databases.namespace, "exec", "deploy/postgres", "--", "sh", "-c",
            f"PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U supernova -d {stack.namespace} -q -c \"{text}\"")


def test_a_release_whose_hook_fails_is_put_back_within_two_minutes(stack):
    release(stack, "v2", hooks=[BROKEN])
    wait_for("it has failed and is put back", lambda: "revision 1 serves" in condition_of({"status": stack.status()}, "Ready").get("message", ""))
    wait_serves(stack, "v1")
    status = stack.status()
    assert status["phase"] == "Failed" and status["failed"]["revision"] == 2 and status["failed"]["reason"] == "HookFailed"
    assert status["revision"]["current"] == 1 and [entry["state"] for entry in status["history"]] == ["Failed", "Deployed"]
    took_s = seconds(condition_of({"status": status}, "Stalled")["lastTransitionTime"]) - seconds(status["failed"]["at"])
    assert took_s <= TWO_MINUTES_S, f"{took_s} s from the failure until the old pods were back"


def test_the_failed_spec_is_not_tried_again_but_another_is(stack):
    before = stack.read("deployment")["metadata"]["generation"]
    release(stack, "v2", hooks=[BROKEN], service={"port": 81})
    wait_for("the rest of the spec goes through", lambda: stack.read("service")["spec"]["ports"][0]["port"] == 81)
    assert stack.read("deployment")["metadata"]["generation"] == before
    release(stack, "v2")
    stack.wait_ready()
    wait_serves(stack, "v2")
    assert "failed" not in stack.status()


def test_rollback_by_hand_survives_a_sync_loop(stack):
    """Something applies the spec every 2 s, as a GitOps tool would."""
    stop, applied = threading.Event(), []

    def sync():
        while not stop.wait(2):
            stack.apply(**ROLLBACK)
            applied.append(1)

    loop = threading.Thread(target=sync)
    loop.start()
    try:
        order(stack, "previous")
        stack.wait_reason("Pinned")
        wait_serves(stack, "v1")
        seen = len(applied)
        wait_for("it was applied five times more", lambda: len(applied) >= seen + 5)
        assert serves(stack, "v1") and stack.status()["phase"] == "Held" and stack.status()["revision"]["pinned"] == 1
    finally:
        stop.set()
        loop.join()
    assert [event["note"] for event in events(stack.namespace, "RollbackRequested")] == ["the pods go back to revision 1: asked for by e2e: a test"]


def test_a_pin_lets_go_when_the_spec_moves_on(stack):
    release(stack, "v3")
    stack.wait_ready()
    wait_serves(stack, "v3")
    assert "pinned" not in stack.status()["revision"]


def test_the_image_alone_lets_other_edits_through(stack):
    order(stack, "1/image")
    stack.wait_reason("ImagePinned")
    wait_serves(stack, "v1")
    release(stack, "v3", config={"logLevel": "debug"})
    wait_for("the edit is there", lambda: stack.status()["revision"]["current"] == stack.status()["history"][0]["revision"]
             and stack.status()["history"][0]["image"] == image("v1") and serves(stack, "v1"))
    assert stack.wait_reason("ImagePinned")
    release(stack, "v2", config={"logLevel": "debug"})
    stack.wait_ready()
    wait_serves(stack, "v2")


def test_to_a_revision_by_its_number(stack):
    order(stack, "1")
    stack.wait_reason("Pinned")
    wait_serves(stack, "v1")
    release(stack, "v3")
    stack.wait_ready()


def test_an_order_that_can_not_be_is_answered_and_removed(stack):
    for value, answer in (("99", "there is no revision 99"), ("soon", "neither a revision's number nor previous")):
        order(stack, value)
        wait_for("an answer", lambda: any(answer in event["note"] for event in events(stack.namespace, "CommandRefused")))
        wait_for("it is gone", lambda: "platform.supernova.com/rollback-to" not in stack.read("supernovastack")["metadata"]["annotations"])
    assert serves(stack, "v3")


def test_it_is_held_with_words_where_the_schema_is_ahead(stack):
    """A migration that nobody can serve but later images: what was Deployed before can't come back by itself."""
    sql(stack, "INSERT INTO schema_migration VALUES (999, '0999_later.sql', 'x', 998, now(), 1)")
    try:
        release(stack, "v4", migrations={"retry": {"exponential": {"enabled": False}}})
        message = stack.wait_reason("RollbackRefused")["message"]
        assert "the database's schema is 999 and serves images from 998 on, but its image accepts" in message
        assert "rollback-to=" in message and ";force" in message
        status = stack.status()
        assert status["phase"] == "Held" and {entry["rollback"] for entry in status["history"]} == {"schema-ahead"}
    finally:
        sql(stack, "DELETE FROM schema_migration WHERE version = 999")
