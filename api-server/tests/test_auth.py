"""Credentials: bearer tokens, sessions, tickets and secrets, at each address that asks for one."""

import base64
import hashlib
import hmac
import json
import os
import time

import pytest
from conftest import ISSUER_SECRET, Proxy, b64, claims, forge, run, until

APP_URL = "https://console.example.com"
SECRETS = {"SESSION_SECRET": "session-secret-of-the-tests-012345", "APP_JWT_SECRET": "app-jwt-secret-of-the-tests-012345"}


def problem(answer, status, detail=""):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert detail in answer.json.get("detail", ""), answer.body
    return answer.json


@pytest.fixture(scope="module")
def authority(start_shared):
    """One server with every secret."""
    return start_shared(CORS_ALLOWED_ORIGINS=f"https://app.example.com,{APP_URL}", **SECRETS)


class Session:
    """A browser at the console: the cookie, the origin, and what x-csrf-token must say."""

    def __init__(self, server, token, origin=APP_URL):
        self.answer = server.request("POST", "/auth/session", token=token, headers={"Origin": origin})
        assert self.answer.status == 200, self.answer.body
        self.cookie = self.answer.headers["Set-Cookie"].split(";")[0]
        self.value = self.cookie.split("=", 1)[1]
        self.csrf = self.answer.json["csrfToken"]

    def headers(self, origin=APP_URL, csrf=True, **more):
        told = {"Cookie": self.cookie, "Origin": origin, "x-csrf-token": self.csrf if csrf is True else csrf, **more}
        return {name: value for name, value in told.items() if value}


def opened(text):
    return json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))


def sealed(secret, label, header, payload):
    """What only a holder of the secret can make."""
    text = b64(json.dumps(header, separators=(",", ":")).encode()) + "." + b64(json.dumps(payload).encode())
    key = hmac.new(secret.encode(), label.encode(), hashlib.sha256).digest()
    return text + "." + b64(hmac.new(key, text.encode(), hashlib.sha256).digest())


# --- sessions

def test_a_session_stands_for_its_token(authority, profile):
    token = authority.mint(profile, ["admin"])
    session = Session(authority, token)
    attributes = {part.strip() for part in session.answer.headers["Set-Cookie"].split(";")[1:]}
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} < attributes and session.cookie.startswith("__Host-session=")
    assert session.answer.headers["Cache-Control"] == "no-store"
    assert session.answer.json["exp"] == opened(token)["exp"]
    claims_ = opened(session.value)
    assert claims_["sub"] == profile and claims_["roles"] == ["admin"] and claims_["aud"] == "supernova-api/session"
    assert claims_["kid"] == (authority.keys / "signing").read_text().strip()
    assert authority.get(f"/api/entitlements/{profile}", headers={"Cookie": f"a=b; {session.cookie}; c=d"}).status == 200
    assert authority.get("/api/entitlements/somebody-else", headers={"Cookie": session.cookie}).status == 200
    grant = {"profileId": profile, "grant": {"type": "coins", "amount": 1}}
    assert authority.post("/api/entitlements/grant", grant, headers=session.headers()).status == 200


@pytest.mark.parametrize("origin, csrf", [(None, True), ("https://evil.example.com", True), ("https://console.example.com.evil.com", True),
                                          ("http://console.example.com", True), ("null", True), (APP_URL, None), (APP_URL, "0" * 64),
                                          ("https://app.example.com", "")])
def test_what_changes_something_needs_origin_and_csrf_token(authority, profile, origin, csrf):
    session = Session(authority, authority.mint(profile, ["admin"]))
    grant = {"profileId": profile, "grant": {"type": "coins", "amount": 1}}
    for method, path, body in (("POST", "/api/entitlements/grant", grant), ("POST", "/auth/ticket", None), ("DELETE", "/auth/session", None)):
        problem(authority.request(method, path, body=body, headers=session.headers(origin, csrf)), 403)
    assert authority.get(f"/api/entitlements/{profile}", headers={"Cookie": session.cookie}).status == 200


def test_the_csrf_token_of_another_session_is_none(authority, profile):
    one, other = (Session(authority, authority.mint(profile)) for _ in range(2))
    problem(authority.request("DELETE", "/auth/session", headers=one.headers(csrf=other.csrf)), 403, "x-csrf-token")


