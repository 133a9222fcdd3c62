"""What is as it should be costs nothing; what is not is mended in as many writes as it takes, and no more."""

import datetime
import itertools
import time

import pytest

from kubeapi import wait_until
from proxy import USER, Answer
from scene import SPEC, STACK, settled

IDLE_S = 20
AT_ONCE, FIRST_PAUSE_S = 5, 10  # of operator/src/stack/mends.h
CHILDREN = ["POST controllerrevisions/", "POST secrets/", "POST serviceaccounts/", "POST configmaps/", "POST networkpolicies/",
            "POST services/", "POST poddisruptionbudgets/", "POST deployments/"]
STATUS = f"PATCH supernovastacks/{STACK}/status"
PLAIN = {"jwks": {"retain": True}, "migrations": {"enabled": False}}


@pytest.fixture
def deployed(play):
    """A stack that is Deployed, and silence."""
    play.proxy.show = settled
    play.start()
    play.scene.create_stack(PLAIN)
    play.scene.await_deployed()
    play.proxy.await_quiet()
    play.install = play.forget_writes()
    return play


def of_children(play):
    """The writes that took effect: a Deployment's own controller may come between, and then the first conflicts and is sent again."""
    return [f"{verb} {resource}" for verb, resource, subresource, _, status in play.written() if subresource != "status" and status < 300]


def test_a_new_stack_costs_one_write_a_child(deployed):
    release = [write for write in deployed.install if write != STATUS and write not in CHILDREN]
    assert sorted(set(deployed.install) & set(CHILDREN)) == sorted(CHILDREN) and len(deployed.install) == len(CHILDREN) + 1 + deployed.install.count(STATUS)
    assert len(release) == 1 and release[0].startswith("PATCH controllerrevisions/"), "that it was deployed is all that a release records"
    assert 2 <= deployed.install.count(STATUS) <= 3, deployed.install


def test_an_idle_stack_costs_nothing(deployed):
    lease = deployed.scene.find("leases", "supernova-operator")["spec"]["renewTime"]
    requests, begun = deployed.proxy.requests, time.monotonic()
    time.sleep(IDLE_S)
    requests, idle_s = deployed.proxy.requests - requests, time.monotonic() - begun
    assert deployed.proxy.writes == []
    assert requests <= idle_s / 2 + 2, "nothing but the Lease is asked for"
    assert deployed.scene.find("leases", "supernova-operator")["spec"]["renewTime"] != lease, "it was not asleep"


def mend(play, resource, patch, is_mended, content_type):
    play.forget_writes()
    play.scene.api.patch(resource, play.scene.namespace, STACK, patch, content_type=content_type)
    wait_until(lambda: f"{resource} is mended: {play.proxy.writes}", lambda: is_mended(play.scene.find(resource)))
    play.scene.await_deployed()
    play.proxy.await_quiet()
    return of_children(play)


JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
CONTAINER = "/spec/template/spec/containers"
DRIFTS = {
    "a field": ("services", {"spec": {"selector": {"app": "other"}}}, MERGE_PATCH, lambda s: s["spec"]["selector"]["app"] == STACK, 2),
    "a label": ("services", {"metadata": {"labels": {"app": "other"}}}, MERGE_PATCH, lambda s: s["metadata"]["labels"]["app"] == STACK, 2),
    "a port of the Service": ("services", [{"op": "add", "path": "/spec/ports/-", "value": {"name": "more", "port": 81}}], JSON_PATCH,
                              lambda s: len(s["spec"]["ports"]) == 1, 1),
    "an unknown variable": ("deployments", [{"op": "add", "path": f"{CONTAINER}/0/env/-", "value": {"name": "MORE", "value": "x"}}], JSON_PATCH,
                            lambda d: not any(e["name"] == "MORE" for e in d["spec"]["template"]["spec"]["containers"][0]["env"]), 1),
    "the image": ("deployments", [{"op": "add", "path": f"{CONTAINER}/0/image", "value": "other:1"}], JSON_PATCH,
                           lambda d: d["spec"]["template"]["spec"]["containers"][0]["image"] != "other:1", 2),
    "a sidecar": ("deployments", [{"op": "add", "path": f"{CONTAINER}/-", "value": {"name": "more", "image": "other:1"}}], JSON_PATCH,
                  lambda d: len(d["spec"]["template"]["spec"]["containers"]) == 1, 1),
    "an init container": ("deployments", [{"op": "add", "path": "/spec/template/spec/initContainers", "value": [{"name": "more", "image": "other:1"}]}],
                          JSON_PATCH, lambda d: not d["spec"]["template"]["spec"].get("initContainers"), 1),
}


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_drift_is_mended(deployed, drift):
    resource, patch, content_type, is_mended, writes = drift
    assert mend(deployed, resource, patch, is_mended, content_type) == [f"patch {resource}"] * writes
    again = mend(deployed, resource, patch, is_mended, content_type)
    assert again == [f"patch {resource}"], "the second time there is nothing left to be owned"


def ready(play):
    return next(c for c in play.scene.stack()["status"]["conditions"] if c["type"] == "Ready")


def reasons(play):
    """Of the events that were told."""
    return {event["reason"] for event in play.scene.api.items("events", play.scene.namespace)}


def fight(play):
    """The Service is changed, and set back."""
    play.scene.api.patch("services", play.scene.namespace, STACK, {"spec": {"selector": {"app": "other"}}})
    wait_until("it is set back", lambda: play.scene.find("services")["spec"]["selector"]["app"] == STACK)


