"""The subcommands migrate and seed, as a Job runs them."""

import json
import subprocess

import pytest
from conftest import BINARY, Database, run, until
from support_sql import Connection

LOCK = 8318823012450529  # store/job.c


@pytest.fixture
def empty(services):
    """A database that nobody has migrated."""
    database = Database(services)
    yield database
    database.drop()


@pytest.fixture
def migrate(empty, tmp_path):
    """migrate(ARGUMENTS…) -> status, output and what is in the termination log."""
    def migrate(*arguments, **env):
        path = tmp_path / "termination-log"
        path.write_text("")
        done = run("migrate", *arguments, env={"DATABASE_URL": empty.url, "TERMINATION_LOG": str(path), **env})
        done.message = json.loads(path.read_text() or "null")
        return done

    return migrate


def tables(database):
    return set(database.sql("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'").split())


def test_up_tells_what_it_did_and_does_nothing_twice(migrate, empty):
    first = migrate("up")
    assert first.returncode == 0, first.stdout
    newest = first.message["schemaVersion"]
    assert first.message["applied"][0] == 1 and first.message["applied"][-1] == newest
    assert set(first.message) == {"schemaVersion", "servesFrom", "applied", "accepts"} and first.message["accepts"][1] == newest
    second = migrate()
    assert second.returncode == 0 and second.message == {**first.message, "applied": []}
    assert run("seed", env={"DATABASE_URL": empty.url, "TERMINATION_LOG": "/dev/null"}).returncode == 0


def test_dry_run_tells_and_touches_nothing(migrate, empty):
    done = migrate("--dry-run")
    assert done.returncode == 0 and "would apply 0001_ledger.sql" in done.stdout and done.message is None
    assert json.loads(migrate("--dry-run", "--output", "json").stdout)["wouldApply"][0] == {"version": 1, "file": "0001_ledger.sql", "noTransaction": False}
    assert tables(empty) == set()
    migrate("up")
    assert migrate("--dry-run").stdout.startswith("nothing to apply")


def test_status_for_people_and_for_programs(migrate, empty):
    before = migrate("status")
    assert before.returncode == 0 and "0001_ledger.sql" in before.stdout and "pending" in before.stdout and "does not fit" in before.stdout
    assert tables(empty) == set()
    assert migrate("--to", "1").message["applied"] == [1]
    assert "works with" in migrate("status").stdout
    whole = json.loads(migrate("status", "--output", "json").stdout)
    assert whole["schemaVersion"] == 1 and whole["migrations"][0]["state"] == "applied" and whole["migrations"][0]["appliedAt"].endswith("Z")
    assert migrate("up").returncode == 0
    whole = json.loads(migrate("status", "--output", "json").stdout)
    assert whole["fits"] is True and {m["state"] for m in whole["migrations"]} == {"applied"}


def test_an_edited_history_is_refused_by_name(migrate, empty):
    migrate("up")
    empty.sql("UPDATE schema_migration SET sha256 = repeat('0', 64) WHERE version = 1")
    for arguments in (["up"], ["--dry-run"], ["status"]):
        done = migrate(*arguments)
        assert done.returncode == 65 and "0001_ledger.sql was edited" in done.message["error"]
    assert "edited" in migrate("status").stdout


@pytest.mark.parametrize("serves_from, status", [(1, 0), (998, 65)])
def test_a_newer_schema_is_fine_as_long_as_it_serves_this_image(migrate, empty, serves_from, status):
    newest = migrate("up").message["schemaVersion"]
    empty.sql(f"INSERT INTO schema_migration VALUES (999, '0999_later.sql', 'x', {serves_from}, now(), 1)")
    done = migrate("up")
    assert done.returncode == status
    if status == 0:
        assert done.message["schemaVersion"] == 999 and done.message["applied"] == []
    else:
        assert f"serves images from {serves_from} on" in done.message["error"] and f"to {newest}" in done.message["error"]
        assert (done.message["schemaVersion"], done.message["servesFrom"], done.message["accepts"][1]) == (999, serves_from, newest)
    assert "newer" in migrate("status").stdout


