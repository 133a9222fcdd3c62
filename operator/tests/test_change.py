"""Change control and commands against a real API server: kubectl annotate, repeats, what can't be read, freezes, one roll, clocks that differ."""

import os
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

from kubeapi import wait_until
from scene import STACK, is_passing

GROUP = "platform.supernova.com"
APPLY_SET = "argocd"
BASE = {"jwks": {"retain": True}, "migrations": {"enabled": False}}
STILL_S = 3


def at(**ahead):
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def frozen(**ahead):
    return {"enforcement": "Enforce", "windows": [], "freezes": [{"from": at(hours=-1), "to": at(**ahead), "reason": "sale"}]}


def annotate(play, *annotations):
    command = ["kubectl", "-n", play.scene.namespace, "annotate", "--overwrite", "supernovastack", STACK, *annotations]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "KUBECONFIG": str(play.scene.api.kubeconfig)})


def annotations(play):
    return play.scene.stack()["metadata"].get("annotations", {})


def events(play, reason):
    return [event["note"] for event in play.scene.api.items("events", play.scene.namespace) if event["reason"] == reason]


def told(play, reason):
    return wait_until(f"the event {reason} is told", lambda: events(play, reason))


def template(play):
    return play.scene.find("deployments")["spec"]["template"]


def condition(play, kind):
    return next((c for c in play.scene.stack()["status"].get("conditions", []) if c["type"] == kind), {})


def await_held(play, reason="Frozen"):
    wait_until(lambda: f"it is held: {play.scene.describe()}", lambda: condition(play, "ChangeAllowed").get("reason") == reason)
    assert condition(play, "Ready")["reason"] == "ChangeHeld" and play.scene.stack()["status"]["phase"] == "Blocked"
    play.proxy.await_quiet()


@pytest.fixture
def deployed(play):
    play.proxy.skip = is_passing
    play.start()
    play.scene.create_stack(BASE)
    play.scene.await_deployed()
    play.proxy.await_quiet()
    play.forget_writes()
    return play


def await_gone(play, command):
    wait_until(f"{command} is removed", lambda: f"{GROUP}/{command}" not in annotations(play))
    play.proxy.await_quiet()


def test_a_command_is_taken_once(deployed):
    annotate(deployed, f"{GROUP}/restart=now;id=7;by=alice")
    wait_until("the pods are restarted", lambda: f"{GROUP}/restarted-at" in template(deployed)["metadata"]["annotations"])
    await_gone(deployed, "restart")
    deployed.scene.await_deployed()
    assert "alice" in told(deployed, "RestartRequested")[0]
    before = template(deployed)
    annotate(deployed, f"{GROUP}/restart=now;id=7;by=alice")
    await_gone(deployed, "restart")
    assert template(deployed) == before, "its id was handled"
    time.sleep(1)  # times of managedFields have whole seconds
    annotate(deployed, f"{GROUP}/restart=now;id=8;by=alice")
    wait_until("another id is another command", lambda: template(deployed) != before)


def test_a_restart_costs_a_write_for_the_command_and_one_for_the_pods(deployed):
    annotate(deployed, f"{GROUP}/restart=now;id=1")
    await_gone(deployed, "restart")
    deployed.scene.await_deployed()
    deployed.proxy.await_quiet()
    writes = [write for write in deployed.forget_writes() if not write.endswith("/status")]
    assert writes[0] == f"PATCH supernovastacks/{STACK}" and set(writes[1:]) == {f"PATCH deployments/{STACK}"} and len(writes) <= 3, writes


def test_what_git_puts_back_is_left_alone_in_the_end(deployed):
    manifest = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "SupernovaStack", "metadata": {"name": STACK, "annotations": {f"{GROUP}/restart": "now"}}}
    path = deployed.scene.api.path("supernovastacks", deployed.scene.namespace, STACK, fieldManager=APPLY_SET, force="true")

    def sync():
        deployed.scene.api.send("PATCH", path, manifest, "application/apply-patch+yaml")

    for _ in range(2):
        sync()
        await_gone(deployed, "restart")
        time.sleep(1)
    sync()
    assert "Git" in told(deployed, "CommandComesBack")[0]
    deployed.scene.await_deployed()
    deployed.proxy.await_quiet()
    deployed.forget_writes()
    for _ in range(3):
        sync()
        time.sleep(1)
    deployed.proxy.await_quiet()
    assert deployed.forget_writes() == [] and annotations(deployed)[f"{GROUP}/restart"] == "now"
    assert len(events(deployed, "CommandComesBack")) == 1
    manifest["metadata"]["annotations"] = {}
    sync()
    wait_until("it counts anew", lambda: "left" not in annotations(deployed)[f"{GROUP}/handled-commands"])


