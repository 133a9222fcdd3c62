"""supernova-server audit, the signed heads that it checks, and whether anybody can write the ledger past the server."""

import http.client
import json
import os
import pty
import re
import subprocess
import threading
import time

import pytest
from conftest import BINARY, Database, Server, at_once, run, until
from support_sql import SqlError, ask

# What a superuser could do: no trigger is in the way any more, and forge() makes a profile's hashes and balance fit what its rows say.
FORGER = """
ALTER TABLE ent_ledger DISABLE TRIGGER ALL; ALTER TABLE ledger_heads DISABLE TRIGGER ALL; ALTER TABLE ledger_heads_entry DISABLE TRIGGER ALL;
ALTER TABLE profile DISABLE TRIGGER ALL; ALTER TABLE ent_balance DISABLE TRIGGER ALL; ALTER TABLE ent_subscription DISABLE TRIGGER ALL;
CREATE FUNCTION forge(p text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r ent_ledger; last bytea := decode(repeat('00', 32), 'hex'); n bigint := 0;
BEGIN
  FOR r IN SELECT * FROM ent_ledger WHERE profile = p ORDER BY seq LOOP
    UPDATE ent_ledger SET prev = last WHERE profile = p AND seq = r.seq RETURNING * INTO r;
    UPDATE ent_ledger SET head = sha256(ledger_bytes(r)) WHERE profile = p AND seq = r.seq RETURNING head INTO last;
    n := r.seq;
  END LOOP;
  UPDATE ent_balance SET head = last, seq = n, (coins, debt) = (SELECT coins, debt FROM ent_ledger WHERE profile = p AND seq = n) WHERE profile = p;
END $$;
"""

HISTORY = """
SELECT entitlement_grant('anna', 'coins', 100, NULL, NULL, 'welcome', 'shop', 'admin', 'a1', 'boss', sha256('')),
       entitlement_grant('anna', 'revoke', 90, NULL, NULL, NULL, NULL, 'admin', 'a2', 'boss', sha256('')),
       entitlement_grant('anna', 'refund', 100, NULL, NULL, NULL, NULL, 'google', 'a3', NULL, sha256('')),
       entitlement_grant('anna', 'coins', 120, NULL, NULL, NULL, NULL, 'admin', 'a4', 'boss', sha256('')),
       entitlement_grant('b\u00e9a "\\', 'subscription', NULL, 'pro', '2099-01-01', NULL, 'apple', 'apple', 'b1', NULL, sha256('')),
       entitlement_grant('b\u00e9a "\\', 'subscription', NULL, 'gold', NULL, NULL, NULL, 'apple', 'b2', NULL, sha256('')),
       entitlement_grant('b\u00e9a "\\', 'refund', NULL, 'pro', NULL, NULL, NULL, 'apple', 'b3', NULL, sha256('')),
       entitlement_grant('dora', 'coins', 5, NULL, NULL, NULL, NULL, 'admin', 'd1', 'boss', sha256('')),
       entitlement_grant('carl', 'subscription', NULL, 'pro', '2099-01-01', NULL, 'apple', 'apple', 'c1', NULL, sha256('')),
       entitlement_grant('carl', 'revoke', NULL, 'pro', NULL, NULL, NULL, 'admin', 'c2', 'boss', sha256(''));
INSERT INTO profile (id) VALUES ('never');
"""

JOB = {"TERMINATION_LOG": "/dev/null"}


def audit(database, *arguments, keys="/nonexistent", **env):
    done = run("audit", "--output", "json", *arguments, env={"DATABASE_URL": database.url, "JWKS_DIR": str(keys), **env})
    done.json = json.loads(done.stdout) if done.stdout else None
    return done


def signed(database):
    return int(database.sql("SELECT count(*) FROM ledger_heads WHERE signature IS NOT NULL"))


