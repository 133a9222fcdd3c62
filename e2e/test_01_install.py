"""From kubectl apply to a Ready stack that answers."""
import pytest

from kube import decoded, items, wait_for


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.put_secret()
    stack.apply(replicas=3)
    return stack


def test_kubectl_wait_sees_it_ready(stack):
    stack.kubectl("wait", "--for=condition=Ready", "--timeout=240s", "supernovastack/supernova-server", timeout_s=300)
    assert stack.status()["phase"] == "Ready"
    assert len(stack.pods()) == 3


def test_the_columns_tell(stack):
    header, row = stack.kubectl("get", "sns").splitlines()
    assert header.split() == ["NAME", "READY", "PHASE", "IMAGE", "REVISION", "REPLICAS", "SCHEMA", "AGE"]
    name, ready, phase, image, revision, replicas, schema, _ = row.split()
    assert [name, ready, phase, revision, replicas] == ["supernova-server", "True", "Ready", "1", "3"]
    assert image == stack.image.rsplit(":", 1)[1] and int(schema) >= 1


def test_preflight_and_migration_ran_once(stack):
    assert [job["metadata"]["name"] for job in stack.list("job")] == ["supernova-server-migrate-1", "supernova-server-preflight-1"]


def test_coins_are_granted_and_read_back_through_the_service(stack):
    token = stack.token()
    stack.grant(token, "player", 100, "first")
    stack.grant(token, "player", 100, "first")
    stack.grant(token, "player", 20, "second")
    assert stack.coins(token, "player") == 120


def test_the_keys_are_published_without_their_private_half(stack):
    status, keys = stack.ask("GET", "/auth/.well-known/jwks.json")
    assert status == 200
    signing = decoded(stack.read("secret", "supernova-server-jwks"), "signing").strip()
    assert [key["kid"] for key in keys["keys"]] == [signing]
    assert set(keys["keys"][0]) & {"d", "p", "q"} == set()


def test_each_step_was_told(stack):
    def told():
        reasons = {event["reason"] for event in items("event", stack.namespace) if event["regarding"]["kind"] == "SupernovaStack"}
        return {"RevisionCreated", "KeysMade", "PreflightSucceeded", "MigrationStarted", "MigrationSucceeded", "Deployed"} <= reasons
    wait_for("all is told", told)