@pytest.mark.parametrize("command, answer", [
    ("restart=please", "restart=please is removed: its value is not now; it should look like platform.supernova.com/restart=now;by=<who>"),
    ("approve=latest", "a release hash is 10 hexadecimal digits"),
    ("change-override=until=tomorrow;by=a;reason=b", "it should look like platform.supernova.com/change-override=until=<RFC 3339>;by=<who>;reason=<why>"),
    ("retry=now;why=so", "\"why=so\" is none of id=, by=, reason= and force"),
])
def test_what_cannot_be_read_is_answered_and_removed(deployed, command, answer):
    annotate(deployed, f"{GROUP}/{command}")
    await_gone(deployed, command.partition("=")[0])
    assert answer in told(deployed, "CommandRefused")[0]


def test_what_is_no_command_gets_no_answer(deployed):
    annotate(deployed, f"{GROUP}/change-description=faster", f"{GROUP}/something-else=5")
    deployed.proxy.await_quiet()
    assert deployed.forget_writes() == [] and annotations(deployed)[f"{GROUP}/something-else"] == "5"


def test_a_freeze_holds_a_release_until_it_ends(deployed):
    deployed.scene.change_stack({"image": {"tag": "v2"}, "change": frozen(seconds=12)})
    await_held(deployed)
    status = deployed.scene.stack()["status"]
    assert status["nextDisruption"]["reasons"] == ["a release"] and "sale" in status["nextDisruption"]["blockedBy"]
    assert "change-override=until=" in condition(deployed, "Ready")["message"]
    deployed.forget_writes()
    time.sleep(STILL_S)
    assert deployed.forget_writes() == [], "what waits writes nothing"
    assert template(deployed)["spec"]["containers"][0]["image"].endswith(":v1")
    deployed.scene.await_deployed()
    assert template(deployed)["spec"]["containers"][0]["image"].endswith(":v2")
    assert "nextDisruption" not in deployed.scene.stack()["status"] and condition(deployed, "ChangeAllowed")["reason"] == "NothingWaits"


def test_what_waits_comes_in_one_roll(deployed):
    scene = deployed.scene
    scene.change_stack({"image": {"tag": "v2"}, "change": frozen(hours=2)})
    await_held(deployed)
    scene.api.patch("secrets", scene.namespace, "supernova-secrets", {"stringData": {"MORE": "x"}})
    annotate(deployed, f"{GROUP}/restart=now;id=1")
    scene.change_stack({"config": {"logLevel": "debug"}})
    wait_until("all three wait", lambda: len(scene.stack()["status"].get("nextDisruption", {}).get("reasons", [])) == 3)
    before = scene.find("deployments")["metadata"]["generation"]
    annotate(deployed, f"{GROUP}/change-override=until={at(hours=1)};by=carol;reason=fire;id=2")
    scene.await_deployed()
    assert "carol: fire" in told(deployed, "ChangeOverridden")[0]
    assert scene.find("deployments")["metadata"]["generation"] == before + 1, "one change of the Deployment"
    assert len([r for r in scene.api.items("replicasets", scene.namespace)]) == 2, "one roll"
    owner = [r for r in scene.api.items("controllerrevisions", scene.namespace) if r["revision"] == 2]
    assert owner[0]["metadata"]["annotations"][f"{GROUP}/overridden-by"] == "carol: fire"


def test_scaling_does_not_wait(deployed):
    deployed.scene.change_stack({"replicas": 4, "image": {"tag": "v2"}, "change": frozen(hours=2)})
    await_held(deployed)
    wait_until("it is scaled", lambda: deployed.scene.find("deployments")["spec"]["replicas"] == 4)
    assert template(deployed)["spec"]["containers"][0]["image"].endswith(":v1")


def test_an_approval_is_for_one_release(deployed):
    scene = deployed.scene
    scene.change_stack({"image": {"tag": "v2"}, "change": {"enforcement": "Enforce", "requireApproval": True}})
    await_held(deployed, "ApprovalMissing")
    words = condition(deployed, "Ready")["message"]
    annotate(deployed, f"{GROUP}/approve={words.split('approve=')[1][:10]};by=bob;id=1")
    scene.await_deployed()
    wait_until("it is used up", lambda: f"{GROUP}/approved" not in annotations(deployed))
    revision = next(r for r in scene.api.items("controllerrevisions", scene.namespace) if r["revision"] == 2)
    assert revision["metadata"]["annotations"][f"{GROUP}/approved-by"] == "bob"
    assert f"{GROUP}/began-at" not in revision["metadata"]["annotations"]
    scene.change_stack({"image": {"tag": "v3"}})
    await_held(deployed, "ApprovalMissing")


def test_the_clock_is_the_api_servers_and_a_skew_is_told_once(play):
    play.proxy.skip = is_passing
    play.proxy.skew = timedelta(hours=3)
    play.start()
    play.scene.create_stack({**BASE, "change": {"enforcement": "Enforce", "windows": [], "freezes": [{"from": at(hours=1), "to": at(hours=2)}]}})
    play.scene.await_deployed()
    assert "ahead of the operator's" in told(play, "ClockSkew")[0]
    play.scene.change_stack({"image": {"tag": "v2"}})
    play.scene.await_deployed()
    play.scene.change_stack({"image": {"tag": "v3"}, "change": {"freezes": [{"from": at(hours=2), "to": at(hours=4)}]}})
    await_held(play)
    assert len(events(play, "ClockSkew")) == 1
