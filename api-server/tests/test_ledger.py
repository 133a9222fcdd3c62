"""The ledger as clients meet it: who may read and write whose, pages, receipts, the catalogue, refunds and what is owed."""

import base64
import datetime
import itertools
import json
import secrets
import subprocess
import time

import pytest
from conftest import at_once, forge, insist, until

PEOPLE = ("anonymous", "self", "other", "admin", "finance")


def problem(answer, status):
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json["status"] == status
    return answer


def grant(server, token, profile, ref=None, **what):
    body = {"profileId": profile, "grant": what}
    return server.post("/api/entitlements/grant", body | ({"externalRef": ref} if ref else {}), token=token)


@pytest.fixture
def admin(server):
    return server.mint("boss", ["admin"])


@pytest.fixture
def product():
    return "/api/products/google/sku-" + secrets.token_hex(6)


def token_of(server, who, profile):
    return {"anonymous": None, "self": server.mint(profile), "other": server.mint("somebody-else"), "admin": server.mint("boss", ["admin"]),
            "finance": server.mint("money", ["finance"])}[who]


# --- who may read and write whose

def ask_entitlements(server, profile, token):
    return server.get(f"/api/entitlements/{profile}", token=token)


def ask_receipt(server, profile, token):
    return server.get(f"/api/entitlements/{profile}", token=token, headers={"Accept": "application/jwt"})


def ask_ledger(server, profile, token):
    return server.get(f"/api/entitlements/{profile}/ledger", token=token)


def ask_grant(server, profile, token):
    return grant(server, token, profile, type="coins", amount=1)


def ask_product(server, profile, token):
    return server.get("/api/products/google/matrix", token=token)


def ask_product_put(server, profile, token):
    return server.request("PUT", f"/api/products/apple/{profile}", body={"coins": 5}, token=token)


MATRIX = [
    # what                 anonymous self other admin finance
    (ask_entitlements, (401, 200, 403, 200, 200)),
    (ask_receipt, (401, 200, 403, 200, 200)),
    (ask_ledger, (401, 200, 403, 200, 200)),
    (ask_grant, (401, 403, 403, 200, 200)),
    (ask_product, (200, 200, 200, 200, 200)),
    (ask_product_put, (401, 403, 403, 201, 403)),
]


@pytest.mark.parametrize("ask, who, status", [pytest.param(ask, who, status, id=f"{ask.__name__}-{who}")
                                              for ask, row in MATRIX for who, status in zip(PEOPLE, row, strict=True)])
def test_who_may_do_what(server, admin, profile, ask, who, status):
    server.request("PUT", "/api/products/google/matrix", body={"coins": 5}, token=admin)
    answer = ask(server, profile, token_of(server, who, profile))
    assert answer.status == status, answer.body
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    if status in (401, 403):
        problem(answer, status)
        assert ask_ledger(server, profile, admin).json["entries"] == []


@pytest.fixture(scope="module")
def open_server(start_shared):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return start_shared(DEV_AUTH_OPEN="true", DEV_AUTH_OPEN_UNTIL=ends.strftime("%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.parametrize("ask, status", [(ask_entitlements, 200), (ask_receipt, 401), (ask_ledger, 200), (ask_grant, 401), (ask_product_put, 401)])
def test_an_open_server_gives_neither_receipts_nor_writes(open_server, profile, ask, status):
    unverified = "x." + base64.urlsafe_b64encode(json.dumps({"sub": profile, "roles": ["admin"]}).encode()).decode().rstrip("=") + ".x"
    answer = ask(open_server, profile, unverified)
    assert answer.status == status, answer.body
    if status == 200:
        assert answer.headers["X-Auth-Bypass"] == "open"
    problem(open_server.get("/api/entitlements/somebody-else/ledger", token=unverified), 403)


@pytest.fixture(scope="module")
def strict_server(start_shared):
    return start_shared(RATE_LIMIT_READ_MAX="2", RATE_LIMIT_WRITE_MAX="2", RATE_LIMIT_WINDOW_MS="600000", REDIS_MODE="none")


@pytest.mark.parametrize("ask", [ask_entitlements, ask_receipt, ask_ledger, ask_product, ask_grant, ask_product_put])
def test_each_address_is_limited(strict_server, profile, ask):
    token = strict_server.mint("limited-" + profile, ["admin"])
    answers = [ask(strict_server, profile, token) for _ in range(3)]
    assert [a.status == 429 for a in answers] == [False, False, True], [a.body for a in answers]
    assert int(problem(answers[2], 429).headers["Retry-After"]) > 0 and answers[0].headers["RateLimit"]


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/api/entitlements/x/ledger", "GET, HEAD, OPTIONS"),
    ("DELETE", "/api/products/google/x", "GET, HEAD, PUT, OPTIONS"),
    ("PUT", "/api/entitlements/x", "GET, HEAD, OPTIONS"),
])
def test_other_methods_are_refused(server, method, path, allow):
    assert problem(server.request(method, path), 405).headers["Allow"] == allow