@pytest.fixture(scope="module")
def history(migrated, tmp_path_factory, some_keys):
    """A database with some of everything, signed twice: as of an hour ago, and once more after carl came. Not to be changed."""
    directory = tmp_path_factory.mktemp("history")
    database = migrated()
    database.keys = some_keys
    before_carl, carl = HISTORY.split("       entitlement_grant('carl'", 1)
    database.sql(before_carl.rstrip().rstrip(",") + ";")
    server = Server(directory, {"DATABASE_URL": database.url, "JWKS_DIR": str(database.keys), "REDIS_MODE": "none"})
    until(lambda: signed(database) == 1, what="the first signature")
    assert server.stop() == 0
    database.sql("ALTER TABLE ledger_heads DISABLE TRIGGER ALL; UPDATE ledger_heads SET hour = hour - interval '1 hour';"
                 "UPDATE ledger_heads h SET digest = sha256(convert_to(ledger_heads_text(h), 'UTF8')), signature = NULL, kid = NULL;"
                 "ALTER TABLE ledger_heads ENABLE TRIGGER ALL")
    database.sql("SELECT entitlement_grant('carl'" + carl)
    server = Server(directory, {"DATABASE_URL": database.url, "JWKS_DIR": str(database.keys), "REDIS_MODE": "none"})
    until(lambda: signed(database) == 2, what="the second signature")
    database.log = server
    assert server.stop() == 0
    return database


@pytest.fixture(scope="module")
def forgeable(services, history):
    database = Database(services, history)
    database.sql(FORGER)
    yield database
    database.drop()


@pytest.fixture
def copy(services, history, forgeable):
    """The history, to be tampered with."""
    database = Database(services, forgeable)
    database.keys = history.keys
    yield database
    database.drop()


# --- what is right

def test_a_ledger_that_is_right(history):
    done = audit(history, keys=history.keys)
    assert done.returncode == 0, done.stdout + done.stderr
    hour = history.sql("SELECT utc(max(hour)) FROM ledger_heads")
    assert done.json.pop("durationMs") >= 0
    assert done.json == {"ok": True, "profiles": 5, "rows": 11, "brokenProfiles": 0, "first": None,
                         "heads": {"checked": 2, "broken": 0, "unknownKey": 0, "unsigned": 0, "newestHour": hour}}
    text = run("audit", env={"DATABASE_URL": history.url, "JWKS_DIR": str(history.keys)}).stdout
    assert "11 rows of 5 profiles" in text and "2 signatures" in text and hour in text


def test_rows_of_the_first_schema_stay_right(services):
    """Written by the function of 0001, before there were refunds; and those that came after them."""
    database = Database(services)
    assert run("migrate", "--to", "1", env={"DATABASE_URL": database.url, **JOB}).returncode == 0
    old = """SELECT entitlement_grant('anna', 'coins', 9, NULL, NULL, 'x', 'y', 'admin', 'r1', 'boss', sha256('')),
        entitlement_grant('anna', 'revoke', 4, NULL, NULL, NULL, NULL, 'admin', 'r2', 'boss', sha256('')),
        entitlement_grant('anna', 'subscription', NULL, 'pro', '2099-01-01', NULL, 'z', 'admin', 'r3', NULL, sha256('')),
        entitlement_grant('anna', 'revoke', NULL, 'pro', NULL, NULL, NULL, 'admin', 'r4', NULL, sha256(''))"""
    database.sql(old)
    assert run("migrate", env={"DATABASE_URL": database.url, **JOB}).returncode == 0
    assert audit(database).json["rows"] == 4 and audit(database).returncode == 0
    database.sql("SELECT entitlement_grant('anna', 'refund', 9, NULL, NULL, NULL, NULL, 'google', 'r5', NULL, sha256('')),"
                 " entitlement_grant('anna', 'coins', 9, NULL, NULL, NULL, NULL, 'admin', 'r6', NULL, sha256(''))")
    assert database.sql("SELECT result FROM entitlement_grant('anna', 'coins', 9, NULL, NULL, 'x', 'y', 'admin', 'r1', 'boss', sha256(''))") == "repeated"
    done = audit(database)
    assert done.returncode == 0 and done.json["rows"] == 7
    database.drop()


