"""A changed image, config or Secret rolls the pods; what is changed beside them does not."""
import pytest


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install()
    return stack


def migrations(stack):
    return sorted(job["metadata"]["name"] for job in stack.list("job") if "-migrate-" in job["metadata"]["name"])


def test_a_service_port_restarts_nothing(stack):
    before = stack.pods()
    stack.apply(service={"port": 8080})
    stack.wait_ready()
    assert stack.url("/").endswith(":8080/") and stack.pods() == before
    assert stack.status()["revision"]["current"] == 1


def test_replicas_follow_and_restart_nothing(stack):
    before = stack.pods()
    stack.apply(replicas=2)
    stack.wait_ready()
    assert len(stack.pods()) == 2 and before < stack.pods()
    stack.apply()
    stack.wait_ready()


def test_a_changed_config_rolls_the_pods_and_migrates_nothing(stack):
    before, jobs = stack.pods(), migrations(stack)
    stack.apply(config={"logLevel": "debug"})
    stack.wait_rolled(before)
    assert stack.status()["revision"] == {"current": 2, "target": 2, "previous": 1}
    assert migrations(stack) == jobs
    assert all('"level":20' in stack.kubectl("logs", pod) for pod in stack.pods())


def test_a_changed_secret_rolls_the_pods(stack):
    before, revision = stack.pods(), stack.status()["revision"]["current"]
    stack.secret = {**stack.secret, "ISSUER_ADMIN_SECRET": "another-issuer-secret"}
    stack.put_secret()
    stack.wait_rolled(before)
    assert stack.token()
    assert stack.status()["revision"]["current"] == revision


def test_a_changed_image_rolls_the_pods_and_migrates(stack, cluster):
    before, revision = stack.pods(), stack.status()["revision"]["current"]
    other = stack.image + "-again"
    cluster.do("tag", stack.image, other)
    stack.image = other
    stack.apply(config={"logLevel": "debug"})
    stack.wait_rolled(before)
    assert stack.status()["revision"] == {"current": revision + 1, "target": revision + 1, "previous": revision}
    assert migrations(stack)[-1] == f"supernova-server-migrate-{revision + 1}"


def test_going_back_takes_the_revision_that_was(stack):
    before = stack.pods()
    stack.image = stack.image.removesuffix("-again")
    stack.apply(config={"logLevel": "debug"})
    stack.wait_rolled(before)
    assert stack.status()["revision"]["current"] == 2
