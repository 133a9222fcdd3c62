"""The subcommand check: the preflight, and what a person runs first."""

import json
import secrets
import subprocess

import pytest
from conftest import ISSUER_SECRET, Database, at_once, free_port, run
from support_pgbouncer import PgBouncer


@pytest.fixture
def check(database, services, keys, tmp_path):
    """check(NAME=value) -> what it said; .by: findings by name."""
    tokens, message = tmp_path / "tokens.json", tmp_path / "message"
    tokens.write_text("{}")

    def check(**env):
        message.write_text("")
        env = {"DATABASE_URL": database.url, "REDIS_URL": services["REDIS_URL"], "JWKS_DIR": str(keys), "ISSUER_ADMIN_SECRET": ISSUER_SECRET, "APP_JWT_SECRET": "a" * 32,
               "SESSION_SECRET": "s" * 32, "COLLAB_PAY_WEBHOOK_SECRET": "c" * 32,
               "DESIGN_TOKENS_FILE": str(tokens), "TERMINATION_LOG": str(message), **env}
        # the one for programs and the one for people, which wait for the same
        done, people = at_once(2, lambda i: run("check", *(["--output", "json"] if i == 0 else []), env=env if i == 0 else {**env, "TERMINATION_LOG": "/dev/null"}))
        said = json.loads(done.stdout)
        done.by = {c["name"]: c for c in said["checks"]}
        done.message = json.loads(message.read_text())
        assert said["exitStatus"] == done.returncode and said["ok"] == (done.returncode == 0) and done.stderr == ""
        done.people = people
        assert done.people.returncode == done.returncode
        return done

    return check


def test_all_is_well(check, database):
    done = check()
    assert done.returncode == 0 and done.people.stdout.endswith("\nall is well\n")
    assert {n: c["verdict"] for n, c in done.by.items()} == {"settings": "ok", "database": "ok", "schema": "ok", "rights": "note", "redis": "ok",
                                                             "keys": "ok", "tokens": "ok", "stores": "note"}
    assert "owns nothing" in done.by["rights"]["sentence"]
    assert done.message["schemaVersion"] == done.message["accepts"][1] and done.message["applied"] == []
    assert "PostgreSQL 15" in done.by["database"]["sentence"]


def url_of(url, user=None, password=None, port=None, database=None):
    head, tail = url.split("@", 1)
    where, name = tail.split("/", 1)
    old = head.removeprefix("postgresql://").split(":")
    host = where.rsplit(":", 1)
    return f"postgresql://{user or old[0]}:{password or old[1]}@{host[0]}:{port or host[1]}/{database or name}"


@pytest.mark.parametrize("env, status, name, word", [
    ({"PORT": "http", "DB_POOL": "1"}, 65, "settings", "PORT is \"http\""),
    ({"ISSUER_ADMIN_SECRET": ""}, 65, "settings", "ISSUER_ADMIN_SECRET is not set"),
    ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}, 75, "database", "refused"),
    ({"DATABASE_URL": "postgresql://u:hunter2@no-such-name.invalid/d"}, 75, "database", "no-such-name.invalid"),
    ({"DATABASE_URL": "postgresql://u:hunter2/x@127.0.0.1/d"}, 65, "database", "percent-encoded"),
    ({"REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}, 75, "redis", "refused"),
    ({"JWKS_DIR": "/nonexistent"}, 65, "keys", "/nonexistent"),
])
def test_what_is_wrong_is_said_with_a_next_step_and_no_secret(check, env, status, name, word):
    done = check(**env)
    assert done.returncode == status, done.stdout
    assert word in done.by[name]["sentence"] and done.by[name]["next"]
    assert done.by[name]["verdict"] == {75: "again", 65: "never"}[status]
    assert done.message["error"].startswith(f"{name}: ") and "next: " in done.people.stdout
    assert "hunter2" not in done.stdout + done.people.stdout + json.dumps(done.message)


