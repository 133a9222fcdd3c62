"""PostgreSQL dies, stands still, is full, or is somebody else: no grant is lost or doubled, and every failure is a 503."""

import os
import signal
import time

import pytest
from conftest import insist, run, until
from support_grants import Load
from support_postgres import Postgres


@pytest.fixture
def postgres(services):
    postgres = Postgres(services.get("PG_BIN", "/usr/lib/postgresql/15/bin"))
    done = run("migrate", env={"DATABASE_URL": postgres.url, "TERMINATION_LOG": "/dev/null"})
    assert done.returncode == 0, done.stdout
    yield postgres
    postgres.close()


def test_killed_and_started_again(start, postgres):
    server = start(DATABASE_URL=postgres.url)
    server.all_there()
    load = Load(server)
    load.reach(0.3)
    postgres.kill()
    until(lambda: load.refusals, what="a refusal")
    assert server.get("/readyz").status == 200 and server.get("/livez").status == 200
    until(lambda: server.inner("/healthz?verbose").json["dependencies"]["database"].get("error") == "refused", what="the truth in the body")
    postgres.start()
    load.finish(postgres)
    assert server.metric('db_connect_failures_total{reason="refused"}') > 0


def test_a_session_dies_and_takes_all_with_it(start, postgres):
    """kill -9 of one backend: PostgreSQL ends all sessions and recovers by itself."""
    server = start(DATABASE_URL=postgres.url)
    load = Load(server)
    load.reach(0.3)
    backend = int(postgres.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'supernova-server' LIMIT 1"))
    os.kill(backend, signal.SIGKILL)
    until(lambda: load.refusals, what="a refusal")
    load.finish(postgres)


def test_it_stands_still_for_five_seconds(start, postgres):
    server = start(DATABASE_URL=postgres.url)
    server.all_there()
    load = Load(server)
    load.reach(0.3)
    postgres.signal_all(signal.SIGSTOP)
    begun = time.monotonic()
    until(lambda: load.refusals, what="a refusal")
    assert server.get("/livez").status == 200 and server.get("/readyz").status == 200
    time.sleep(max(0.0, begun + 5 - time.monotonic()))  # five seconds are the fault itself
    postgres.signal_all(signal.SIGCONT)
    load.finish(postgres)
    assert load.slowest < 20, "nobody waits longer than a time in the queue and one on the wire, 2 s each"


def test_out_of_connections(start, services):
    postgres = Postgres(services.get("PG_BIN", "/usr/lib/postgresql/15/bin"), max_connections="12", superuser_reserved_connections="0",
                        max_wal_senders="0")
    assert run("migrate", env={"DATABASE_URL": postgres.url, "TERMINATION_LOG": "/dev/null"}).returncode == 0
    holders = []
    while holder := postgres.hold():
        holders.append(holder)
    server = start(ready=False, DATABASE_URL=postgres.url)
    whole = until(lambda: (h := server.inner("/healthz?verbose").json)["dependencies"]["database"].get("error") == "refused" and h, what="the reason")
    assert whole["status"] == "starting" and server.get("/readyz").status == 503
    boss = server.mint("boss", ["admin"])
    answer = server.post("/api/entitlements/grant", {"profileId": "p", "grant": {"type": "coins", "amount": 1}, "externalRef": "r"}, token=boss)
    assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1 and "clients" not in answer.body.decode()
    until(lambda: any("too many clients" in str(line) for line in server.lines(msg="database is away")), what="the sentence")
    for holder in holders:
        holder.close()
    until(lambda: server.up("/readyz"), what="readiness")
    grant = {"profileId": "p", "grant": {"type": "coins", "amount": 1}, "externalRef": "r"}
    assert insist(lambda: server.post("/api/entitlements/grant", grant, token=boss)).status == 200
    assert server.stop() == 0
    postgres.close()


def test_connections_that_are_lost_cannot_be_made_again(start, postgres):
    """The role's limit is lowered while it serves, and its sessions are ended; then it is raised again."""
    postgres.sql("CREATE ROLE app LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO app")
    server = start(DATABASE_URL=postgres.url.replace("supernova@", "app@"))
    load = Load(server)
    load.reach(0.3)
    postgres.sql("ALTER ROLE app CONNECTION LIMIT 0")
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    until(lambda: load.refusals, what="a refusal")
    until(lambda: server.inner("/healthz?verbose").json["dependencies"]["database"].get("error") == "refused", what="the reason")
    postgres.sql("ALTER ROLE app CONNECTION LIMIT -1")
    load.finish(postgres)


def test_tls_with_the_right_and_a_wrong_authority(start, database, services):
    host = database.url.split("?")[0].replace("@127.0.0.1:", "@localhost:")
    server = start(DATABASE_URL=f"{host}?sslmode=verify-full&sslrootcert={services['PG_CA']}")
    until(lambda: server.inner("/healthz?verbose").json["dependencies"]["database"]["ok"], what="the connections of the worker that answers")
    for mode in ("verify-full", "verify-ca"):
        wrong = start(ready=False, WORKERS="1", DATABASE_URL=f"{host}?sslmode={mode}&sslrootcert=/etc/ssl/certs/ca-certificates.crt")
        until(lambda: wrong.inner("/healthz?verbose").json["dependencies"]["database"].get("error") == "tls", what="the reason")
        until(lambda: wrong.metric('db_connect_failures_total{reason="tls"}') > 0, what="the count")
        assert wrong.get("/readyz").status == 503


def test_the_names_of_other_failures(start, database):
    head, tail = database.url.split("@", 1)
    user = head.split("//")[1].split(":")[0]
    for url, reason in ((f"postgresql://{user}:hunter2@{tail}", "auth"), (f"postgresql://{user}:p@no-such-name.invalid/d", "unreachable")):
        server = start(ready=False, WORKERS="1", DATABASE_URL=url)
        until(lambda: server.inner("/healthz?verbose").json["dependencies"]["database"].get("error") == reason, what=reason)
        assert "hunter2" not in server.logged()