def test_a_session_is_revoked_for_all_workers_and_replicas_at_once(authority, start, keys, profile):
    replica = start(**SECRETS, JWKS_DIR=str(authority.keys), CORS_ALLOWED_ORIGINS=APP_URL)
    session = Session(authority, authority.mint(profile))
    other = Session(authority, authority.mint(profile))
    asked = {"headers": {"Cookie": session.cookie}}
    assert {s.get(f"/api/entitlements/{profile}", **asked).status for s in (authority, replica) for _ in range(6)} == {200}
    ended = authority.request("DELETE", "/auth/session", headers=session.headers())
    assert ended.status == 200 and ended.headers["Set-Cookie"].startswith("__Host-session=; Max-Age=0;")
    for server in (authority, replica) * 8:
        problem(server.get(f"/api/entitlements/{profile}", **asked), 401, "revoked")
    problem(authority.request("DELETE", "/auth/session", headers=session.headers()), 401)
    assert authority.get(f"/api/entitlements/{profile}", headers={"Cookie": other.cookie}).status == 200


def test_expired_rows_are_removed(authority, database, profile):
    database.sql("INSERT INTO session_revoked SELECT gen_random_uuid(), now() - interval '1 day' FROM generate_series(1, 5);"
                 "INSERT INTO ticket_used SELECT gen_random_uuid(), now() - interval '1 day' FROM generate_series(1, 5)")
    session = Session(authority, authority.mint(profile))
    assert authority.request("DELETE", "/auth/session", headers=session.headers()).status == 200
    assert database.sql("SELECT count(*) FROM session_revoked WHERE expires_at < now()") == "0"
    assert database.sql(f"SELECT count(*) FROM session_revoked WHERE sid = '{opened(session.value)['jti']}'") == "1"


def test_a_session_dies_with_the_key_of_its_token(start, keys, profile):
    server = start(**SECRETS, CORS_ALLOWED_ORIGINS=APP_URL)
    old_kid = (keys / "signing").read_text().strip()
    session = Session(server, server.mint(profile))
    asked = lambda: server.get(f"/api/entitlements/{profile}", headers={"Cookie": session.cookie})
    assert run("gen-jwks", "--output", str(keys)).returncode == 0
    new_kid = (keys / "signing").read_text().strip()
    until(lambda: server.metric(f'supernova_jwks_key{{kid="{new_kid}",state="signing"}}') == 2, what="the new key")
    assert {asked().status for _ in range(6)} == {200}
    only = {"keys": [k for k in json.loads((keys / "jwks.json").read_text())["keys"] if k["kid"] == new_kid]}
    (keys / "jwks.json.new").write_text(json.dumps(only))
    (keys / f"{old_kid}.pem").unlink()
    os.rename(keys / "jwks.json.new", keys / "jwks.json")
    until(lambda: all(asked().status == 401 for _ in range(6)), what="the session's end")
    problem(asked(), 401, "unknown_key")


def test_a_session_ends_with_its_token(authority, profile):
    session = Session(authority, authority.mint(profile, ttl=5))
    asked = lambda: authority.get(f"/api/entitlements/{profile}", headers={"Cookie": session.cookie})
    assert asked().status == 200
    until(lambda: asked().status == 401, what="the session's end")
    problem(asked(), 401, "expired")


@pytest.mark.parametrize("origin", [None, "https://evil.example.com"])
def test_sessions_are_for_allowed_origins(authority, origin):
    headers = {"Origin": origin} if origin else {}
    problem(authority.request("POST", "/auth/session", token=authority.mint("u"), headers=headers), 403, "CORS_ALLOWED_ORIGINS")


def test_the_console_may_ask_from_its_own_origin(authority):
    """What a browser sends before it lets a page at the console use its session."""
    for method, path in (("DELETE", "/auth/session"), ("POST", "/auth/ticket"), ("POST", "/api/entitlements/grant")):
        told = authority.request("OPTIONS", path, headers={"Origin": APP_URL, "Access-Control-Request-Method": method,
                                                           "Access-Control-Request-Headers": "x-csrf-token, content-type"})
        assert told.status == 204 and method in told.headers["Access-Control-Allow-Methods"].split(", ")
        assert told.headers["Access-Control-Allow-Origin"] == APP_URL and told.headers["Access-Control-Allow-Credentials"] == "true"
        assert {"x-csrf-token", "content-type"} <= set(told.headers["Access-Control-Allow-Headers"].lower().split(", "))
        refused = authority.request(method, path, headers={"Origin": APP_URL})
        assert refused.status == 401 and refused.headers["Access-Control-Allow-Origin"] == APP_URL, "the page may read why"


