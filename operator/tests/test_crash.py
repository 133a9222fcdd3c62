"""Crash points: killed before and after each of its writes, and started again, the operator brings about the same world.

For each scenario an undisturbed run tells how many writes it takes; then one run for each write and moment, in a namespace of its own:
before the write is forwarded, and after it was answered but before the operator has the answer. Afterwards the world must be the one of the
undisturbed run, with the same numbers of revisions, generations and attempts, and no Job, key or revision made twice.

The controllers are Kubernetes' own; of their work the operator is shown only what is settled, so that each run takes the same writes.
"""

import base64
import concurrent.futures
import json
import time
from datetime import datetime, timedelta, timezone

import pytest

from kubeapi import wait_until
from play import a_play
from proxy import Answer
from receiver import Receiver
from scene import STACK, differences, settled

AT_ONCE = 4
LIVES = 4
MISSED_AT_MOST = 4  # points: on a busy machine two rounds may become one, and the last write or two are then not owed
MADE_ONCE = ("jobs", "secrets", "controllerrevisions")


class Scenario:
    """What is there before, what is done, and how its end is known."""
    before = None  # the scenario that must have come to its end
    writes = 0  # that it costs, undisturbed
    tells = 0  # of the status, beside them, at most: how many it takes depends on how fast the controllers are
    exits = {}
    restarting = None  # the tag of an image whose pods restart

    def act(self, scene):
        raise NotImplementedError

    def is_over(self, scene):
        return scene.is_deployed()


class Install(Scenario):
    def act(self, scene):
        scene.create_stack()


class InstallWithoutMigration(Install):
    def act(self, scene):
        scene.create_stack({"migrations": {"enabled": False}})


class MigrateAtSecondAttempt(Scenario):
    """The first attempt fails."""
    writes, tells = 5, 8
    before = InstallWithoutMigration()
    exits = {f"{STACK}-migrate-1": 75}

    def act(self, scene):
        scene.change_stack({"migrations": {"enabled": True}})


class MigrateInVain(MigrateAtSecondAttempt):
    """The first attempt says that trying again will not help."""
    writes, tells = 3, 7
    exits = {f"{STACK}-migrate-1": 65}

    def is_over(self, scene):
        status = scene.stack()["status"]
        return status.get("phase") == "Failed" and status.get("migration", {}).get("state") == "Failed"


class Change(Scenario):
    """Another image and setting, fewer replicas, a feature off; the migration runs before the pods change."""
    before = Install()
    changes = {"image": {"tag": "v2"}, "config": {"logLevel": "debug"}, "replicas": 2, "networkPolicy": {"enabled": False}}

    def act(self, scene):
        scene.change_stack(self.changes)


class GoingBack(Scenario):
    """To the image and settings that were there before the change."""
    writes, tells = 4, 7
    before = Change()

    def act(self, scene):
        scene.change_stack({"image": {"tag": "v1"}, "config": {"logLevel": "info"}})


class AutomaticRollback(Scenario):
    """Another image, whose migration fails for good once the pods have changed."""
    writes, tells = 8, 10
    before = Install()
    exits = {f"{STACK}-migrate-2": 65}

    def act(self, scene):
        scene.change_stack({"image": {"tag": "v2"}, "migrations": {"when": ["post-install", "post-upgrade"]}})

    def is_over(self, scene):
        status = scene.stack()["status"]
        stalled = [c["message"] for c in status.get("conditions", []) if c["type"] == "Stalled"]
        return status.get("phase") == "Failed" and "revision 1 serves" in "".join(stalled) and scene.runs("v1")


class RollbackByHand(Scenario):
    """To the image and settings that were there before the change, against what the spec says."""
    writes, tells = 6, 6
    before = Change()

    def act(self, scene):
        scene.annotate_stack({"platform.supernova.com/rollback-to": "previous;id=1;by=carol;reason=the test"})

    def is_over(self, scene):
        stack = scene.stack()
        taken = "platform.supernova.com/rollback-to" not in stack["metadata"].get("annotations", {})
        return taken and stack["status"].get("revision", {}).get("pinned") == 1 and stack["status"].get("phase") == "Held" and scene.runs("v1")


class InstallFrozen(Install):
    """A first install never waits."""

    def act(self, scene):
        freeze = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "reason": "the test"}
        scene.create_stack({"change": {"enforcement": "Enforce", "windows": [], "freezes": [freeze]}})