def test_the_worst_decides(check):
    done = check(REDIS_URL="redis://127.0.0.1:1/0", JWKS_DIR="/nonexistent")
    assert done.returncode == 65 and done.by["redis"]["verdict"] == "again" and "2 of " in done.people.stdout


def test_a_wrong_password_is_tried_again(check, database):
    done = check(DATABASE_URL=url_of(database.url, password="hunter2"))
    assert done.returncode == 75 and "Secret" in done.by["database"]["next"]


def test_a_schema_that_is_behind_is_what_migrate_is_for(check, services):
    empty = Database(services)
    done = check(DATABASE_URL=empty.url)
    assert done.returncode == 0 and done.by["schema"]["verdict"] == "note" and "supernova-server migrate" in done.by["schema"]["sentence"]
    assert "rights" not in done.by and done.message["schemaVersion"] == 0
    assert empty.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0"
    empty.drop()


@pytest.mark.parametrize("change, status, word", [
    ("INSERT INTO schema_migration VALUES (999, '0999_later.sql', 'x', 1, now(), 1)", 0, "it is 999"),
    ("INSERT INTO schema_migration VALUES (999, '0999_later.sql', 'x', 999, now(), 1)", 65, "serves images from 999 on"),
    ("UPDATE schema_migration SET sha256 = 'x' WHERE version = 1", 65, "0001_ledger.sql was edited"),
    ("DROP FUNCTION entitlement_grant", 65, "entitlement_grant"),
])
def test_schemas_of_others(check, migrated, change, status, word):
    other = migrated()
    other.sql(change)
    done = check(DATABASE_URL=other.url)
    assert done.returncode == status and word in done.stdout, done.stdout


def test_a_role_without_rights_is_told_which(check, migrated):
    """A role that may connect and read the history, and no more; then one that may do what the server needs."""
    other, role = migrated(), "r_" + secrets.token_hex(4)
    other.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; GRANT SELECT ON schema_migration TO {role}")
    done = check(DATABASE_URL=url_of(other.url, role, "hunter2"))
    assert done.returncode == 65 and "permission denied" in done.by["rights"]["sentence"] and "GRANT" in done.by["rights"]["next"]
    other.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}")
    done = check(DATABASE_URL=url_of(other.url, role, "hunter2"))
    assert done.returncode == 0 and done.by["rights"]["verdict"] == "ok", done.stdout
    other.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_tls(check, database, services):
    """sslmode as in the URL: the right CA lets in, another one does not."""
    host = url_of(database.url).replace("@127.0.0.1:", "@localhost:").split("?")[0]
    done = check(DATABASE_URL=f"{host}?sslmode=verify-full&sslrootcert={services['PG_CA']}")
    assert done.returncode == 0 and "with TLS" in done.by["database"]["sentence"], done.stdout
    done = check(DATABASE_URL=f"{host}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt")
    assert done.returncode == 75 and "certificate" in done.by["database"]["sentence"] and "sslrootcert" in done.by["database"]["next"], done.stdout


def test_behind_pgbouncer(check, services, database):
    bouncer = PgBouncer(services["DATABASE_URL"])
    url = bouncer.url(database.name)
    done = check(DATABASE_URL=url, DATABASE_POOLER="pgbouncer")
    assert done.returncode == 0 and done.by["direct"]["verdict"] == "note", done.stdout
    assert check(DATABASE_URL=url, DATABASE_POOLER="pgbouncer", DATABASE_DIRECT_URL=database.url).by["direct"]["verdict"] == "ok"
    done = check(DATABASE_URL=url, DATABASE_POOLER="pgbouncer", DATABASE_DIRECT_URL=f"postgresql://u:p@127.0.0.1:{free_port()}/d")
    assert done.returncode == 75 and done.by["direct"]["verdict"] == "again"
    assert "DATABASE_POOLER=pgbouncer" in check(DATABASE_URL=url).by["database"]["next"]
    bouncer.close()


