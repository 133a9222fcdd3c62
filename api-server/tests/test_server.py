"""What a client meets at each address: success, and each refusal."""

import base64
import json
import time

import pytest
from conftest import ISSUER_SECRET, PREVIOUS_SECRET, claims, forge, run, until

ADMIN = {"x-issuer-secret": ISSUER_SECRET}


def problem(answer, status):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json
    assert body["status"] == status and body["type"].startswith("https://") and body["title"]
    assert body["instance"] == answer.headers["X-Request-Id"]
    return body


# --- health and metrics

@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_health_says_ok(server, path):
    # it was ready when one of its workers was; each connection may meet another one
    answer = until(lambda: (a := server.get(path)).status == 200 and a, what=f"{path} to be well")
    assert answer.json["ok"] is True
    assert answer.headers["Cache-Control"] == "no-store"


def test_verbose_health_is_told_inside_alone(server):
    assert set(server.get("/healthz?verbose").json) == {"ok", "status"}
    whole = until(lambda: (w := server.inner("/healthz?verbose").json) and w["status"] == "ok" and w, what="health")
    assert set(whole) == {"status", "build", "schema", "dependencies", "keys", "bypassUntil"}
    assert whole["schema"]["current"] == whole["schema"]["max"] >= whole["schema"]["min"] > 0
    assert whole["dependencies"]["database"]["ok"] and whole["dependencies"]["redis"]["ok"]
    assert [key["state"] for key in whole["keys"]] == ["signing"]
    assert whole["bypassUntil"] is None


def test_metrics_are_told_inside_alone_in_production(server):
    problem(server.get("/metrics"), 404)
    assert server.inner("/metrics").status == 200


def test_metrics_hold_the_contract(server):
    server.mint("somebody")
    until(lambda: server.metric("supernova_workers") == 2 and server.metric('supernova_schema{what="current"}'), what="both workers")
    for name in ("database", "redis"):
        until(lambda: server.metric(f'supernova_dependency_up{{name="{name}"}}') == 1, what=f"{name} is reached by both")
    text = server.inner("/metrics").body.decode()
    for name in ("http_requests_total{method=", "http_request_duration_seconds_bucket{", 'le="0.5"', 'le="2"', "supernova_build_info{version=",
                 'supernova_schema{what="current"}', 'supernova_schema{what="serves_from"}', "supernova_jwks_key{kid=",
                 "supernova_auth_bypass_active 0", 'supernova_dependency_up{name="database"} 1', 'supernova_dependency_up{name="redis"} 1',
                 "process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes", "db_pool_in_use",
                 'db_query_duration_seconds_count{statement="schema"}', "supernova_limiter_hits_total"):
        assert name in text, name
    kid = (server.keys / "signing").read_text().strip()
    assert server.metric(f'supernova_jwks_key{{kid="{kid}",state="signing"}}') == 2


def test_counts_of_all_workers_are_told_together(server):
    series = 'http_requests_total{method="GET",route="/auth/.well-known/jwks.json",status="200"}'
    before = server.metric(series)
    for _ in range(20):
        server.get("/auth/.well-known/jwks.json")
    server.counted(series, before + 20)
    assert {server.metric(series) for _ in range(10)} == {before + 20}


# --- routing

def test_unknown_address(server):
    problem(server.get("/nothing/here"), 404)
    problem(server.get("/api/entitlements/a/b/c"), 404)


def test_known_address_other_method(server):
    answer = server.request("DELETE", "/auth/token")
    problem(answer, 405)
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert server.request("PUT", "/livez").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_options_tells_the_methods(server):
    answer = server.request("OPTIONS", "/api/entitlements/x")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert server.request("OPTIONS", "*").status == 204


@pytest.mark.parametrize("path", ["/api/entitlements/%2e%2e", "/api/entitlements/a%2fb", "/api/entitlements/%00", "/api/entitlements/" + "x" * 300])
def test_ambiguous_parameters_are_refused(server, path):
    problem(server.get(path), 400)


def test_head_is_get_without_a_body(server):
    whole, head = server.get("/auth/.well-known/jwks.json"), server.request("HEAD", "/auth/.well-known/jwks.json")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.body))


def test_head_of_a_refusal_has_no_body_either(server):
    for path, status in (("/nothing", 404), ("/api/entitlements/x", 401), ("/auth/token", 405)):
        head = server.request("HEAD", path)
        assert (head.status, head.body) == (status, b"") and int(head.headers["Content-Length"]) > 0
        assert head.headers["Content-Type"] == "application/problem+json"