# --- pages of the ledger

def walk(server, token, profile, limit, between=lambda: None):
    cursor, entries, pages = "", [], 0
    while cursor is not None:
        page = server.get(f"/api/entitlements/{profile}/ledger?limit={limit}{cursor and '&cursor=' + cursor}", token=token)
        assert page.status == 200, page.body
        entries += page.json["entries"]
        cursor, pages = page.json["next"], pages + 1
        between()
    return entries, pages


def test_an_entry_says_it_all(server, admin, profile):
    done = grant(server, admin, profile, ref=profile, type="coins", amount=5, reason="welcome \u20ac \"quoted\"", source="tests").json
    (entry,) = ask_ledger(server, profile, admin).json["entries"]
    assert len(entry.pop("head")) == 64
    assert entry == {"seq": 1, "at": done["ledger"]["at"], "kind": "coins", "amount": 5, "plan": None, "expiresAt": None,
                     "reason": "welcome \u20ac \"quoted\"", "source": "tests", "origin": "admin", "externalRef": profile, "actor": "boss",
                     "coins": 5, "debt": 0}
    assert "actor" not in ask_ledger(server, profile, server.mint(profile)).json["entries"][0]


def test_pages_hold_every_entry_once_while_others_are_appended(server, admin, profile):
    for amount in range(1, 8):
        grant(server, admin, profile, type="coins", amount=amount)
    entries, pages = walk(server, admin, profile, 3, between=lambda: grant(server, admin, profile, type="coins", amount=100))
    assert [e["seq"] for e in entries] == [7, 6, 5, 4, 3, 2, 1] and pages == 3
    assert [e["amount"] for e in entries] == [7, 6, 5, 4, 3, 2, 1]
    newest = ask_ledger(server, profile, admin).json
    assert [e["seq"] for e in newest["entries"]] == list(range(10, 0, -1)) and newest["next"] is None


@pytest.mark.parametrize("limit, count, pages", [(1, 3, 3), (3, 3, 1), (2, 3, 2), (100, 3, 1), (100, 0, 1)])
def test_the_last_page_is_known_as_such(server, admin, profile, limit, count, pages):
    for _ in range(count):
        grant(server, admin, profile, type="coins", amount=1)
    entries, walked = walk(server, admin, profile, limit)
    assert (len(entries), walked) == (count, pages)


@pytest.mark.parametrize("query, wrong", [("limit=0", "limit"), ("limit=101", "limit"), ("limit=ten", "limit"), ("limit=", "limit"), ("limit=1&limit=2", "limit"),
                                          ("cursor=", "cursor"), ("cursor=7", "cursor"), ("cursor=bGVkZ2VyLzA", "cursor"),
                                          ("cursor=bGVkZ2VyLy01", "cursor"), ("cursor=%00", "cursor"), ("cursor=" + "A" * 500, "cursor")])
def test_wrong_parameters_are_named(server, admin, profile, query, wrong):
    answer = problem(server.get(f"/api/entitlements/{profile}/ledger?{query}", token=admin), 422)
    assert answer.wrong_fields() == {wrong}