def test_one_profile_alone(history):
    done = audit(history, "--profile", "anna")
    assert (done.returncode, done.json["profiles"], done.json["rows"]) == (0, 1, 5) and "heads" not in done.json
    assert audit(history, "--profile", "nobody").json["profiles"] == 0


def test_an_empty_ledger(migrated):
    assert audit(migrated()).json["rows"] == 0


# --- what is signed

def test_each_hour_covers_what_changed_and_is_logged(history):
    rows = history.sql("SELECT id, whole, profiles FROM ledger_heads ORDER BY id").splitlines()
    assert rows == ["1|t|3", "2|t|1"]
    assert history.sql("SELECT string_agg(profile || '/' || seq, ' ' ORDER BY profile) FROM ledger_heads_entry") == "anna/5 b\u00e9a \"\\/3 carl/2 dora/1"
    (line,) = history.log.lines(msg="heads are signed", id=2)
    assert line["digest"] == history.sql("SELECT encode(digest, 'hex') FROM ledger_heads WHERE id = 2")
    assert line["signature"] == history.sql("SELECT translate(encode(signature, 'base64'), E'\\n', '') FROM ledger_heads WHERE id = 2")
    assert line["profiles"] == 1 and line["kid"] == (history.keys / "signing").read_text().strip()


def test_anybody_can_check_a_signature(history, tmp_path):
    kid = history.sql("SELECT kid FROM ledger_heads WHERE id = 2")
    (tmp_path / "bytes").write_text(history.sql("SELECT ledger_heads_text(h) FROM ledger_heads h WHERE id = 2") + "\n")
    (tmp_path / "signature").write_bytes(bytes.fromhex(history.sql("SELECT encode(signature, 'hex') FROM ledger_heads WHERE id = 2")))
    key = subprocess.run(["openssl", "pkey", "-in", history.keys / f"{kid}.pem", "-pubout"], capture_output=True, check=True).stdout
    (tmp_path / "key.pem").write_bytes(key)
    subprocess.run(["openssl", "dgst", "-sha256", "-verify", tmp_path / "key.pem", "-signature", tmp_path / "signature", tmp_path / "bytes"],
                   check=True, stdout=subprocess.DEVNULL)


def test_keys_that_are_not_known_are_counted_and_found_elsewhere(history, start, tmp_path):
    assert run("gen-jwks", "--output", str(tmp_path / "other")).returncode == 0
    for keys in (tmp_path / "other", tmp_path / "missing"):
        done = audit(history, keys=keys)
        assert done.returncode == 0 and done.json["heads"]["unknownKey"] == 2 and done.json["heads"]["newestHour"] is None
    assert audit(history, "--jwks", str(history.keys / "jwks.json"), keys=tmp_path / "other").json["heads"]["unknownKey"] == 0
    server = start(JWKS_DIR=str(history.keys))
    url = f"http://127.0.0.1:{server.port}/auth/.well-known/jwks.json"
    assert audit(history, "--jwks", url).json["heads"]["unknownKey"] == 0


def test_replicas_sign_an_hour_once(migrated, start, keys):
    database = migrated()
    database.sql("INSERT INTO profile SELECT 'p' || i FROM generate_series(1, 6) i; SELECT count(*) FROM generate_series(1, 6) i,"
                 " LATERAL entitlement_grant('p' || i, 'coins', 1, NULL, NULL, NULL, NULL, 'admin', NULL, NULL, sha256(''))")
    servers = [start(DATABASE_URL=database.url, WORKERS="3") for _ in range(2)]
    until(lambda: all(server.metric("supernova_ledger_heads_signed_timestamp_seconds") > time.time() - 60 for server in servers), what="the signature is known")
    hours = int(database.sql("SELECT count(DISTINCT hour) FROM ledger_heads"))
    assert signed(database) == hours
    until(lambda: sum(server.metric("supernova_ledger_heads_signed_total") for server in servers) == hours, what="the count")
    assert audit(database, keys=keys).returncode == 0


# --- what is broken

BEA = "b\u00e9a \"\\"