def test_every_answer_bears_the_security_fields(start):
    server = start(TRUSTED_PROXIES="127.0.0.0/8", CORS_ALLOWED_ORIGINS="https://app.example.com")
    asked = [("GET", "/livez"), ("GET", "/nothing"), ("POST", "/auth/token"), ("GET", "/api/entitlements/x"), ("OPTIONS", "/auth/token")]
    for method, path in asked:
        plain = server.request(method, path)
        assert plain.headers["X-Content-Type-Options"] == "nosniff" and plain.headers["Strict-Transport-Security"] is None
        behind = server.request(method, path, headers={"X-Forwarded-Proto": "https"})
        assert behind.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert "Origin" in behind.headers["Vary"] and behind.headers["X-Request-Id"]
    untrusting = start()
    assert untrusting.get("/livez", headers={"X-Forwarded-Proto": "https"}).headers["Strict-Transport-Security"] is None


def test_request_id_is_taken_over_where_it_is_sane(server):
    assert server.get("/livez", headers={"x-request-id": "abc-1.2_3"}).headers["X-Request-Id"] == "abc-1.2_3"
    for strange in ("a b", "x" * 100, "<script>"):
        assert server.get("/livez", headers={"x-request-id": strange}).headers["X-Request-Id"] != strange


def test_requests_are_logged_without_credentials(server):
    token = server.mint("logged")
    server.get("/api/entitlements/logged?ticket=very-secret", token=token, headers={"x-request-id": "find-me", "User-Agent": "tests",
               "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    line = until(lambda: server.lines(reqId="find-me"), what="the line")[0]
    assert line["level"] == 30 and line["req"]["method"] == "GET" and line["req"]["url"] == "/api/entitlements/logged"
    assert line["res"] == {"statusCode": 200} and line["responseTime"] > 0 and line["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    logged = server.logged()
    assert token not in logged and "very-secret" not in logged and ISSUER_SECRET not in logged


# --- CORS

def test_preflight_of_an_allowed_origin(server):
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    answer = server.request("OPTIONS", "/api/entitlements/x", headers=asked)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"] and "X-CSRF-Token" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize("origin", ["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"])
def test_other_origins_get_nothing(server, origin):
    for answer in (server.get("/livez", headers={"Origin": origin}),
                   server.request("OPTIONS", "/auth/session", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert "Origin" in answer.headers["Vary"]


# --- keys

def test_key_set_is_public_and_cacheable(server):
    answer = server.get("/auth/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    (key,) = answer.json["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}
    again = server.get("/auth/.well-known/jwks.json", headers={"If-None-Match": f'"x", {answer.headers["ETag"]}'})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    assert server.get("/auth/.well-known/jwks.json", headers={"If-None-Match": '"x"'}).status == 200


# --- minting

def test_token_is_minted(server):
    answer = server.post("/auth/token", {"sub": "u1", "roles": ["admin"], "ttl": 60, "extra": {"team": "blue"}}, headers=ADMIN)
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    body = answer.json
    assert set(body) == {"ok", "token", "kid", "exp"} and body["ok"] is True
    assert body["kid"] == (server.keys / "signing").read_text().strip()
    assert abs(body["exp"] - time.time() - 60) < 50
    payload = json.loads(base64.urlsafe_b64decode(body["token"].split(".")[1] + "=="))
    assert payload["sub"] == "u1" and payload["roles"] == ["admin"] and payload["team"] == "blue" and payload["exp"] == body["exp"]
    assert server.get("/api/entitlements/anyone", token=body["token"]).status == 200


@pytest.mark.parametrize("headers", [{}, {"x-issuer-secret": ""}, {"x-issuer-secret": "wrong"}, {"x-issuer-secret": ISSUER_SECRET + "x"}])
def test_wrong_issuer_secret(server, headers):
    problem(server.post("/auth/token", {"sub": "u1"}, headers=headers), 401)


def test_previous_secret_is_accepted_and_counted(server):
    series = 'supernova_secret_previous_used_total{key="ISSUER_ADMIN_SECRET"}'
    before = server.metric(series)
    assert server.post("/auth/token", {"sub": "u1"}, headers={"x-issuer-secret": PREVIOUS_SECRET}).status == 200
    server.counted(series, before + 1)


@pytest.mark.parametrize("body, wrong", [
    ({}, {"sub"}),
    ({"sub": ""}, {"sub"}),
    ({"sub": 7}, {"sub"}),
    ({"sub": "a\nb"}, {"sub"}),
    ({"sub": "x" * 257}, {"sub"}),
    ({"sub": "u", "ttl": 0}, {"ttl"}),
    ({"sub": "u", "ttl": 86401}, {"ttl"}),
    ({"sub": "u", "ttl": 1.5}, {"ttl"}),
    ({"sub": "u", "ttl": "60"}, {"ttl"}),
    ({"sub": "u", "roles": "admin"}, {"roles"}),
    ({"sub": "u", "roles": [1]}, {"roles"}),
    ({"sub": "u", "roles": ["r"] * 17}, {"roles"}),
    ({"sub": "u", "extra": []}, {"extra"}), ({"sub": "u", "extra": ["exp"]}, {"extra"}),
    ({"sub": "u", "extra": {"exp": 1, "iss": "me", "roles": ["admin"], "fine": 1}}, {"extra.exp", "extra.iss", "extra.roles"}),
    ({"sub": "u", "Sub": "v", "admin": True}, {"Sub", "admin"}),
    ({"ttl": -1, "roles": 1}, {"sub", "ttl", "roles"}),
])
def test_wrong_fields_of_a_token_are_named(server, body, wrong):
    answer = server.post("/auth/token", body, headers=ADMIN)
    problem(answer, 422)
    assert answer.wrong_fields() == wrong


@pytest.mark.parametrize("body, content_type, status", [
    (b"{", "application/json", 400),
    (b'{"sub":"a","sub":"b"}', "application/json", 400),
    (b'{"sub":"a"} x', "application/json", 400),
    (b'{"sub":"\xff"}', "application/json", 400),
    (b'{"ttl":9007199254740993,"sub":"a"}', "application/json", 400),
    (b"[1]", "application/json", 400),
    (b"", "application/json", 400),
    (b"[" * 40 + b"]" * 40, "application/json", 400),
    (b'{"sub":"a","extra":{"a":' + b"[" * 30 + b"]" * 30 + b"}}", "application/json", 200),
    (b'{"sub":"a","extra":{"a":' + b"[" * 31 + b"]" * 31 + b"}}", "application/json", 400),
    (b'{"sub":"a","extra":{' + b",".join(b'"k%d":1' % i for i in range(256)) + b"}}", "application/json", 200),
    (b'{"sub":"a","extra":{' + b",".join(b'"k%d":1' % i for i in range(257)) + b"}}", "application/json", 400),
    (b'{"sub":"a\\u0000b"}', "application/json", 400),
    (b'{"sub":"a","\\u0073ub":"b"}', "application/json", 400),
    (b'{"sub":"a","extra":{"n":9007199254740991}}', "application/json", 200),
    (b'{"sub":"a","extra":{"n":-9007199254740992}}', "application/json", 400),
    (b'{"sub":"a","ttl":060}', "application/json", 400),
    (b'{"sub":"a",}', "application/json", 400),
    (b'\xef\xbb\xbf{"sub":"a"}', "application/json", 400),
    (b'{"sub":"a"}', "text/plain", 415),
    (b'{"sub":"a"}', "application/json; charset=utf-8", 200),
    (b'{"sub":"' + b"a" * 300000 + b'"}', "application/json", 413),
])
def test_bodies_are_read_strictly(server, body, content_type, status):
    answer = server.post("/auth/token", body, headers={**ADMIN, "Content-Type": content_type})
    assert answer.status == status, answer.body
    if status != 200:
        problem(answer, status)


# --- who may read whose

@pytest.mark.parametrize("roles, own, others", [([], 200, 403), (["user"], 200, 403), (["admin"], 200, 200), (["finance"], 200, 200),
                                                (["Admin"], 200, 403), (["finance", "x"], 200, 200)])
def test_who_may_read_whose(server, roles, own, others):
    token = server.mint("reader", roles)
    assert server.get("/api/entitlements/reader", token=token).status == own
    assert server.get("/api/entitlements/somebody-else", token=token).status == others


def test_reading_says_what_is_owned(server, profile):
    answer = server.get(f"/api/entitlements/{profile}", token=server.mint(profile))
    assert answer.json == {"ok": True, "entitlements": {"coins": 0, "debt": 0, "subscription": None}}
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in ", ".join(answer.headers.get_all("Vary"))


def test_subjects_may_be_encoded(server):
    token = server.mint("zoë @ home")
    assert server.get("/api/entitlements/zo%C3%AB%20%40%20home", token=token).status == 200


def test_no_token(server):
    answer = server.get("/api/entitlements/x")
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="supernova"'


@pytest.mark.parametrize("name, more, header, why", [
    ("expired", {"exp": 1000}, {}, "expired"),
    ("wrong issuer", {"iss": "https://elsewhere"}, {}, "issuer"),
    ("wrong audience", {"aud": "receipts"}, {}, "audience"),
    ("not yet", {"nbf": 4000000000}, {}, "not"),
    ("unknown key", {}, {"kid": "1"}, "key"),
    ("no algorithm", {}, {"alg": "none"}, "header"),
    ("symmetric", {}, {"alg": "HS256"}, "header"),
    ("a receipt", {}, {"typ": "entitlement-receipt+jwt"}, "header"),
    ("critical", {}, {"crit": ["x"]}, "header"),
    ("remote key", {}, {"jku": "https://evil"}, "header"),
])
def test_tokens_that_are_refused(server, name, more, header, why):
    answer = server.get("/api/entitlements/u", token=forge(server.keys, claims("u", **more), header))
    problem(answer, 401)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"] and why in answer.headers["WWW-Authenticate"]


def test_a_forged_signature_is_refused_and_a_list_of_audiences_is_fine(server, tmp_path):
    run("gen-jwks", "--output", str(tmp_path / "other"))
    (other,) = (tmp_path / "other").glob("*.pem")
    problem(server.get("/api/entitlements/u", token=forge(server.keys, claims("u"), key=other)), 401)
    problem(server.get("/api/entitlements/u", token="a.b.c"), 401)
    problem(server.get("/api/entitlements/u", token="x" * 8193), 401)
    assert server.get("/api/entitlements/u", token=forge(server.keys, claims("u", aud=["a", "supernova-api"]))).status == 200


def test_verified_tokens_are_remembered(server):
    token = server.mint("again")
    for _ in range(10):
        server.get("/api/entitlements/again", token=token)
    until(lambda: server.metric("supernova_token_cache_hits_total") >= 8, what="the count")


# --- granting

def grant(server, token, profile, ref=None, **what):
    body = {"profileId": profile, "grant": what}
    return server.post("/api/entitlements/grant", body | ({"externalRef": ref} if ref else {}), token=token)


@pytest.fixture
def admin(server):
    return server.mint("boss", ["admin"])


def test_grant_and_read_back(server, admin, profile):
    answer = grant(server, admin, profile, ref=profile, type="coins", amount=500, reason="welcome", source="tests")
    assert answer.status == 200 and answer.json["ok"] and answer.json["entitlements"]["coins"] == 500
    read = server.get(f"/api/entitlements/{profile}", token=admin)
    assert read.json["entitlements"]["coins"] == 500
    assert server.get(f"/api/entitlements/{profile}", token=admin, headers={"If-None-Match": read.headers["ETag"]}).status == 304
    assert grant(server, admin, profile, type="subscription", plan="gold", expiresAt="2099-01-01T00:00:00Z").status == 200
    changed = server.get(f"/api/entitlements/{profile}", token=admin, headers={"If-None-Match": read.headers["ETag"]})
    assert changed.status == 200
    assert changed.json["entitlements"]["subscription"]["plan"] == "gold" and changed.json["entitlements"]["subscription"]["active"]


def test_the_same_reference_is_granted_once(server, admin, profile):
    first = grant(server, admin, profile, ref=profile, type="coins", amount=5)
    again = grant(server, admin, profile, ref=profile, type="coins", amount=5)
    assert (first.status, again.status, first.body) == (200, 200, again.body)
    problem(grant(server, admin, profile, ref=profile, type="coins", amount=6), 409)
    assert server.get(f"/api/entitlements/{profile}", token=admin).json["entitlements"]["coins"] == 5


def test_coins_are_exact(server, admin, profile):
    assert grant(server, admin, profile, type="coins", amount=9007199254740991).json["entitlements"]["coins"] == 9007199254740991
    answer = grant(server, admin, profile, type="coins", amount=1)
    problem(answer, 422)
    assert answer.wrong_fields() == {"grant.amount"}


def test_revoking(server, admin, profile):
    grant(server, admin, profile, type="coins", amount=10)
    assert grant(server, admin, profile, type="revoke", amount=4).json["entitlements"]["coins"] == 6
    problem(grant(server, admin, profile, type="revoke", amount=7), 422)
    problem(grant(server, admin, profile, type="revoke", plan="gold"), 422)


@pytest.mark.parametrize("roles, status", [([], 403), (["user"], 403), (["admin"], 200), (["finance"], 200)])
def test_who_may_grant(server, profile, roles, status):
    assert grant(server, server.mint("giver", roles), profile, type="coins", amount=1).status == status


def test_granting_needs_a_token(server, profile):
    problem(grant(server, None, profile, type="coins", amount=1), 401)


@pytest.mark.parametrize("body, wrong", [
    ({}, {"profileId", "grant"}),
    ({"profileId": "p", "grant": 1}, {"grant"}),
    ({"profileId": "p", "grant": {}}, {"grant.type"}),
    ({"profileId": "p", "grant": {"type": "money"}}, {"grant.type"}),
    ({"profileId": "p", "grant": {"type": "coins"}}, {"grant.amount"}),
    ({"profileId": "p", "grant": {"type": "coins", "amount": 0}}, {"grant.amount"}),
    ({"profileId": "p", "grant": {"type": "coins", "amount": 1.5}}, {"grant.amount"}),
    ({"profileId": "p", "grant": {"type": "coins", "amount": 1, "plan": "x"}}, {"grant.plan"}),
    ({"profileId": "p", "grant": {"type": "subscription"}}, {"grant.plan"}),
    ({"profileId": "p", "grant": {"type": "subscription", "plan": "x", "expiresAt": "tomorrow"}}, {"grant.expiresAt"}),
    ({"profileId": "p", "grant": {"type": "revoke", "amount": 1, "plan": "x"}}, {"grant.amount"}),
    ({"profileId": "p", "grant": {"type": "coins", "amount": 1, "coins": 2}, "x": 1}, {"grant.coins", "x"}),
    ({"profileId": "", "grant": {"type": "coins", "amount": 1}, "externalRef": ""}, {"profileId", "externalRef"}),
])
def test_wrong_fields_of_a_grant_are_named(server, admin, body, wrong):
    answer = server.post("/api/entitlements/grant", body, token=admin)
    problem(answer, 422)
    assert answer.wrong_fields() == wrong


# --- the command line

def test_commands_and_help():
    assert run("version").stdout.startswith("supernova-server ")
    assert "DATABASE_URL" in run("help", "settings").stdout
    for command in ("serve", "migrate", "seed", "gen-jwks", "mint-jwt", "health", "version"):
        done = run(command, "--help")
        assert done.returncode == 0 and command in done.stdout
    for wrong in (["fly"], ["serve", "--fast"], ["gen-jwks"], ["gen-jwks", "--bits", "12", "--output", "x"], ["mint-jwt"], ["gen-jwks", "--bits"]):
        done = run(*wrong)
        assert done.returncode == 2 and done.stderr, wrong


def test_every_wrong_setting_is_named_and_no_secret_told():
    env = {"PORT": "http", "WORKERS": "-1", "LOG_LEVEL": "loud", "DATABASE_URL": "mysql://hush", "TRUSTED_PROXIES": "10.0.0.1/8",
           "CORS_ALLOWED_ORIGINS": "*", "ISSUER_ADMIN_SECRET": "short", "DEV_AUTH_OPEN": "yes", "REDIS_URL": ""}
    done = run("serve", env=env)
    assert done.returncode == 1
    for name in env:
        assert (name in done.stderr) == (name != "REDIS_URL"), done.stderr
    assert "hush" not in done.stderr and "short" not in done.stderr and "1 to 65535" in done.stderr


def test_minting_and_health_from_the_command_line(server):
    env = {**server.env, "JWKS_DIR": str(server.keys)}
    token = run("mint-jwt", "--sub=me", "--roles=admin,finance", "--ttl", "60", env=env).stdout.strip()
    assert server.get("/api/entitlements/other", token=token).status == 200
    done = run("health", env=env)
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "ok"
    assert run("health", env={**env, "METRICS_PORT": "1"}).returncode == 1


def test_keys_as_a_secret():
    done = run("gen-jwks", "--output", "secret")
    assert done.stdout.startswith("apiVersion: v1\nkind: Secret\n") and "jwks.json: " in done.stdout and "✓ Generated keypair" in done.stderr