def test_pages_are_private_and_revalidated(server, admin, profile):
    grant(server, admin, profile, type="coins", amount=1)
    page = ask_ledger(server, profile, admin)
    assert page.headers["Cache-Control"] == "private, no-cache" and "Authorization" in ", ".join(page.headers.get_all("Vary"))
    again = {"If-None-Match": page.headers["ETag"]}
    assert server.get(f"/api/entitlements/{profile}/ledger", token=admin, headers=again).status == 304
    assert server.get(f"/api/entitlements/{profile}/ledger", token=server.mint(profile), headers=again).status == 200
    grant(server, admin, profile, type="coins", amount=1)
    assert server.get(f"/api/entitlements/{profile}/ledger", token=admin, headers=again).status == 200


def test_long_entries_fit_a_page(server, admin, profile):
    for _ in range(100):
        assert grant(server, admin, profile, type="coins", amount=1, reason="\u20ac" * 341, source="s" * 256, ref=secrets.token_hex(128)).status == 200
    entries, pages = walk(server, admin, profile, 100)
    assert (len(entries), pages) == (100, 1) and all(e["reason"] == "\u20ac" * 341 for e in entries)


# --- receipts

def parts_of(token):
    head, payload, signature = token.split(".")
    pad = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return json.loads(pad(head)), json.loads(pad(payload)), f"{head}.{payload}".encode(), pad(signature)


def test_a_receipt_verifies_offline(server, admin, profile, tmp_path):
    grant(server, admin, profile, type="coins", amount=500)
    grant(server, admin, profile, type="subscription", plan="gold", expiresAt="2099-01-01T00:00:00Z")
    answer = ask_receipt(server, profile, server.mint(profile))
    assert (answer.status, answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (200, "application/jwt", "private, no-cache")
    assert "Accept" in ", ".join(answer.headers.get_all("Vary"))
    header, claims, signed, signature = parts_of(answer.body.decode())
    kid = (server.keys / "signing").read_text().strip()
    assert header == {"alg": "RS256", "typ": "entitlement-receipt+jwt", "kid": kid}
    now = time.time()
    assert claims["aud"] == "supernova-api/receipt" and claims["iss"] == "https://collab.supernova.auth" and claims["sub"] == profile
    assert abs(claims["iat"] - now) < 60 and claims["exp"] == claims["iat"] + 3600
    assert claims["entitlements"] == ask_entitlements(server, profile, admin).json["entitlements"]
    newest = ask_ledger(server, profile, admin).json["entries"][0]
    assert claims["ledger"] == {"seq": newest["seq"], "head": newest["head"]}
    (tmp_path / "signature").write_bytes(signature)
    public = subprocess.run(["openssl", "pkey", "-in", server.keys / f"{kid}.pem", "-pubout"], capture_output=True, check=True).stdout
    (tmp_path / "public.pem").write_bytes(public)
    subprocess.run(["openssl", "dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature"], input=signed,
                   check=True, stdout=subprocess.DEVNULL)


def test_a_receipt_is_no_token(server, profile):
    receipt = ask_receipt(server, profile, server.mint(profile, ["admin"])).body.decode()
    for path in (f"/api/entitlements/{profile}", f"/api/entitlements/{profile}/ledger"):
        problem(server.get(path, token=receipt), 401)
    problem(grant(server, receipt, profile, type="coins", amount=1), 401)
    # nor where only its audience keeps it apart
    _, claims, _, _ = parts_of(receipt)
    problem(server.get(f"/api/entitlements/{profile}", token=forge(server.keys, claims)), 401)


def test_a_receipt_ends_with_the_subscription_that_it_shows(server, admin, profile):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=10)
    grant(server, admin, profile, type="subscription", plan="gold", expiresAt=end.strftime("%Y-%m-%dT%H:%M:%SZ"))
    _, claims, _, _ = parts_of(ask_receipt(server, profile, admin).body.decode())
    assert claims["exp"] == int(end.timestamp())