class Freeze(Scenario):
    """Another image, which has to wait."""
    writes, tells = 0, 2
    before = InstallFrozen()

    def act(self, scene):
        scene.change_stack({"image": {"tag": "v2"}})

    def is_over(self, scene):
        return scene.stack()["status"].get("nextDisruption", {}).get("reasons") == ["a release"]


class Override(Scenario):
    """Let through, with a migration before the pods change."""
    writes, tells = 8, 8
    before = Freeze()

    def act(self, scene):
        until = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        scene.annotate_stack({"platform.supernova.com/change-override": f"until={until};id=1;by=carol;reason=fire"})

    def is_over(self, scene):
        return super().is_over(scene) and "platform.supernova.com/change-override" not in scene.stack()["metadata"]["annotations"]


class UpgradeWithCanary(Scenario):
    """Another image: one pod first, which is judged good, then the others."""
    writes, tells = 5, 8
    before = InstallWithoutMigration()

    def act(self, scene):
        scene.change_stack({"image": {"tag": "v2"}, "rollout": {"canary": {"replicas": 1}}})


class CanaryJudgedBad(AutomaticRollback):
    """Another image, whose only pod so far has restarted."""
    writes, tells = 6, 8
    before = InstallWithoutMigration()
    exits = {}
    restarting = "v2"

    def act(self, scene):
        scene.change_stack({"image": {"tag": "v2"}, "rollout": {"canary": {"replicas": 1}}})


class Retry(Scenario):
    """What failed for good is tried again."""
    writes, tells = 5, 6
    before = MigrateInVain()

    def act(self, scene):
        scene.annotate_stack({"platform.supernova.com/retry": "now;id=1"})


COMPANION = {"image": {"repository": "docker.io/library/supernova-server"}}
HOOKS = [{"name": "warm", "command": ["warm"], "when": ["pre-install", "pre-upgrade"]},
         {"name": "tell", "command": ["tell"], "weight": 15, "retry": {"exponential": {"initialSeconds": 1, "maxSeconds": 1}}}]


class InstallWithJobs(Install):
    """A preflight, a hook before the pods, the migration, a hook whose first attempt fails, and seeds: one after the other."""
    writes, tells = 27, 20
    exits = {f"{STACK}-tell-1": 75}

    def act(self, scene):
        scene.create_stack({**COMPANION, "seeds": {"enabled": True}, "hooks": HOOKS})


class ChangeWithJobs(Change):
    """All that Change changes and a feature on: preflight, a hook and the migration before the pods, a hook after them, and no seeds."""
    writes, tells = 20, 16
    before = InstallWithJobs()
    changes = {**Change.changes, "monitoring": {"dashboard": "enabled"}}


class InstallTold(Install):
    """A webhook hears of it."""
    receiver = None  # one for all runs, which are told apart by their namespaces
    told = ["[Supernova] Staging Deployment - v1", "[Supernova] Deployment Complete - v1"]

    def act(self, scene):
        InstallTold.receiver = InstallTold.receiver or Receiver()
        scene.api.create("secrets", scene.namespace, {"metadata": {"name": "mail"}, "data": self.receiver.secret_data()})
        audit = {"name": "audit", "type": "webhook", "secretRef": {"name": "mail", "key": "hook"}}
        scene.create_stack({"migrations": {"enabled": False}, "notifications": [audit]})

    def is_over(self, scene):
        """All is told, and none of it waits any more."""
        assert not self.receiver or not self.receiver.problems, self.receiver.problems
        return super().is_over(scene) and "outbox" not in scene.stack()["status"] and self.receiver.heard(scene.namespace) == self.told


class ChangeTold(InstallTold):
    writes, tells = 4, 8
    before = InstallTold()
    told = InstallTold.told + ["[Supernova] Staging Deployment - v2", "[Supernova] Deployment Complete - v2"]

    def act(self, scene):
        scene.change_stack({"image": {"tag": "v2"}})


class Delete(Scenario):
    writes, tells = 2, 0
    before = Install()

    def act(self, scene):
        scene.api.delete("supernovastacks", scene.namespace, STACK)

    def is_over(self, scene):
        return not scene.find("supernovastacks") and not scene.find("deployments") and not scene.find("replicasets")


