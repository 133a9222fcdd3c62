"""Everything again behind PgBouncer in transaction mode: no session belongs to anybody there."""

import concurrent.futures
import json
import secrets
import subprocess
import time

import pytest
from conftest import BINARY, Database, insist, run, until
from support_grants import Load
from support_pgbouncer import PgBouncer
from support_postgres import Postgres
from support_sql import Connection, ask

LOCK = 8318823012450529  # store/job.c


@pytest.fixture
def bouncer(services):
    bouncer = PgBouncer(services["DATABASE_URL"])
    yield bouncer
    bouncer.close()


@pytest.fixture
def pooled(start, bouncer, database):
    return lambda **more: start(DATABASE_URL=bouncer.url(database.name), DATABASE_POOLER="pgbouncer", **more)


@pytest.fixture
def empty(services):
    database = Database(services)
    yield database
    database.drop()


def migrate(bouncer, database, *arguments, message="/dev/null", **env):
    return run("migrate", *arguments, env={"DATABASE_URL": bouncer.url(database.name), "DATABASE_POOLER": "pgbouncer", "TERMINATION_LOG": str(message), **env})


def grant(server, token, profile, ref=None, amount=1):
    body = {"profileId": profile, "grant": {"type": "coins", "amount": amount}, **({"externalRef": ref} if ref else {})}
    return server.post("/api/entitlements/grant", body, token=token)


def test_grants_reads_and_the_audit(pooled, bouncer, database, keys, profile):
    server = pooled()
    token, boss = server.mint(profile), server.mint("boss", ["admin"])
    assert grant(server, boss, profile, "p-" + profile, 70).json["entitlements"]["coins"] == 70
    assert grant(server, boss, profile, "p-" + profile, 70).json["entitlements"]["coins"] == 70
    assert grant(server, boss, profile, "p-" + profile, 71).status == 409
    assert server.get(f"/api/entitlements/{profile}", token=token).json["entitlements"]["coins"] == 70
    until(lambda: server.inner("/healthz?verbose").json["status"] == "ok", what="health")
    audited = run("audit", "--profile", profile, env={"DATABASE_URL": bouncer.url(database.name), "DATABASE_POOLER": "pgbouncer", "JWKS_DIR": str(keys)})
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_many_workers_share_a_pool_of_few(pooled, bouncer, database):
    """4 workers of 8 connections each before 3 of PostgreSQL's: every answer is right, and no request waits in vain."""
    server = pooled(WORKERS="4", DB_POOL="8")
    boss = server.mint("boss", ["admin"])
    profiles = [f"p-{secrets.token_hex(8)}" for _ in range(8)]

    def work(number):
        profile = profiles[number % len(profiles)]
        answer = insist(lambda: grant(server, boss, profile, f"{profile}-{number}"))
        read = insist(lambda: server.get(f"/api/entitlements/{profile}", token=boss))
        return answer.status, read.status, read.json["entitlements"]["coins"] >= 1

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        assert set(pool.map(work, range(400))) == {(200, 200, True)}
    for profile in profiles:
        assert server.get(f"/api/entitlements/{profile}", token=boss).json["entitlements"]["coins"] == 50
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.name}' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    until(lambda: int(database.sql(sessions)) <= 3, what="the sessions of servers that were there before to be gone")


def test_an_error_reaches_its_own_request_alone(pooled, database):
    """Conflicts, refusals and errors of SQL between reads: nobody gets another's answer."""
    server = pooled(WORKERS="1", DB_POOL="4")
    boss = server.mint("boss", ["admin"])
    names = [f"p-{secrets.token_hex(6)}" for _ in range(6)]
    for i, name in enumerate(names):
        assert grant(server, boss, name, amount=i + 1).status == 200

    def work(number):
        name = names[number % 6]
        if number % 3 == 0:
            body = {"profileId": name, "grant": {"type": "revoke", "amount": 1000}}
            return insist(lambda: server.post("/api/entitlements/grant", body, token=boss)).status == 422
        return insist(lambda: server.get(f"/api/entitlements/{name}", token=boss)).json["entitlements"]["coins"] == number % 6 + 1

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(300)))


def test_settings_neither_leak_nor_are_taken_over(pooled, bouncer, database, profile):
    """Somebody else leaves a session behind with a search_path and a time-out of his own; ours mind neither, and leave none."""
    server = pooled(WORKERS="1")
    boss = server.mint("boss", ["admin"])
    told = bouncer.url(database.name)
    for _ in range(6):
        ask(told, "SET search_path = pg_catalog; SET statement_timeout = '77s'")
    for _ in range(30):
        assert grant(server, boss, profile).status == 200
        assert server.get(f"/api/entitlements/{profile}", token=boss).status == 200
    seen = {ask(told, "SELECT current_setting('search_path') || ' ' || current_setting('statement_timeout')") for _ in range(12)}
    assert seen <= {"pg_catalog 77s", '"$user", public 0', 'pg_catalog 77000ms'}, seen