def test_two_cookies_are_none(authority, profile):
    session = Session(authority, authority.mint(profile))
    answer = authority.get(f"/api/entitlements/{profile}", headers={"Cookie": f"{session.cookie}; {session.cookie}"})
    problem(answer, 401, "A bearer token is required.")


def test_without_the_database_no_session_is_believed(start, database, profile):
    proxy = Proxy(*database.address())
    server = start(DATABASE_URL=database.through(proxy.port), **SECRETS, CORS_ALLOWED_ORIGINS=APP_URL)
    session = Session(server, server.mint(profile))
    proxy.cut()
    problem(server.get(f"/api/entitlements/{profile}", headers={"Cookie": session.cookie}), 503)
    proxy.close()


# --- secrets that rotate

def test_sessions_and_tickets_survive_a_rotation_of_their_secret(authority, start, profile):
    old, new = SECRETS["SESSION_SECRET"], "session-secret-after-the-tests-9876"
    ahead = start(SESSION_SECRET=old, SESSION_SECRET_NEXT=new, JWKS_DIR=str(authority.keys), CORS_ALLOWED_ORIGINS=APP_URL)
    behind = start(SESSION_SECRET=new, SESSION_SECRET_PREVIOUS=old, JWKS_DIR=str(authority.keys), CORS_ALLOWED_ORIGINS=APP_URL)
    token = authority.mint(profile, ["admin"])
    grant = {"profileId": profile, "grant": {"type": "coins", "amount": 1}}
    series = 'supernova_secret_previous_used_total{key="SESSION_SECRET"}'
    for maker, taker, used in ((ahead, behind, 1), (behind, ahead, 0)):
        session = Session(maker, token)
        assert taker.post("/api/entitlements/grant", grant, headers=session.headers()).status == 200
        taker.counted(series, used)
        problem(authority.get("/api/entitlements/x", headers={"Cookie": Session(behind, token).cookie}), 401, "wrong_signature")


def test_an_absent_secret_is_named(start):
    server = start(CORS_ALLOWED_ORIGINS=APP_URL)
    token = server.mint("u")
    problem(server.request("POST", "/auth/session", token=token, headers={"Origin": APP_URL}), 503, "SESSION_SECRET is not set")
    problem(server.request("DELETE", "/auth/session"), 503, "SESSION_SECRET is not set")
    problem(server.request("POST", "/auth/ticket", token=token), 503, "APP_JWT_SECRET is not set")


# --- tickets

def test_a_ticket_is_made_for_a_minute(authority, profile):
    answer = authority.request("POST", "/auth/ticket", token=authority.mint(profile, ["finance"]))
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    ticket = opened(answer.json["ticket"])
    assert abs(answer.json["exp"] - time.time() - 60) < 50 and ticket["exp"] == answer.json["exp"] < ticket["until"]
    assert ticket["sub"] == profile and ticket["roles"] == ["finance"] and ticket["aud"] == "supernova-api/ticket"
    assert "sid" not in ticket


def test_a_ticket_may_be_bought_with_a_session(authority, profile):
    session = Session(authority, authority.mint(profile))
    answer = authority.request("POST", "/auth/ticket", headers=session.headers())
    assert answer.status == 200
    assert opened(answer.json["ticket"])["sid"] == opened(session.value)["jti"]


# --- each endpoint, each credential

ENDPOINTS = [
    ("POST", "/auth/session", None, {"bearer"}),
    ("DELETE", "/auth/session", None, {"session"}),
    ("POST", "/auth/ticket", None, {"bearer", "session"}),
    ("GET", "/api/entitlements/u", None, {"bearer", "session"}),
    ("POST", "/api/entitlements/grant", {"profileId": "u", "grant": {"type": "coins", "amount": 1}}, {"bearer", "session"}),
]