class Revoke(Scenario):
    """The key that signs is compromised: another one signs at once, of the old one nothing is left, and every pod is told."""
    writes, tells = 5, 3
    before = InstallWithoutMigration()

    def act(self, scene):
        kid = scene.stack()["status"]["keys"]["signing"]
        scene.annotate_stack({"platform.supernova.com/rotate": f"jwks/revoke={kid};id=1;by=carol;reason=the test"})

    def is_over(self, scene):
        stack, heard = scene.stack(), "platform.supernova.com/keys-heard"
        annotations = stack["metadata"].get("annotations", {})
        keys, pods = stack["status"].get("keys", {}), scene.api.items("pods", scene.namespace)
        taken = "platform.supernova.com/rotate" not in annotations and "platform.supernova.com/revoked-keys" in annotations
        return taken and keys.get("signing") not in (None, annotations["platform.supernova.com/revoked-keys"]) and len(keys["items"]) == 1 \
            and all(heard in pod["metadata"].get("annotations", {}) for pod in pods) and scene.is_deployed() and self.is_whole(scene, keys["signing"])

    @staticmethod
    def is_whole(scene, kid):
        """One key, with its private half."""
        return sorted(scene.api.get("secrets", scene.namespace, f"{STACK}-jwks")["data"]) == [f"{kid}.pem", "jwks.json", "signing"]


class InstallToRotate(Install):
    def act(self, scene):
        scene.create_stack({"migrations": {"enabled": False}, "config": {"env": {"JWKS_MAX_AGE_SECONDS": "0"}}, "jwks": {"publishAhead": "0s"}})


class Rotate(Scenario):
    """A key is published, signs, and its predecessor verifies without its private half. Pods load what the Secret holds."""
    writes, tells = 5, 6
    before = InstallToRotate()

    def act(self, scene):
        scene.annotate_stack({"platform.supernova.com/rotate": "jwks;id=1;by=carol"})

    def is_over(self, scene):
        keys = scene.stack()["status"].get("keys", {})
        items = keys.get("items", [])
        over = [item["state"] for item in items] == ["signing", "retiring"] and "until" in items[1] and scene.is_deployed()
        return over and Revoke.is_whole(scene, keys["signing"])


class PodsThatFollow(dict):
    """What pods say, with the keys of the Secret as they stand at the moment."""

    def __init__(self, pods, scene):
        super().__init__(pods)
        self.scene = scene

    def get(self, path, default=None):
        secret = self.scene.find("secrets", f"{STACK}-jwks") if path == "/metrics" else None
        if not secret:
            return super().get(path, default)
        files = {name: base64.b64decode(text) for name, text in secret["data"].items()}
        signing, keys = files["signing"].decode().strip(), json.loads(files["jwks.json"])["keys"]
        lines = [f'supernova_jwks_key{{kid="{key["kid"]}",state="{"signing" if key["kid"] == signing else "published"}"}} 2\n' for key in keys]
        return Answer(200, self[path].body + b"supernova_workers 2\n" + "".join(lines).encode())


class InstallThatRetains(Install):
    def act(self, scene):
        scene.create_stack({"jwks": {"retain": True}})


class DeleteThatRetains(Delete):
    writes, tells = 0, 0
    before = InstallThatRetains()


def bring_about(scenario, play, kubelet):
    """Everything up to the scenario's own deed, undisturbed."""
    scene, before = play.scene, scenario.before
    if before:
        bring_about(before, play, kubelet)
        before.act(scene)
        wait_until(lambda: f"{before} is over: {scene.describe()}; {play.log()}", lambda: before.is_over(scene), 180)
    kubelet.exits.update({(scene.namespace, job): code for job, code in scenario.exits.items()})
    kubelet.restarting.add((scene.namespace, scenario.restarting))