def test_pgbouncer_pauses_and_comes_back(pooled, bouncer, profile):
    server = pooled()
    server.all_there()
    boss = server.mint("boss", ["admin"])
    assert grant(server, boss, profile, "before-" + profile).status == 200
    bouncer.admin("PAUSE")
    begun = time.monotonic()
    answer = grant(server, boss, profile, "during-" + profile)
    assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1 and time.monotonic() - begun < 20
    assert server.get("/readyz").status == 200
    bouncer.admin("RESUME")
    until(lambda: grant(server, boss, profile, "during-" + profile).status == 200, what="the grant")
    assert insist(lambda: server.get(f"/api/entitlements/{profile}", token=boss)).json["entitlements"]["coins"] == 2


def test_pgbouncer_is_killed_and_started_again(pooled, bouncer, profile):
    server = pooled()
    boss = server.mint("boss", ["admin"])
    assert grant(server, boss, profile, "before-" + profile).status == 200
    bouncer.kill()
    answer = grant(server, boss, profile, "during-" + profile)
    assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1
    until(lambda: server.inner("/healthz?verbose").json["dependencies"]["database"].get("error") == "refused", what="the truth in the body")
    bouncer.start()
    until(lambda: grant(server, boss, profile, "during-" + profile).status == 200, what="the grant")
    assert insist(lambda: server.get(f"/api/entitlements/{profile}", token=boss)).json["entitlements"]["coins"] == 2


def test_postgresql_dies_behind_it(start, services):
    postgres = Postgres(services["PG_BIN"])
    assert run("migrate", env={"DATABASE_URL": postgres.url, "TERMINATION_LOG": "/dev/null"}).returncode == 0
    bouncer = PgBouncer(postgres.url)
    server = start(DATABASE_URL=bouncer.url("postgres"), DATABASE_POOLER="pgbouncer")
    server.all_there()
    load = Load(server)
    load.reach(0.3)
    postgres.kill()
    until(lambda: load.refusals, what="a refusal")
    until(lambda: not server.inner("/healthz?verbose").json["dependencies"]["database"]["ok"], what="the truth in the body")
    assert server.get("/readyz").status == 200
    postgres.start()
    load.finish(postgres)
    until(lambda: server.inner("/healthz?verbose").json["status"] == "ok", what="health")
    assert server.stop() == 0
    bouncer.close()
    postgres.close()


# --- migrations

def test_migrate_and_seed_go_through_it(bouncer, empty, tmp_path):
    message = tmp_path / "message"
    message.write_text("")
    done = migrate(bouncer, empty, message=message)
    assert done.returncode == 0, done.stdout
    assert json.loads(message.read_text())["applied"][0] == 1
    assert migrate(bouncer, empty).returncode == 0
    assert json.loads(migrate(bouncer, empty, "status", "--output", "json").stdout)["fits"] is True
    seeded = run("seed", env={"DATABASE_URL": bouncer.url(empty.name), "DATABASE_POOLER": "pgbouncer", "TERMINATION_LOG": "/dev/null"})
    assert seeded.returncode == 0, seeded.stdout
    seen = {ask(bouncer.url(empty.name), "SELECT current_setting('lock_timeout') || current_setting('search_path')") for _ in range(6)}
    assert seen == {'0"$user", public'}


def test_several_migrations_at_once(bouncer, empty):
    env = {"DATABASE_URL": bouncer.url(empty.name), "DATABASE_POOLER": "pgbouncer", "TERMINATION_LOG": "/dev/null"}
    jobs = [subprocess.Popen([BINARY, "migrate"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(6)]
    for job in jobs:
        out, _ = job.communicate(timeout=120)
        assert job.returncode == 0, out
    assert empty.sql("SELECT count(*) = max(version) AND count(DISTINCT sha256) = count(*) FROM schema_migration") == "t"


def test_the_lock_is_the_same_with_and_without_it(bouncer, empty):
    """A session's lock keeps a transaction's out."""
    holder = Connection(empty.url)
    holder.sql(f"SELECT pg_advisory_lock({LOCK})")
    env = {"DATABASE_URL": bouncer.url(empty.name), "DATABASE_POOLER": "pgbouncer", "TERMINATION_LOG": "/dev/null"}
    waiting = subprocess.Popen([BINARY, "migrate"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in waiting.stdout:
        if "another job holds the lock" in line:
            break
    assert waiting.poll() is None and empty.sql("SELECT to_regclass('schema_migration') IS NULL") == "t"
    holder.close()
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, out


def test_the_direct_way_is_taken_where_it_is_set(bouncer, empty):
    bouncer.kill()
    done = migrate(bouncer, empty, DATABASE_DIRECT_URL=empty.url)
    assert done.returncode == 0, done.stdout
    assert migrate(bouncer, empty).returncode == 75
    bouncer.start()