def credentials_of(server):
    """name -> (kind, fields): one good one of each kind, then the bad."""
    token = server.mint("u", ["admin"])
    session = Session(server, token)
    ticket = server.request("POST", "/auth/ticket", token=token).json["ticket"]
    now, kid = int(time.time()), (server.keys / "signing").read_text().strip()
    past = {"jti": "0" * 32, "iss": "https://collab.supernova.auth", "sub": "u", "kid": kid, "roles": ["admin"], "iat": now - 99, "exp": now - 9,
            "until": now - 9, "aud": "supernova-api/session"}
    old_session = sealed(SECRETS["SESSION_SECRET"], "session", {"alg": "HS256", "typ": "session+jwt"}, past)
    unsigned = b64(b'{"alg":"none","typ":"session+jwt"}') + "." + session.value.split(".")[1] + "."
    bearer = lambda text: {"Authorization": f"Bearer {text}", "Origin": APP_URL}
    cookie = lambda text: {"Cookie": f"__Host-session={text}", "Origin": APP_URL, "x-csrf-token": session.csrf}
    receipt = forge(server.keys, claims("u", aud="supernova-api/receipt", roles=["admin"]), {"typ": "entitlement-receipt+jwt"})
    yield "bearer", bearer(token)
    yield "session", session.headers()
    yield "nothing", {"Origin": APP_URL}
    yield "another scheme", {"Authorization": "Basic dTpw", "Origin": APP_URL}
    yield "a bad token", bearer(token[:-4] + "AAAA")
    yield "an expired token", bearer(forge(server.keys, claims("u", exp=now - 99)))
    yield "a session as token", bearer(session.value)
    yield "a ticket as token", bearer(ticket)
    yield "a receipt as token", bearer(receipt)
    yield "the issuer's secret as token", bearer(ISSUER_SECRET)
    yield "a bad session", cookie(session.value[:-4] + "AAAA")
    yield "an expired session", cookie(old_session)
    yield "an unsigned session", cookie(unsigned)
    yield "a token as session", cookie(token)
    yield "a ticket as session", cookie(ticket)
    yield "a receipt as session", cookie(receipt)
    yield "an empty session", cookie("")
    yield "a ticket where none is taken", {"Origin": APP_URL, "ticket": ticket}
    yield "a token in the address", {"Origin": APP_URL, "access_token": token}


@pytest.mark.parametrize("method, path, body, good", ENDPOINTS)
def test_each_endpoint_takes_its_credentials_and_no_others(authority, method, path, body, good):
    for name, fields in credentials_of(authority):
        query = "&".join(f"{key}={fields.pop(key)}" for key in ("ticket", "access_token") if key in fields)
        answer = authority.request(method, path + ("?" + query if query else ""), body=body, headers=fields)
        if name in good:
            assert answer.status == 200, (name, answer.body)
        else:
            assert answer.status == 401, (name, answer.body)
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="supernova"'), name
            assert answer.headers["Set-Cookie"] is None


# --- keys of others

@pytest.fixture
def issuer(start, tmp_path):
    """Another server, with keys of its own."""
    assert run("gen-jwks", "--output", str(tmp_path / "theirs")).returncode == 0
    server = start(JWKS_DIR=str(tmp_path / "theirs"), WORKERS="1")
    server.keys = tmp_path / "theirs"
    return server


def follower(start, issuer, private="127.0.0.1", **env):
    url = f"http://127.0.0.1:{issuer.port}/auth/.well-known/jwks.json"
    return start(ENVIRONMENT="development", AUTH_JWKS_URL=url, AUTH_JWKS_ALLOW_PRIVATE=private, WORKERS="1", **env)


def fetches(server, result="ok"):
    return server.metric(f'supernova_jwks_foreign_fetches_total{{result="{result}"}}')


def test_a_foreign_key_is_fetched_once_and_a_local_one_never(start, issuer):
    server = follower(start, issuer, **SECRETS, CORS_ALLOWED_ORIGINS=APP_URL)
    for _ in range(5):
        assert server.get("/api/entitlements/u", token=server.mint("u")).status == 200
    assert fetches(server) == 0
    theirs = issuer.mint("v")
    for _ in range(5):
        assert server.get("/api/entitlements/v", token=theirs).status == 200
        problem(server.get("/api/entitlements/u", token=forge(issuer.keys, claims("u"), {"kid": "nobody's"})), 401)
    assert fetches(server) == 1 and server.metric("supernova_jwks_foreign_keys") == 1
    session = Session(server, theirs)
    assert server.get("/api/entitlements/v", headers={"Cookie": session.cookie}).status == 200
    keys_ = server.get("/auth/.well-known/jwks.json").json["keys"]
    assert [key["kid"] for key in keys_] == [(server_keys(server) / "signing").read_text().strip()], "what is foreign isn't published"


def server_keys(server):
    import pathlib
    return pathlib.Path(server.env["JWKS_DIR"])