def test_each_representation_has_a_tag_of_its_own(server, admin, profile):
    path, jwt = f"/api/entitlements/{profile}", {"Accept": "application/jwt"}
    tags = {kind: server.get(path, token=admin, headers={"Accept": kind}).headers["ETag"] for kind in ("application/json", "application/jwt")}
    assert len(set(tags.values())) == 2
    for kind, other in itertools.permutations(tags):
        assert server.get(path, token=admin, headers={"Accept": kind, "If-None-Match": tags[other]}).status == 200
    # within the half hour in which a receipt that is kept is good for as long again
    until(lambda: server.get(path, token=admin, headers=jwt | {"If-None-Match": ask_receipt(server, profile, admin).headers["ETag"]}).status == 304)
    grant(server, admin, profile, type="coins", amount=1)
    assert server.get(path, token=admin, headers=jwt | {"If-None-Match": tags["application/jwt"]}).status == 200


@pytest.mark.parametrize("accept, kind", [
    (None, "json"), ("*/*", "json"), ("application/*", "json"), ("application/json, application/jwt", "json"),
    ("application/jwt, application/json", "json"), ("application/jwt", "jwt"), ("APPLICATION/JWT", "jwt"),
    ("application/json;q=0.5, application/jwt", "jwt"), ("application/jwt;q=0.9, */*;q=0.1", "jwt"), ("text/html, */*;q=0.1", "json"),
    ("application/json;q=0, */*", "jwt"), ("application/jwt;q=0, */*", "json"), ("text/html", None), ("application/json;q=0", None),
    ("*/*;q=0", None), ("text/html, garbage", None),
])
def test_the_client_chooses(server, profile, accept, kind):
    answer = server.get(f"/api/entitlements/{profile}", token=server.mint(profile), headers={"Accept": accept} if accept else {})
    if kind:
        assert (answer.status, answer.headers["Content-Type"]) == (200, f"application/{kind}")
    else:
        problem(answer, 406)


# --- the catalogue

