"""A release under load: one pod first, which is judged by what it says of its users' requests, then the others. No user notices any of it."""
import pytest

from kube import condition_of, events, items, wait_for
from load import Load

VERIFICATION = {"windowSeconds": 5, "minRequests": 20}
ROLLOUT = {"canary": {"replicas": 1}, "onFailure": "Rollback", "verification": VERIFICATION}
BASE = {"replicas": 3, "rollout": ROLLOUT, "config": {"rateLimits": {"readMax": 1000000}}}
VERIFIED = "platform.supernova.com/verified"


@pytest.fixture(scope="module")
def stack(make_stack, cluster):
    """Its images are the server's under further tags."""
    stack = make_stack()
    for tag in ("first", "second", "third"):
        cluster.do("tag", stack.image, image(stack, tag))
    stack.put_secret()
    release(stack, "first")
    stack.wait_ready()
    return stack


@pytest.fixture(scope="module")
def load(stack):
    """Of a user who reads her entitlements: token, Redis and PostgreSQL."""
    token = stack.token()
    assert stack.coins(token, "reader") == 0
    return lambda: Load(stack.url("/api/entitlements/reader"), token)


def image(stack, tag):
    return stack.image.rsplit(":", 1)[0] + f":canary-{tag}"


def release(stack, tag, **changes):
    spec = {**BASE, **changes}
    stack.apply(**{**spec, "image": {**spec.get("image", {}), "tag": f"canary-{tag}"}})


def pods_ever_made(stack, tag):
    """Names of the pods that its ReplicaSet has made."""
    ours = items("replicaset", stack.namespace, labelSelector=f"app={stack.name}")
    names = {rs["metadata"]["name"] for rs in ours if rs["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f"canary-{tag}")}
    return {event["note"].removeprefix("Created pod: ") for event in events(stack.namespace, "SuccessfulCreate") if event["regarding"]["name"] in names}


def message(stack, kind):
    return (condition_of({"status": stack.status()}, kind) or {}).get("message", "")


def verified(stack, revision):
    """What the operator has written down of how the release did."""
    name = next(item for item in items("controllerrevision", stack.namespace) if item["revision"] == revision)
    return name["metadata"]["annotations"].get(VERIFIED, "")


def test_an_upgrade_under_load_fails_no_request(stack, load):
    before = stack.pods()
    with load() as users:
        release(stack, "second")
        wait_for("a canary is judged", lambda: "the canary" in message(stack, "Ready"))
        assert before <= stack.pods(), "all of the pods before serve beside it"
        stack.wait_rolled(before)
    assert users.requests > 100 and not users.errors, users.errors
    assert len(pods_ever_made(stack, "second")) == 3
    assert verified(stack, 2).startswith("the new pods: ") and " requests, 0.0% failed" in verified(stack, 2)


def test_a_canary_judged_bad_is_put_back_before_a_second_batch(stack, load):
    """Nobody answers within a millisecond."""
    before = stack.pods()
    with load() as users:
        release(stack, "third", rollout={**ROLLOUT, "verification": {**VERIFICATION, "maxP95Ms": 1}})
        wait_for("it is put back", lambda: "revision 2 serves" in message(stack, "Ready") and stack.pods() == before)
    assert users.requests > 100 and not users.errors, users.errors
    status = stack.status()
    assert status["phase"] == "Failed" and status["failed"]["reason"] == "VerificationFailed" and status["failed"]["revision"] == 3
    assert "the canary: 95% of the requests took up to" in message(stack, "Stalled") and "rollout.verification.maxP95Ms" in message(stack, "Stalled")
    assert len(pods_ever_made(stack, "third")) == 1
    release(stack, "second")
    stack.wait_ready()
    assert stack.pods() == before


NOWHERE = {"image": {"repository": "docker.io/library/no-such-server"}, "rollout": {**ROLLOUT, "progressDeadlineSeconds": 30}}


def test_an_image_that_can_not_be_pulled_touches_no_pod_that_serves(stack, load):
    before = stack.pods()
    with load() as users:
        release(stack, "nowhere", **NOWHERE, migrations={"enabled": False})
        stack.wait_reason("ImageNotPulled")
        assert before <= stack.pods()
        wait_for("it is put back", lambda: "revision 2 serves" in message(stack, "Ready") and stack.pods() == before)
    assert users.requests > 100 and not users.errors, users.errors
    status = stack.status()
    assert status["failed"]["reason"] == "RolloutStuck" and len(pods_ever_made(stack, "nowhere")) == 1
    assert status["history"][0]["rollback"] == "image-missing"


def test_where_a_job_comes_first_it_stops_there(stack):
    before = stack.pods()
    release(stack, "elsewhere", **NOWHERE, migrations={"when": ["pre-upgrade"]})
    wait_for("the migration's pod says why", lambda: "no-such-server" in message(stack, "Ready"))
    release(stack, "second")
    stack.wait_ready()
    assert stack.pods() == before and not pods_ever_made(stack, "elsewhere")