TAMPERED = {
    "an amount": ("UPDATE ent_ledger SET amount = 99 WHERE external_ref = 'a1'", "anna", 1, "head"),
    "an amount and its hash": ("UPDATE ent_ledger SET amount = 99, coins = 99 WHERE external_ref = 'a1';"
                               "UPDATE ent_ledger l SET head = sha256(ledger_bytes(l)) WHERE external_ref = 'a1'", "anna", 2, "prev"),
    "an amount and all hashes": ("UPDATE ent_ledger SET amount = 99 WHERE external_ref = 'a1'; SELECT forge('anna')", "anna", 1, "coins"),
    "more than there was": ("UPDATE ent_ledger SET amount = 101 WHERE external_ref = 'a2'; SELECT forge('anna')", "anna", 2, "coins"),
    "a debt": ("UPDATE ent_ledger SET debt = 0 WHERE external_ref = 'a3'; SELECT forge('anna')", "anna", 3, "debt"),
    "a settling": ("UPDATE ent_ledger SET amount = 80, coins = 40, debt = 10 WHERE kind = 'settle'; SELECT forge('anna')", "anna", 5, "amount"),
    "no settling": ("DELETE FROM ent_ledger WHERE kind = 'settle'; SELECT forge('anna')", "anna", 0, "settle"),
    "an answer": ("UPDATE ent_ledger SET answer = '{}' WHERE external_ref = 'd1'", "dora", 1, "head"),
    "a reference": ("UPDATE ent_ledger SET external_ref = 'x' WHERE external_ref = 'd1'", "dora", 1, "head"),
    "a row between": ("DELETE FROM ent_ledger WHERE external_ref = 'a2'", "anna", 3, "seq"),
    "the last row": ("DELETE FROM ent_ledger WHERE external_ref = 'c2'", "carl", 0, "balance.seq"),
    "the last row, forged": ("DELETE FROM ent_ledger WHERE external_ref = 'd1'; UPDATE ent_balance SET seq = 0, coins = 0, head = decode(repeat('00', 32), 'hex')"
                             " WHERE profile = 'dora'", "dora", 1, "ledger"),
    "a row too many": ("INSERT INTO ent_ledger SELECT profile, 2, at, kind, amount, plan, expires_at, reason, source, origin, 'x', actor, body_sha256, coins,"
                       " debt, answer, head, head FROM ent_ledger WHERE external_ref = 'd1'", "dora", 2, "head"),
    "a plan that was never there": ("UPDATE ent_ledger SET plan = 'gold' WHERE external_ref = 'c2'; SELECT forge('carl')", "carl", 2, "plan"),
    "coins": ("UPDATE ent_balance SET coins = 6 WHERE profile = 'dora'", "dora", 0, "balance.coins"),
    "what is owed": ("UPDATE ent_balance SET debt = 6 WHERE profile = 'dora'", "dora", 0, "balance.debt"),
    "a head": ("UPDATE ent_balance SET head = sha256('') WHERE profile = 'dora'", "dora", 0, "balance.head"),
    "a balance": ("DELETE FROM ent_balance WHERE profile = 'dora'", "dora", 0, "balance.seq"),
    "a plan": ("UPDATE ent_subscription SET plan = 'gold' WHERE profile = 'carl'", "carl", 0, "subscription.plan"),
    "an end": ("UPDATE ent_subscription SET expires_at = '2100-01-01' WHERE profile = 'carl'", "carl", 0, "subscription.expiresAt"),
    "no end": ("UPDATE ent_subscription SET expires_at = NULL WHERE profile = 'carl'", "carl", 0, "subscription.expiresAt"),
    "a source": ("UPDATE ent_subscription SET source = 'x' WHERE profile = E'b\u00e9a \"\\\\'", BEA, 0, "subscription.source"),
    "no subscription": ("DELETE FROM ent_subscription WHERE profile = 'carl'", "carl", 0, "subscription.plan"),
    "a subscription from nowhere": ("INSERT INTO ent_subscription VALUES ('never', 'pro', NULL, NULL)", "never", 0, "subscription.plan"),
    "a balance from nowhere": ("INSERT INTO ent_balance (profile, coins) VALUES ('never', 7)", "never", 0, "balance.coins"),
    "no profile": ("DELETE FROM profile WHERE id = 'dora'", "dora", 1, "profile"),
}