def put(server, token, path, body, **headers):
    return server.request("PUT", path, body=body, token=token, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_a_product_is_made_read_and_replaced(server, admin, product):
    problem(server.get(product), 404)
    made = put(server, admin, product, {"coins": 500})
    store, name = product.split("/")[3:]
    assert made.status == 201 and made.json == {"ok": True, "product": {"store": store, "productId": name, "coins": 500}}
    read = server.get(product)
    assert (read.status, read.json, read.headers["ETag"]) == (200, made.json, made.headers["ETag"])
    assert server.get(product, headers={"If-None-Match": read.headers["ETag"]}).status == 304
    changed = put(server, admin, product, {"plan": "gold"})
    assert changed.status == 200 and changed.json["product"] == {"store": store, "productId": name, "plan": "gold"}
    assert changed.headers["ETag"] != made.headers["ETag"]
    assert put(server, admin, product, {"plan": "gold"}).headers["ETag"] == changed.headers["ETag"]
    assert server.get(product).json == changed.json
    assert until(lambda: server.lines(msg="the catalogue was written", productId=name), what="the log")[0]["actor"] == "boss"


@pytest.mark.parametrize("there, headers, status", [
    (False, {}, 201), (False, {"If_None_Match": "*"}, 201), (False, {"If_Match": "*"}, 412), (False, {"If_Match": '"1"'}, 412),
    (True, {}, 200), (True, {"If_None_Match": "*"}, 412), (True, {"If_Match": "*"}, 200), (True, {"If_Match": '"1"'}, 200),
    (True, {"If_Match": '"7", "1"'}, 200), (True, {"If_Match": '"2"'}, 412), (True, {"If_Match": 'W/"1"'}, 412), (True, {"If_Match": "nonsense"}, 412),
    (True, {"If_None_Match": '"2"'}, 200), (True, {"If_None_Match": 'W/"1"'}, 412), (True, {"If_Match": '"1"', "If_None_Match": '"1"'}, 412),
    (True, {"If_Match": '"99999999999999999999"'}, 412),
])
def test_preconditions(server, admin, product, there, headers, status):
    if there:
        put(server, admin, product, {"coins": 1})
    answer = put(server, admin, product, {"coins": 2}, **headers)
    assert answer.status == status, answer.body
    now = server.get(product)
    assert now.status == (200 if there or status == 201 else 404)
    if now.status == 200:
        assert now.json["product"]["coins"] == (2 if status < 300 else 1)


@pytest.mark.parametrize("body, wrong", [({}, {"coins"}), ({"coins": 1, "plan": "x"}, {"coins"}), ({"coins": 0}, {"coins"}), ({"coins": 1.5}, {"coins"}),
                                         ({"coins": "5"}, {"coins"}), ({"plan": ""}, {"plan"}), ({"plan": "x" * 257}, {"plan"}), ({"coins": None}, {"coins"}),
                                         ({"coins": 5, "store": "x"}, {"store"}), ({"plan": "a\nb"}, {"plan"})])
def test_wrong_products_are_refused(server, admin, product, body, wrong):
    assert problem(put(server, admin, product, body), 422).wrong_fields() == wrong
    problem(server.get(product), 404)


@pytest.mark.parametrize("path, status", [("/api/products/steam/x", 404), ("/api/products/google/" + "x" * 257, 400), ("/api/products/google/a%00", 400),
                                          ("/api/products/google", 404), ("/api/products/Google/x", 404)])
def test_addresses_of_no_product(server, admin, path, status):
    problem(server.get(path), status)
    problem(put(server, admin, path, {"coins": 1}), status)


def test_of_writers_with_the_same_tag_one_wins(server, admin, product):
    tag = put(server, admin, product, {"coins": 1}).headers["ETag"]
    found = at_once(8, lambda i: insist(lambda: put(server, admin, product, {"coins": 10 + i}, If_Match=tag)).status)
    assert sorted(found) == [200] + [412] * 7


# --- refunds and what is owed

def refund(database, profile, amount):
    return database.sql(f"SELECT result FROM entitlement_grant('{profile}', 'refund', {amount}, NULL, NULL, 'void', 'google', 'google', "
                        f"'{secrets.token_hex(8)}', NULL, sha256(''))")


def test_what_is_owed_is_told_and_settled(server, admin, database, profile):
    grant(server, admin, profile, type="coins", amount=10)
    grant(server, admin, profile, type="revoke", amount=8)
    assert refund(database, profile, 10) == "done"
    assert ask_entitlements(server, profile, admin).json["entitlements"] == {"coins": 0, "debt": 8, "subscription": None}
    assert problem(grant(server, admin, profile, type="revoke", amount=1), 422).wrong_fields() == {"grant.amount"}
    assert grant(server, admin, profile, type="coins", amount=20).json["entitlements"] == {"coins": 12, "debt": 0, "subscription": None}
    rows = [(e["kind"], e["amount"], e["coins"], e["debt"]) for e in ask_ledger(server, profile, admin).json["entries"]]
    assert rows == [("settle", 8, 12, 0), ("coins", 20, 20, 8), ("refund", 10, 0, 8), ("revoke", 8, 2, 0), ("coins", 10, 10, 0)]


def test_nobody_refunds_by_hand(server, admin, profile):
    for kind in ("refund", "settle"):
        assert problem(grant(server, admin, profile, type=kind, amount=1), 422).wrong_fields() == {"grant.type"}


# --- exactly once

def test_of_twins_one_counts(server, admin, profile):
    """32 clients with the same reference, half of them with another body: one body wins, and all with it get the one answer."""
    found = at_once(32, lambda i: insist(lambda: grant(server, admin, profile, ref=profile, type="coins", amount=5 + i % 2)))
    won = [i % 2 for i, answer in enumerate(found) if answer.status == 200]
    assert set(won) in ({0}, {1}) and len(won) == 16
    assert {answer.status for answer in found} == {200, 409}
    assert len({answer.body for answer in found if answer.status == 200}) == 1
    entries = ask_ledger(server, profile, admin).json["entries"]
    assert [(e["seq"], e["amount"]) for e in entries] == [(1, 5 + won[0])]


def test_a_reference_counts_once_over_profiles_too(server, admin, profile):
    found = at_once(16, lambda i: insist(lambda: grant(server, admin, f"{profile}-{i % 4}", ref=profile, type="coins", amount=5)))
    granted = [len(ask_ledger(server, f"{profile}-{i}", admin).json["entries"]) for i in range(4)]
    assert sorted(granted) == [0, 0, 0, 1]
    winner = granted.index(1)
    assert [answer.status == 200 for answer in found] == [i % 4 == winner for i in range(16)]
