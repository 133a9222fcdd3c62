"""Rotation of signing keys on a real API server, with pods that load what the Secret holds."""

from datetime import datetime, timedelta

from kubeapi import wait_until
from scene import STACK
from test_crash import InstallToRotate, PodsThatFollow, Rotate

GROUP = "platform.supernova.com"


def retiring_until(scene):
    items = scene.stack()["status"]["keys"]["items"]
    return next(datetime.fromisoformat(item["until"]) for item in items if item["state"] == "retiring")


def test_a_clock_that_is_set_moves_the_times_of_keys(play):
    """Tokens live as long as before: the key that verifies them does too."""
    scene, rotation = play.scene, Rotate()
    play.proxy.pods = PodsThatFollow(play.proxy.pods, scene)
    play.start()
    InstallToRotate().act(scene)
    scene.await_deployed()
    rotation.act(scene)
    wait_until(lambda: f"the key has been replaced: {scene.describe()}", lambda: rotation.is_over(scene))
    before, asked = retiring_until(scene), []
    for skew in (timedelta(days=365), timedelta(days=-365), timedelta()):
        play.proxy.skew = skew

        def moved(skew=skew):
            asked.append(scene.annotate_stack({f"{GROUP}/change-ticket": str(len(asked))}))  # a reason to look
            return abs(retiring_until(scene) - (before + skew)) < timedelta(seconds=30)

        wait_until(lambda skew=skew: f"it retires {skew} later: {scene.describe()}", moved, 60)
    assert Rotate.is_over(rotation, scene), "no key left early, and none was made"
    secret = scene.api.get("secrets", scene.namespace, f"{STACK}-jwks")
    assert len(secret["data"]) == 3


def test_a_secret_that_is_gone_and_one_that_is_damaged(play):
    """A damaged one is left as it is, to be mended; in place of one that is gone a new key is made."""
    scene = play.scene
    play.start()
    scene.create_stack({"migrations": {"enabled": False}})
    scene.await_deployed()
    name, signing = f"{STACK}-jwks", scene.stack()["status"]["keys"]["signing"]

    def keys_ready():
        return next(c for c in scene.stack()["status"]["conditions"] if c["type"] == "KeysReady")

    scene.api.patch("secrets", scene.namespace, name, {"data": {f"{signing}.pem": None}})
    wait_until(lambda: f"it is told: {scene.describe()}", lambda: keys_ready()["reason"] == "KeysDamaged")
    assert f"signing names the key {signing}, but {signing}.pem is missing" in keys_ready()["message"]
    assert scene.stack()["status"]["keys"]["signing"] == signing, "the pods go on with it"
    scene.api.delete("secrets", scene.namespace, name)
    wait_until(lambda: f"another key signs: {scene.describe()}", lambda: scene.stack()["status"].get("keys", {}).get("signing") not in (None, signing))
    scene.await_deployed()
    assert keys_ready()["reason"] == "KeysReady"
    new = scene.stack()["status"]["keys"]["signing"]
    assert set(scene.api.get("secrets", scene.namespace, name)["data"]) == {"jwks.json", "signing", f"{new}.pem"}
