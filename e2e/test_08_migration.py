"""A migration that fails is tried again after 2, 4 and 8 s, then given up with its last lines, until something that could mend it changes."""
import pytest

from kube import condition_of, seconds, wait_for

CLOSED = "postgresql://supernova:hunter2@127.0.0.1:1/supernova?connect_timeout=2"
RETRY = {"retry": {"exponential": {"initialSeconds": 2, "maxSeconds": 60, "maxAttempts": 4}}}


@pytest.fixture(scope="module")
def stack(make_stack, cluster):
    """Its image has a name of its own: the operator's companion would be refused by the preflight."""
    stack = make_stack()
    another = stack.image.replace("supernova-server", "another-server")
    cluster.do("tag", stack.image, another)
    stack.image = another
    stack.put_secret(DATABASE_URL=CLOSED)
    stack.apply(migrations={"when": ["pre-install", "post-upgrade"], **RETRY})
    return stack


def jobs(stack):
    """By attempt: -1, -1-2, -1-3."""
    return sorted(stack.list("job"), key=lambda job: job["metadata"]["name"])


def failed_at(job):
    return seconds(next(c["lastTransitionTime"] for c in job["status"]["conditions"] if c["type"] == "Failed"))


def test_it_is_retried(stack):
    """Whichever of its waits is seen."""
    waiting = wait_for("it waits", lambda: (status := stack.status()).get("migration", {}).get("state") == "Waiting" and status)
    attempt, ready = waiting["migration"]["attempt"], condition_of({"status": waiting}, "Ready")
    assert f"migration attempt {attempt} of 4 failed" in ready["message"] and ready["reason"] == "MigrationRetrying"
    assert waiting["phase"] == "Migrating"
    wait = seconds(waiting["migration"]["nextAttemptAt"]) - failed_at(jobs(stack)[attempt - 1])
    assert abs(wait - 2 ** attempt) <= 1, "times of whole seconds"


def test_it_is_given_up_with_its_last_lines(stack):
    message = stack.wait_reason("MigrationFailed")["message"]
    assert "refused" in message and "hunter2" not in message
    status = stack.status()
    assert status["phase"] == "Failed" and status["migration"]["state"] == "Failed" and status["migration"]["attempt"] == 4
    assert stack.read("deployment") is None, "a pre-install migration comes before the pods"


def test_each_wait_was_twice_the_last(stack):
    tries = jobs(stack)
    assert [job["metadata"]["name"].removeprefix("supernova-server-migrate-") for job in tries] == ["1", "1-2", "1-3", "1-4"]
    waits = [seconds(after["metadata"]["creationTimestamp"]) - failed_at(before) for before, after in zip(tries, tries[1:])]
    # times of whole seconds; how long it takes until the failed pod is gone is the node's business
    assert all(waited >= wanted - 1 for waited, wanted in zip(waits, [2, 4, 8])), waits


def test_a_mended_secret_frees_it(stack):
    stack.put_secret()
    stack.wait_ready()
    assert wait_for("the migration is told", lambda: stack.status()["migration"]["state"] == "Succeeded")