@pytest.mark.parametrize("sql, profile, seq, what", TAMPERED.values(), ids=TAMPERED)
def test_what_was_tampered_with_is_named(copy, sql, profile, seq, what):
    copy.sql(sql)
    done = audit(copy, keys=copy.keys)
    assert done.returncode == 1 and done.json["ok"] is False, done.stdout + done.stderr
    first = done.json["first"]
    assert (first["profile"], first["seq"], first["what"]) == (profile, seq, what), first
    assert first["expected"] != first["found"] and done.json["brokenProfiles"] >= 1
    text = run("audit", env={"DATABASE_URL": copy.url, "JWKS_DIR": str(copy.keys)})
    assert text.returncode == 1 and text.stdout.startswith("BROKEN: profile " + profile)
    assert audit(copy, "--profile", profile).returncode == 1


REWRITTEN = {
    "a row and all its hashes": ("UPDATE ent_ledger SET reason = 'x' WHERE external_ref = 'd1'; SELECT forge('dora')", 1, "lines"),
    "a newer row and all its hashes": ("UPDATE ent_ledger SET reason = 'x' WHERE external_ref = 'c2'; SELECT forge('carl')", 2, "lines"),
    "a whole profile": ("DELETE FROM ledger_heads_entry WHERE profile = 'dora'; DELETE FROM ent_ledger WHERE profile = 'dora';"
                        "DELETE FROM ent_balance WHERE profile = 'dora'; DELETE FROM profile WHERE id = 'dora'", 1, "profiles"),
    "a signature": ("UPDATE ledger_heads SET signature = set_byte(signature, 9, 255 - get_byte(signature, 9)) WHERE id = 1", 1, "signature"),
    "an hour": ("UPDATE ledger_heads SET hour = hour - interval '1 day' WHERE id = 1", 1, "digest"),
    "an hour and its digest": ("UPDATE ledger_heads SET hour = hour - interval '1 day' WHERE id = 2;"
                               "UPDATE ledger_heads h SET digest = sha256(convert_to(ledger_heads_text(h), 'UTF8')) WHERE id = 2", 2, "signature"),
    "an id beyond all others": ("UPDATE ledger_heads SET id = 9223372036854775807 WHERE id = 2;"
                                "UPDATE ledger_heads_entry SET heads = 9223372036854775807 WHERE heads = 2", 9223372036854775807, "id"),
    "an id below all others": ("ALTER TABLE ledger_heads DROP CONSTRAINT ledger_heads_id_check; UPDATE ledger_heads SET id = -7 WHERE id = 1;"
                               "UPDATE ledger_heads_entry SET heads = -7 WHERE heads = 1", -7, "id"),
    "what a signature follows": ("UPDATE ledger_heads SET prev = sha256('') WHERE id = 2", 2, "prev"),
}


@pytest.mark.parametrize("sql, heads, what", REWRITTEN.values(), ids=REWRITTEN)
def test_what_only_signatures_tell_is_named(copy, sql, heads, what):
    copy.sql(sql)
    done = audit(copy, keys=copy.keys)
    assert done.returncode == 1 and done.json["brokenProfiles"] == 0, done.stdout
    assert (done.json["first"]["heads"], done.json["first"]["what"]) == (heads, what), done.json
    assert done.json["heads"]["broken"] >= 1
    assert run("audit", env={"DATABASE_URL": copy.url, "JWKS_DIR": str(copy.keys)}).stdout.startswith(f"BROKEN: signature {heads} ")


@pytest.mark.parametrize("heads, profile, broken", [(1, "anna", 1), (2, "carl", 0)])
def test_a_signature_that_is_gone_is_missed_by_what_it_covered(copy, heads, profile, broken):
    copy.sql(f"DELETE FROM ledger_heads WHERE id = {heads}")
    done = audit(copy, keys=copy.keys)
    assert done.returncode == 1 and (done.json["first"]["profile"], done.json["first"]["what"]) == (profile, "heads")
    assert done.json["heads"]["broken"] == broken