class Crash:
    """One run. NUMBER 0: undisturbed."""

    def __init__(self, scenario, number=0, moment=None):
        self.scenario, self.number, self.moment = scenario, number, moment

    def __str__(self):
        return f"{type(self.scenario).__name__}, killed {'before' if self.moment == 'before' else 'after'} write {self.number}"

    def run(self, play, kubelet, expected=None):
        """The world afterwards and the writes that led there; None when the write did not come, but the same world all the same."""
        scene, proxy = play.scene, play.proxy
        proxy.show, proxy.pods = settled, PodsThatFollow(proxy.pods, scene)
        operator = play.start()
        bring_about(self.scenario, play, kubelet)
        proxy.await_quiet()
        play.forget_writes()
        proxy.crash_at(self.number, self.moment, operator.kill)
        self.scenario.act(scene)
        if self.number:
            wait_until(lambda: f"{self}: {proxy.writes} {scene.describe()}", lambda: proxy.crashed.is_set() or self.has_ended(play), 180)
            if not proxy.crashed.is_set():
                self.await_world(play, expected)
                play.end()
                return None
            scene.delete_lease()
            play.start()
        self.await_world(play, expected)
        self.check_audit(play)
        if not self.number:
            self.check_costs(play)
        play.end()
        return scene.world(), proxy.writes

    def has_ended(self, play):
        """Undisturbed, to the end?"""
        if not self.scenario.is_over(play.scene):
            return False
        play.proxy.await_quiet()
        return True

    def await_world(self, play, expected):
        scene, found = play.scene, []

        def is_there():
            if not self.scenario.is_over(scene):
                return False
            found[:] = differences(expected, scene.world()) if expected else []
            return not found

        wait_until(lambda: "\n    ".join([f"{self}: the same world", *found, str(scene.describe()), *play.proxy.writes, play.log()]), is_there, 180, 0.1)
        play.proxy.await_quiet()
        assert not expected or not differences(expected, scene.world()), f"{self}: the world moves on"

    def check_costs(self, play):
        """Of the writes that took effect: one that met a controller's own is sent again."""
        took_effect = [what for _, _, what, _, status in play.written() if status < 300]
        tells = took_effect.count("status")
        assert len(took_effect) - tells == self.scenario.writes and tells <= self.scenario.tells, f"{self}: costs {play.proxy.writes}"

    def check_audit(self, play):
        """The API server has seen each write that was counted (but one that was never forwarded), and nothing was made twice."""
        written, counted = play.written(), play.proxy.writes
        assert len(written) == len(counted) - (self.moment == "before"), f"{self}: counted {counted}, audited {written}"
        for resource in MADE_ONCE:
            names = [name for verb, what, _, name, status in written if verb == "create" and what == resource and status == 201]
            assert len(names) == len(set(names)), f"{self}: made twice: {names}"


@pytest.fixture
def run(api, make_scene, kubelet, tmp_path):
    def run(crash, expected=None):
        for attempt in range(LIVES):
            folder = tmp_path / f"{crash.number}-{crash.moment}-{attempt}"
            with a_play(api, make_scene(), folder) as play:
                result = crash.run(play, kubelet, expected)
            if result:
                return result
        return None
    return run


def crash_points(run, scenario, capsys):
    """Tries them all, and says how many there were."""
    begun = time.monotonic()
    expected, writes = run(Crash(scenario))
    crashes = [Crash(scenario, number, moment) for number in range(1, len(writes) + 1) for moment in ("before", "answered")]
    failures, missed = [], 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for future in [pool.submit(run, crash, expected) for crash in crashes]:
            try:
                missed += future.result() is None
            except AssertionError as failure:
                failures.append(str(failure))
    with capsys.disabled():
        print(f"\n{type(scenario).__name__}: {scenario.writes} writes, {sum(write.endswith('/status') for write in writes)} of status; "
              f"{len(crashes) - missed} crash points tried in {time.monotonic() - begun:.0f} s")
    assert not failures, f"{len(failures)} of {len(crashes)} failed:\n" + "\n".join(failures)
    assert missed <= MISSED_AT_MOST, f"{missed} of {len(crashes)} writes never came"


SCENARIOS = [InstallWithJobs, MigrateAtSecondAttempt, MigrateInVain, ChangeWithJobs, GoingBack, UpgradeWithCanary, CanaryJudgedBad, AutomaticRollback, RollbackByHand,
             Freeze, Override, Retry, Revoke, Rotate, ChangeTold, Delete]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_every_crash_leads_to_the_same_world(run, scenario, capsys):
    crash_points(run, scenario(), capsys)


def test_deleting_a_stack_that_retains_its_keys_takes_no_write(run):
    world, writes = run(Crash(DeleteThatRetains()))
    assert writes == [] and set(world) == {"secrets/supernova-secrets", f"secrets/{STACK}-jwks", "pods"}