def test_readiness_check_and_migrate_agree(migrate, empty, start, services, keys):
    """One test of fit: an image on a schema that is behind, its own, newer and kind, newer and unkind."""
    def ask(server, ready):
        until(lambda: (server.get("/readyz").status == 200) == ready and server.inner("/healthz?verbose").json["schema"]["current"] is not None, what="readiness")
        return server.inner("/healthz?verbose").json["schema"]

    env = {"DATABASE_URL": empty.url, "REDIS_URL": services["REDIS_URL"], "JWKS_DIR": str(keys), "ISSUER_ADMIN_SECRET": "x" * 32, "TERMINATION_LOG": "/dev/null"}
    check = lambda: run("check", env=env).returncode
    newest = migrate("up").message["schemaVersion"]
    assert ask(start(DATABASE_URL=empty.url), True)["current"] == newest and check() == 0
    empty.sql("INSERT INTO schema_migration VALUES (998, '0998_kind.sql', 'x', 1, now(), 1)")
    assert ask(start(DATABASE_URL=empty.url), True)["current"] == 998 and check() == 0 and migrate().returncode == 0
    empty.sql("INSERT INTO schema_migration VALUES (999, '0999_unkind.sql', 'x', 999, now(), 1)")
    schema = ask(start(ready=False, DATABASE_URL=empty.url), False)
    assert schema["servesFrom"] == 999 and schema["max"] == newest and check() == 65 and migrate().returncode == 65


def test_a_server_waits_for_its_schema(migrate, empty, start):
    server = start(ready=False, DATABASE_URL=empty.url)
    assert server.get("/readyz").status == 503
    assert migrate("up").returncode == 0
    until(lambda: server.up("/readyz"), what="readiness")


def test_it_says_who_holds_the_lock_and_waits(empty, tmp_path):
    holder = Connection(empty.url + "?application_name=the-other-job")
    holder.sql(f"SELECT pg_advisory_lock({LOCK})")
    log = open(tmp_path / "log", "w+")
    waiting = subprocess.Popen([BINARY, "migrate"], env={"DATABASE_URL": empty.url, "TERMINATION_LOG": "/dev/null"}, stdout=log, stderr=log)
    line = until(lambda: [l for l in open(log.name) if "another job holds the lock" in l and l.endswith("\n")], what="the line")[0]
    assert json.loads(line)["holder"].startswith("the-other-job, process ")
    assert tables(empty) == set() and waiting.poll() is None
    holder.close()
    assert waiting.wait(60) == 0, open(log.name).read()
    assert "schema_migration" in tables(empty)


@pytest.mark.parametrize("env, status, word", [
    ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}, 75, "refused"),
    ({"DATABASE_URL": "postgresql://u:hunter2/x@127.0.0.1/d"}, 65, "percent-encoded"),
    ({"DATABASE_URL": "mysql://u:hunter2@127.0.0.1/d"}, 65, "DATABASE_URL is malformed"),
    ({"DATABASE_URL": ""}, 65, "DATABASE_URL is not set"),
    ({"DATABASE_POOLER": "odyssey"}, 65, "DATABASE_POOLER"),
    ({"LOG_LEVEL": "loud"}, 65, "LOG_LEVEL"),
])
def test_failures_are_sentences_without_secrets(migrate, env, status, word):
    done = migrate(**env)
    assert done.returncode == status and word in done.message["error"], done.stdout
    assert "hunter2" not in done.stdout + done.stderr + done.message["error"]


@pytest.mark.parametrize("arguments", [["down"], ["--to"], ["--to", "0"], ["--to", "x"], ["up", "status"], ["--output", "yaml"]])
def test_usage(migrate, arguments):
    done = migrate(*arguments)
    assert done.returncode == 64 and done.stderr.startswith("usage: ") and done.message is None


def test_to_goes_forward_alone(migrate):
    newest = migrate("up").message["schemaVersion"]
    assert "no migration 998" in migrate("--to", "998").message["error"]
    if newest > 1:
        assert f"is at {newest} and can't go back to 1" in migrate("--to", "1").message["error"]


def test_a_killed_database_is_tried_again(empty, tmp_path):
    """The session ends in the middle: 75, nothing stays, and the next run does all."""
    message = tmp_path / "message"
    message.write_text("")
    log = open(tmp_path / "log", "w+")
    empty.sql("CREATE FUNCTION pause() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(300); END'")
    empty.sql("CREATE EVENT TRIGGER pause ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION pause()")
    waiting = subprocess.Popen([BINARY, "migrate"], env={"DATABASE_URL": empty.url, "TERMINATION_LOG": str(message)}, stdout=log, stderr=log)
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    until(lambda: int(empty.sql(ended)), what="the sleep")
    assert waiting.wait(60) == 75, open(log.name).read()
    assert "terminating connection" in json.loads(message.read_text())["error"]
    empty.sql("DROP EVENT TRIGGER pause")
    assert tables(empty) == set()
    assert run("migrate", env={"DATABASE_URL": empty.url, "TERMINATION_LOG": "/dev/null"}).returncode == 0