def test_one_break_hides_no_other_and_is_not_told_as_many(copy):
    copy.sql("UPDATE ent_ledger SET amount = 99 WHERE external_ref IN ('a1', 'd1')")
    done = audit(copy, keys=copy.keys)
    assert done.json["brokenProfiles"] == 2 and done.json["heads"]["broken"] == 0 and done.json["rows"] == 11


# --- its outcome

def test_other_exit_statuses(services, history):
    database = Database(services)
    assert audit(database).returncode == 65
    database.drop()
    assert run("audit", env={"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}).returncode == 75
    assert run("audit", env={"DATABASE_URL": "mysql://x"}).returncode == 65
    assert audit(history, "--jwks", "/nonexistent").returncode == 65
    assert audit(history, "--jwks", "http://127.0.0.1:1/").returncode == 75
    for wrong in (["--output", "xml"], ["--fast"], ["--profile"]):
        assert run("audit", *wrong, env={"DATABASE_URL": history.url}).returncode == 2
    assert "Exit status" in run("audit", "--help").stdout


def test_progress_is_shown_to_people_alone(history):
    assert run("audit", env={"DATABASE_URL": history.url, "JWKS_DIR": "/nonexistent"}).stderr == ""
    ours, theirs = pty.openpty()
    done = subprocess.run([BINARY, "audit"], env={**os.environ, "DATABASE_URL": history.url, "JWKS_DIR": "/nonexistent"}, stderr=theirs,
                          stdout=subprocess.PIPE, timeout=60)
    os.close(theirs)
    assert done.returncode == 0 and b"\r" in os.read(ours, 65536)
    os.close(ours)


BULK = """
INSERT INTO profile (id) SELECT 'bulk-' || lpad(i::text, 6, '0') FROM generate_series(1, {count}) i;
INSERT INTO ent_ledger SELECT e.* FROM (SELECT id FROM profile) p, LATERAL (SELECT ROW(p.id, 1, now()::timestamptz(3), 'coins', 5, NULL, NULL, NULL, NULL,
  'bulk', NULL, NULL, sha256(''), 5, 0, repeat('x', 300), decode(repeat('00', 32), 'hex'), NULL)::ent_ledger AS entry) r,
  LATERAL (SELECT (r.entry).profile, (r.entry).seq, (r.entry).at, (r.entry).kind, (r.entry).amount, (r.entry).plan, (r.entry).expires_at, (r.entry).reason,
  (r.entry).source, (r.entry).origin, (r.entry).external_ref, (r.entry).actor, (r.entry).body_sha256, (r.entry).coins, (r.entry).debt, (r.entry).answer,
  (r.entry).prev, sha256(ledger_bytes(r.entry))) e;
INSERT INTO ent_balance SELECT profile, 5, 0, head, 1 FROM ent_ledger;
"""


def peak_kb(database):
    env = {**os.environ, "DATABASE_URL": database.url, "JWKS_DIR": "/nonexistent", "ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=0"}
    process = subprocess.Popen([BINARY, "audit"], env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_ledger(migrated):
    small, large = migrated(), migrated()
    small.sql(BULK.format(count=10))
    large.sql(BULK.format(count=20000))
    assert peak_kb(large) - peak_kb(small) < 4000, "20,000 rows are 12 MB"
    assert audit(large).json["rows"] == 20000


# --- exactly once, and nothing past the server

def test_sixteen_hundred_grants_fork_no_chain(migrated, start, keys):
    """16 clients, 100 grants each on 4 profiles; every fourth reference is everybody's. Who gets a 503 asks again."""
    database = migrated()
    server = start(DATABASE_URL=database.url, WORKERS="2")
    token = server.mint("boss", ["admin"])
    answers, lock = {}, threading.Lock()

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for i in range(100):
            shared = i % 4 == 0
            ref = f"shared-{i}" if shared else f"{number}-{i}"
            body = json.dumps({"profileId": f"p{i % 4 if shared else (number + i) % 4}", "externalRef": ref, "grant": {"type": "coins", "amount": 1 + i % 3}})
            while True:
                connection.request("POST", "/api/entitlements/grant", body=body,
                                   headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
                response = connection.getresponse()
                text = response.read()
                if response.status != 503:
                    break
                time.sleep(0.05)
            with lock:
                answers.setdefault(ref, set()).add((response.status, text))
        connection.close()

    at_once(16, client)
    assert len(answers) == 25 + 16 * 75
    for ref, got in answers.items():
        assert len(got) == 1 and next(iter(got))[0] == 200, (ref, got)
    assert database.sql("SELECT count(*), count(DISTINCT external_ref), count(DISTINCT (profile, prev)) FROM ent_ledger") == "1225|1225|1225"
    assert database.sql("SELECT sum(coins) FROM ent_balance") == database.sql("SELECT sum(amount) FROM ent_ledger")
    done = audit(database, keys=keys)
    assert done.returncode == 0 and done.json["rows"] == 1225, done.stdout


ROLE_MAY_NOT = ["UPDATE ent_ledger SET coins = 1", "DELETE FROM ent_ledger", "TRUNCATE ent_ledger", "INSERT INTO ent_ledger SELECT * FROM ent_ledger",
                "UPDATE ent_balance SET coins = 1", "DELETE FROM ent_balance", "INSERT INTO ent_balance (profile) VALUES ('role')",
                "UPDATE ent_subscription SET plan = 'x'", "INSERT INTO profile VALUES ('x')", "UPDATE product SET coins = 1", "DELETE FROM product",
                "UPDATE ledger_heads SET signature = ''", "DELETE FROM ledger_heads", "INSERT INTO ledger_heads_entry VALUES ('role', 1, 1)",
                "TRUNCATE ledger_heads_entry", "ALTER TABLE ent_ledger DISABLE TRIGGER ALL", "SET session_replication_role = replica",
                "DROP FUNCTION entitlement_grant", "SELECT ledger_append(l) FROM ent_ledger l", "CREATE TABLE mine ()", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"]


def test_the_serving_role_serves_and_writes_nothing_else(services, start, keys):
    """The server as supernova_app, which owns nothing: all that it does, it does by calling functions."""
    owner = Database(services)
    password = "role-" + owner.name
    owner.sql("DO $$ BEGIN CREATE ROLE supernova_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    owner.sql(f"ALTER ROLE supernova_app LOGIN PASSWORD '{password}'")
    assert run("migrate", env={"DATABASE_URL": owner.url, **JOB}).returncode == 0
    url = re.sub(r"//[^@]*@", f"//supernova_app:{password}@", owner.url)
    server = start(DATABASE_URL=url)
    admin = server.mint("boss", ["admin"])
    granted = server.post("/api/entitlements/grant", {"profileId": "role", "grant": {"type": "coins", "amount": 5}}, token=admin)
    assert granted.status == 200, granted.body
    assert server.get("/api/entitlements/role/ledger", token=admin).json["entries"][0]["amount"] == 5
    assert server.request("PUT", "/api/products/google/x", body={"coins": 5}, token=admin).status == 201
    until(lambda: int(owner.sql("SELECT count(*) FROM ledger_heads WHERE signature IS NOT NULL")) > 0, what="the signature")
    before = owner.sql("SELECT md5(string_agg(l::text, '' ORDER BY l)) FROM ent_ledger l")
    for sql in ROLE_MAY_NOT:
        with pytest.raises(SqlError, match="permission denied|must be owner|append-only"):
            ask(url, sql)
    assert owner.sql("SELECT md5(string_agg(l::text, '' ORDER BY l)) FROM ent_ledger l") == before
    assert run("audit", env={"DATABASE_URL": url, "JWKS_DIR": str(keys)}).returncode == 0
    assert server.stop() == 0
    owner.drop()