def test_a_session_of_a_foreign_key_waits_for_the_fetch_in_a_fresh_worker(start, issuer):
    first = follower(start, issuer, **SECRETS, CORS_ALLOWED_ORIGINS=APP_URL)
    session = Session(first, issuer.mint("v"))
    second = follower(start, issuer, **SECRETS, CORS_ALLOWED_ORIGINS=APP_URL)
    assert second.get("/api/entitlements/v", headers={"Cookie": session.cookie}).status == 200
    assert fetches(second) == 1


def test_a_private_address_is_refused(start, issuer):
    server = follower(start, issuer, private="10.0.0.1,localhost")
    problem(server.get("/api/entitlements/v", token=issuer.mint("v")), 401)
    assert fetches(server, "failed") == 1
    until(lambda: [line for line in server.lines(level=40) if "not a public one" in line.get("err", "")], what="the line")
    assert server.get("/api/entitlements/u", token=server.mint("u")).status == 200


def test_an_absent_issuer_fails_nothing_else(start, issuer):
    server = follower(start, issuer)
    server.all_there()
    theirs = issuer.mint("v")
    issuer.stop()
    problem(server.get("/api/entitlements/v", token=theirs), 401)
    assert server.get("/api/entitlements/u", token=server.mint("u")).status == 200
    assert server.get("/readyz").status == 200


def test_a_key_that_was_ours_does_not_come_back_from_afar(start, issuer, keys, tmp_path):
    """The runbook's AUTH_JWKS_URL is our own address, where another pod may serve the old set for a while."""
    import shutil
    shutil.rmtree(issuer.keys)
    shutil.copytree(keys, issuer.keys)
    kid = (keys / "signing").read_text().strip()
    until(lambda: issuer.get("/auth/.well-known/jwks.json").json["keys"][0]["kid"] == kid, what="the same keys in both")
    server = follower(start, issuer)
    old = server.mint("u")
    assert run("gen-jwks", "--output", str(keys)).returncode == 0
    new_kid = (keys / "signing").read_text().strip()
    only = {"keys": [k for k in json.loads((keys / "jwks.json").read_text())["keys"] if k["kid"] == new_kid]}
    (keys / "jwks.json.new").write_text(json.dumps(only))
    (keys / f"{kid}.pem").unlink()
    os.rename(keys / "jwks.json.new", keys / "jwks.json")
    until(lambda: server.get("/api/entitlements/u", token=old).status == 401, what="the old key's end")
    until(lambda: server.metric("supernova_jwks_foreign_keys") == 1, what="the foreign set, which has the old key")
    problem(server.get("/api/entitlements/u", token=old), 401)


def test_the_address_must_be_https_outside_development():
    done = run("serve", env={"AUTH_JWKS_URL": "http://api.example.com/jwks.json", "DATABASE_URL": "postgresql://u@h/d", "ISSUER_ADMIN_SECRET": "x" * 16,
                             "ENVIRONMENT": "production"})
    assert done.returncode == 1 and "AUTH_JWKS_URL" in done.stderr


# --- the bypass

def test_the_bypass_never_lets_into_what_needs_a_verified_credential(start, profile):
    server = start(ENVIRONMENT="development", DEV_AUTH_OPEN="true", CORS_ALLOWED_ORIGINS=APP_URL, **SECRETS)
    unverified = forge(server_keys(server), claims(profile, roles=["admin", "finance"]), {"kid": "nobody's"})
    origin = {"Origin": APP_URL}
    for token in (None, unverified):
        for method, path, body in (("POST", "/auth/session", None), ("DELETE", "/auth/session", None), ("POST", "/auth/ticket", None),
                                   ("POST", "/api/entitlements/grant", {"profileId": profile, "grant": {"type": "coins", "amount": 1}}),
                                   ("PUT", "/api/products/google/sku", {"coins": 1})):
            problem(server.request(method, path, body=body, token=token, headers=origin), 401)
        problem(server.post("/auth/token", {"sub": "x"}, token=token), 401)
        receipt = server.get(f"/api/entitlements/{profile if token else 'anonymous'}", token=token, headers={"Accept": "application/jwt"})
        problem(receipt, 401)
    plain = server.get(f"/api/entitlements/{profile}", token=unverified)
    assert plain.status == 200 and plain.headers["x-auth-bypass"] == "open"
    problem(server.get("/api/entitlements/somebody-else", token=unverified), 403)
    verified = server.get(f"/api/entitlements/{profile}", token=server.mint(profile))
    assert verified.status == 200 and verified.headers["x-auth-bypass"] is None
    until(lambda: sum("authBypass" in line for line in server.lines(sub=profile)) >= 2, what="a line for each")