def test_the_oldest_schema_that_it_claims_has_all_that_it_needs(check, services):
    """The image's min: every statement is understood there, and one step before it is called behind."""
    lowest, newest = check().message["accepts"]
    old = Database(services)
    migrate = lambda to: run("migrate", "--to", str(to), env={"DATABASE_URL": old.url, "TERMINATION_LOG": "/dev/null"}).returncode
    if lowest > 1:
        assert migrate(lowest - 1) == 0
        done = check(DATABASE_URL=old.url)
        assert done.returncode == 0 and done.by["schema"]["verdict"] == "note" and "rights" not in done.by
    assert migrate(lowest) == 0
    done = check(DATABASE_URL=old.url)
    assert done.by["rights"]["verdict"] == "note", f"SCHEMA_MIN in store/schema.c is too low: {done.by['rights']['sentence']}"
    assert done.returncode == 0 and done.message["schemaVersion"] == lowest
    assert (done.by["schema"]["verdict"] == "note") == (lowest < newest)
    old.drop()


def test_keys_of_others(check, server):
    """The set of a running server, and an address where there is none: never fatal, since our own keys are there."""
    where = {"ENVIRONMENT": "development", "AUTH_JWKS_ALLOW_PRIVATE": "127.0.0.1"}
    done = check(AUTH_JWKS_URL=f"http://127.0.0.1:{server.port}/auth/.well-known/jwks.json", **where)
    assert done.returncode == 0 and done.by["foreign"]["verdict"] == "ok" and done.by["foreign"]["sentence"].startswith("1 at"), done.stdout
    for url, env in ((f"http://127.0.0.1:{server.port}/livez", where), (f"http://127.0.0.1:{free_port()}/", where),
                     (f"http://127.0.0.1:{server.port}/auth/.well-known/jwks.json", {"ENVIRONMENT": "development"})):
        done = check(AUTH_JWKS_URL=url, **env)
        assert done.returncode == 0 and done.by["foreign"]["verdict"] == "note" and done.by["foreign"]["next"], done.stdout


def test_endpoints_without_their_secret_are_named(check):
    done = check(APP_JWT_SECRET="", SESSION_SECRET="")
    assert done.returncode == 0 and done.by["closed"]["verdict"] == "note"
    assert "POST /auth/ticket (APP_JWT_SECRET)" in done.by["closed"]["sentence"] and "(SESSION_SECRET)" in done.by["closed"]["sentence"]


def test_keys_of_the_stores(check, tmp_path):
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], capture_output=True, text=True, check=True).stdout
    done = check(APPLE_PRIVATE_KEY=key)
    assert done.returncode == 0 and done.by["stores"]["verdict"] == "note"
    assert "APPLE_APP_ID" in done.by["stores"]["sentence"] and "APPLE_PRIVATE_KEY" not in done.by["stores"]["sentence"]
    for name, value in (("APPLE_PRIVATE_KEY", "hunter2"), ("GOOGLE_SERVICE_ACCOUNT_KEY", "hunter2")):
        done = check(**{name: value})
        assert done.returncode == 65 and done.by["stores"]["verdict"] == "never" and done.by["stores"]["sentence"].startswith(name), done.stdout
        assert "hunter2" not in done.stdout


def test_notes(check, tmp_path):
    done = check(APPLE_SHARED_SECRET="hunter2", DEV_AUTH_OPEN="true", DESIGN_TOKENS_FILE=str(tmp_path / "none"))
    assert done.returncode == 0 and "hunter2" not in done.stdout
    assert {n for n, c in done.by.items() if c["verdict"] == "note"} >= {"unused", "bypass", "tokens"}
    (tmp_path / "bad").write_text("{")
    assert check(DESIGN_TOKENS_FILE=str(tmp_path / "bad")).by["tokens"]["verdict"] == "never"
    assert "redis" not in check(REDIS_MODE="none", REDIS_URL="").by


def test_usage():
    assert run("check", "--output", "xml").returncode == 64 and run("check", "now").returncode == 64