def mends_at(play):
    """When the operator changed the Service."""
    return [datetime.datetime.fromisoformat(event["requestReceivedTimestamp"]) for event in play.scene.api.audited(play.scene.namespace, USER)
            if event["objectRef"]["resource"] == "services" and event["verb"] == "patch" and event["responseStatus"]["code"] < 300]


def test_a_fight_is_told_and_waged_less_and_less_often(deployed):
    for _ in range(AT_ONCE):
        fight(deployed)
    wait_until("it is told", lambda: ready(deployed)["reason"] == "DriftReturns")
    assert "Service shop" in ready(deployed)["message"] and "spec.selector.app, last written by " in ready(deployed)["message"]
    fight(deployed)
    wait_until("all that was written is in the audit log", lambda: len(mends_at(deployed)) == 1 + AT_ONCE + 1)  # the first took its fields over
    before, last = mends_at(deployed)[-2:]
    assert (last - before).total_seconds() >= FIRST_PAUSE_S
    assert ready(deployed)["reason"] == "DriftReturns", "that it was set back once more is no end of it"
    deployed.scene.await_deployed()


def test_a_mend_that_is_refused_is_no_fight(deployed):
    """As it happens where a controller of Kubernetes writes between."""
    refused = itertools.count()
    deployed.proxy.rule = lambda request: Answer(409) if request.resource == "services" and request.write and next(refused) < AT_ONCE + 1 else None
    fight(deployed)
    deployed.scene.await_deployed()
    deployed.proxy.await_quiet()
    assert next(refused) > AT_ONCE + 1 and "DriftReturns" not in reasons(deployed)


def test_a_deleted_child_is_made_again(deployed):
    deployed.scene.api.delete("services", deployed.scene.namespace, STACK)
    wait_until("it is there again", lambda: deployed.scene.find("services"))
    deployed.proxy.await_quiet()
    assert of_children(deployed) == ["create services"]


def test_a_stack_made_again_waits_for_what_the_earlier_one_left(deployed):
    scene, earlier = deployed.scene, deployed.scene.find("deployments")["metadata"]["uid"]
    scene.api.delete("supernovastacks", scene.namespace, STACK)
    wait_until("it is gone", lambda: not scene.find("supernovastacks"))
    scene.create_stack(PLAIN)
    scene.await_deployed()
    assert scene.find("deployments")["metadata"]["uid"] != earlier
    assert "NameConflict" not in reasons(deployed)


def scale_by_hand(play, replicas):
    play.scene.api.patch("deployments", play.scene.namespace, STACK, {"spec": {"replicas": replicas}})
    wait_until("it is told", lambda: play.scene.stack()["status"]["readyReplicas"] == replicas)
    play.proxy.await_quiet()


def test_scaling_by_hand_is_left_alone(deployed):
    scale_by_hand(deployed, 5)
    assert of_children(deployed) == []
    deployed.scene.change_stack({"image": {"tag": "v2"}})
    deployed.scene.await_deployed()
    deployed.proxy.await_quiet()
    assert deployed.scene.find("deployments")["spec"]["replicas"] == 5, "a release is no reason to scale back"
    deployed.scene.change_stack({"replicas": 2})
    wait_until("the spec's new number wins", lambda: deployed.scene.find("deployments")["spec"]["replicas"] == 2)


def test_autoscaling_turned_off_gives_the_replicas_back(deployed):
    deployed.scene.change_stack({"autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 9}})
    wait_until("the autoscaler is there", lambda: deployed.scene.find("horizontalpodautoscalers"))
    scale_by_hand(deployed, 7)
    deployed.scene.change_stack({"image": {"tag": "v2"}})
    deployed.scene.await_deployed()
    assert deployed.scene.find("deployments")["spec"]["replicas"] == 7, "the number is the autoscaler's"
    deployed.scene.change_stack({"autoscaling": None})
    wait_until("the spec's number is back", lambda: deployed.scene.find("deployments")["spec"]["replicas"] == SPEC["replicas"])
    deployed.scene.await_deployed()
    assert not deployed.scene.find("horizontalpodautoscalers")


def change(play, annotation):
    play.forget_writes()
    play.scene.change_stack({"service": {"annotations": {"example.com/note": annotation}}})
    wait_until("the Service has it", lambda: play.scene.find("services")["metadata"].get("annotations", {}).get("example.com/note") == annotation)
    play.scene.await_deployed()
    play.proxy.await_quiet()
    return of_children(play), play.proxy.writes.count(STATUS)


def test_a_change_of_one_field_costs_one_write_and_status(deployed):
    assert change(deployed, "first") == (["patch services"] * 2, 1), "the first change of a child also takes its fields over"
    assert change(deployed, "second") == (["patch services"], 1)


def test_a_field_that_leaves_the_spec_leaves_the_child(deployed):
    change(deployed, "first")
    deployed.scene.change_stack({"service": {"annotations": None}})
    wait_until("it is gone", lambda: "example.com/note" not in deployed.scene.find("services")["metadata"].get("annotations", {}))
    deployed.scene.await_deployed()


def test_the_spec_of_these_tests_has_what_they_count():
    assert SPEC["networkPolicy"]["enabled"] and SPEC["podDisruptionBudget"]["enabled"]
