"""Purchases at Google Play, against store-twin: what a client is told, what the profile owns afterwards, and what Google was told, how often."""

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from conftest import ROOT, Proxy, Server, run, until

sys.path.insert(0, str(ROOT / "api-server/store-twin"))
from store_twin import StoreTwin

AUDIENCE, EMAIL = "https://api.example.com/api/webhooks/google", "push@twin.iam.gserviceaccount.com"
TESTER = "tester-" + secrets.token_hex(4)


@pytest.fixture(scope="module")
def seeded(database):
    done = run("seed", env={"DATABASE_URL": database.url, "TERMINATION_LOG": "/dev/null"})
    assert done.returncode == 0, done.stderr
    database.sql("INSERT INTO product (store, product_id, plan) VALUES ('google', 'max_monthly', 'max'), ('google', 'for_ever', 'gold')"
                 " ON CONFLICT DO NOTHING")
    return database


@pytest.fixture(scope="module")
def shared_twin():
    twin = StoreTwin()
    yield twin
    twin.close()


@pytest.fixture
def twin(shared_twin):
    shared_twin.heal()
    shared_twin.forget_calls()
    yield shared_twin
    shared_twin.heal()


def environment(twin, **more):
    return {"ENVIRONMENT": "staging", "GOOGLE_API_BASE": twin.url, "GOOGLE_TOKEN_URL": twin.url + "/token", "GOOGLE_CERTS_URL": twin.url + "/certs",
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(twin.google.key()), "GOOGLE_PUSH_AUDIENCE": AUDIENCE, "GOOGLE_PUSH_EMAIL": EMAIL,
            "IAP_SANDBOX_PROFILES": f"somebody, {TESTER}", "no_proxy": "*", **more}


class Shop:
    """A server, the twin, and what a client or Google's Pub/Sub does with them."""

    def __init__(self, server, twin, database):
        self.server, self.twin, self.google, self.database = server, twin, twin.google, database
        self.tokens = {}

    def verify(self, profile, token, product="coins_100", type="product", **more):
        if profile not in self.tokens:
            self.tokens[profile] = self.server.mint(profile)
        body = {"packageName": "com.collab.supernova", "productId": product, "purchaseToken": token, "type": type, **more}
        return self.server.post("/api/iap/google/verify", body, token=self.tokens[profile])

    def owned(self, profile):
        return self.server.get(f"/api/entitlements/{profile}", token=self.server.mint(profile)).json["entitlements"]

    def hear(self, kind, authorization=None, message=None, **notification):
        message = message or self.google.message(kind, **notification)
        authorization = authorization or "Bearer " + self.google.push_token(AUDIENCE, EMAIL)
        return self.server.post("/api/webhooks/google", message, headers={"Authorization": authorization})

    def hear_of(self, token, **more):
        purchase = self.google.purchases[token]
        if "lineItems" in purchase["body"]:
            return self.hear("subscription", purchaseToken=token, notificationType=2, subscriptionId=purchase["product"], **more)
        return self.hear("oneTimeProduct", purchaseToken=token, notificationType=1, sku=purchase["product"], **more)

    def told(self, token, **counts):
        until(lambda: self.google.counts(token) == {"acknowledged": 0, "consumed": 0, **counts}, 60, f"Google to be told: {counts}")

    def row(self, token, column):
        return self.database.sql(f"SELECT {column} FROM iap_purchase WHERE token = '{token}'")

    def ledger(self, profile):
        return self.database.sql(f"SELECT string_agg(concat_ws(' ', kind, amount, plan), ', ' ORDER BY seq) FROM ent_ledger WHERE profile = '{profile}'")

    def owed(self, token):
        return self.database.sql(f"SELECT count(*) FROM outbox WHERE token = '{token}' AND done_at IS NULL") != "0"


@pytest.fixture(scope="module")
def shop_server(tmp_path_factory, seeded, services, shared_twin):
    directory = tmp_path_factory.mktemp("google")
    assert run("gen-jwks", "--output", str(directory / "keys")).returncode == 0
    server = Server(directory, {"DATABASE_URL": seeded.url, "REDIS_URL": services["REDIS_URL"], "JWKS_DIR": str(directory / "keys"),
                                "RATE_LIMIT_WEBHOOK_MAX": "1000000", **environment(shared_twin)})
    until(lambda: server.up("/readyz"), what="the server")
    yield server
    assert server.stop() == 0, server.logged()[-4000:]
    logged = server.logged()
    for secret in ("ya29.", "PRIVATE KEY", "tok-", "eyJ"):
        assert secret not in logged, secret


@pytest.fixture
def shop(shop_server, twin, seeded):
    return Shop(shop_server, twin, seeded)


@pytest.fixture
def open_shop(start, twin, seeded):
    """A server of its own, for those that disturb it."""
    return lambda **env: Shop(start(**environment(twin, **{"RATE_LIMIT_WEBHOOK_MAX": "1000000", **env})), twin, seeded)


def detail(answer, status, word=""):
    assert answer.status == status, answer.body
    body = answer.json
    assert word in json.dumps(body), body
    return body


# --- one-time products

def test_a_bought_product_gives_its_coins_and_is_consumed_once(shop, profile):
    token = shop.google.buy("coins_100", account=profile)
    answer = shop.verify(profile, token)
    assert answer.status == 200, answer.body
    assert answer.json == {"ok": True, "purchase": {"store": "google", "productId": "coins_100", "type": "product", "state": "active", "quantity": 1,
                                                    "expiresAt": None, "test": False},
                           "entitlements": {"coins": 100, "debt": 0, "subscription": None}}
    assert answer.headers["Cache-Control"] == "no-store"
    shop.told(token, consumed=1)
    until(lambda: not shop.owed(token), what="the outbox")
    assert shop.row(token, "consumed AND acknowledged") == "t" and shop.ledger(profile) == "coins 100"
    assert shop.database.sql(f"SELECT concat_ws(' ', source, origin, reason) FROM ent_ledger WHERE profile = '{profile}'").startswith(
        "google google active coins_100, order GPA.")


def test_asked_again_the_answer_is_the_same_to_the_byte(shop, profile):
    token = shop.google.buy("coins_100")
    answers = {shop.verify(profile, token).body for _ in range(5)}
    assert len(answers) == 1 and shop.owned(profile)["coins"] == 100
    other = shop.google.buy("coins_500")
    assert shop.verify(profile, other, "coins_500").json["entitlements"]["coins"] == 600
    assert {shop.verify(profile, token).body} == answers


def test_many_at_once_are_one(shop, profile):
    token, answers = shop.google.buy("coins_100"), []
    shop.server.mint(profile)
    shop.verify(profile, shop.google.buy("coins_500"), "coins_500")
    threads = [threading.Thread(target=lambda: answers.append(shop.verify(profile, token).status)) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(answers) == {200} and shop.owned(profile)["coins"] == 600
    shop.told(token, consumed=1)


def test_a_token_is_one_profiles_for_ever(shop, profile):
    token, thief = shop.google.buy("coins_100"), "thief-" + profile
    assert shop.verify(profile, token).status == 200
    detail(shop.verify(thief, token), 409, "another profile")
    detail(shop.verify(thief, token), 409)
    assert shop.owned(thief)["coins"] == 0
    assert shop.database.sql(f"SELECT concat_ws(' ', why, claimant, holder) FROM iap_conflict WHERE token = '{token}'") == f"token {thief} {profile}"
    line = until(lambda: shop.server.lines(msg="a purchase was asked for by a second profile", profile=thief), what="the line")[0]
    assert line["holder"] == profile and line["tokenSha256"] == hashlib.sha256(token.encode()).hexdigest()


def test_two_profiles_at_once_and_one_has_it(shop, profile):
    token, statuses = shop.google.buy("coins_100"), []
    names = [f"{profile}-{i}" for i in range(8)]
    for name in names:
        shop.tokens[name] = shop.server.mint(name)
    threads = [threading.Thread(target=lambda n=n: statuses.append(shop.verify(n, token).status)) for n in names]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(statuses) == [200] + [409] * 7
    assert sum(shop.owned(n)["coins"] for n in names) == 100


def test_what_was_bought_for_another_account_is_refused(shop, profile):
    token = shop.google.buy("coins_100", account="somebody-else")
    detail(shop.verify(profile, token), 403, "another account")
    assert shop.row(token, "count(*)") == "0" and shop.owned(profile)["coins"] == 0
    assert shop.database.sql(f"SELECT why FROM iap_conflict WHERE token = '{token}'") == "account"
    hashed = shop.google.buy("coins_100", account=hashlib.sha256(profile.encode()).hexdigest())
    assert shop.verify(profile, hashed).status == 200


def test_quantity_counts(shop, profile):
    token = shop.google.buy("coins_100", quantity=7)
    assert shop.verify(profile, token).json["entitlements"]["coins"] == 700


def test_a_product_that_gives_a_plan_lasts_for_ever(shop, profile):
    token = shop.google.buy("for_ever")
    assert shop.verify(profile, token, "for_ever").json["entitlements"]["subscription"] == {
        "plan": "gold", "active": True, "expiresAt": None, "source": "google"}
    shop.told(token, acknowledged=1)


def test_pending_is_told_and_given_when_it_is_paid(shop, profile):
    token = shop.google.buy("coins_100", state=2)
    answer = shop.verify(profile, token)
    assert (answer.status, answer.json["purchase"]["state"]) == (202, "pending") and shop.owned(profile)["coins"] == 0
    assert not shop.owed(token)
    shop.google.change(token, purchaseState=0)
    assert shop.hear_of(token).status == 204
    assert shop.owned(profile)["coins"] == 100
    shop.told(token, consumed=1)


def test_pending_that_was_given_up_gives_nothing(shop, profile):
    token = shop.google.buy("coins_100", state=2)
    assert shop.verify(profile, token).status == 202
    shop.google.change(token, purchaseState=1)
    detail(shop.verify(profile, token), 409, "taken this purchase back")
    assert shop.owned(profile)["coins"] == 0 and shop.ledger(profile) == ""


@pytest.mark.parametrize("change, field", [
    ({"productId": "coins_500"}, "purchaseToken"), ({"purchaseToken": "nobody-knows"}, "purchaseToken"), ({"type": "subscription"}, "purchaseToken"),
    ({"packageName": "com.example.other"}, "packageName"), ({"type": "gift"}, "type"), ({"purchaseToken": ""}, "purchaseToken"),
    ({"purchaseToken": "x" * 2049}, "purchaseToken"), ({"purchaseToken": "../../etc:consume?x=1"}, "purchaseToken"), ({"extra": 1}, "extra")])
def test_what_makes_no_sense_names_the_field(shop, profile, change, field):
    token = shop.google.buy("coins_100")
    answer = shop.verify(profile, **{"token": token, **change}) if "token" in change else shop.verify(profile, token, **change)
    assert answer.status == 422 and answer.wrong_fields() == {field}, answer.body


def test_a_product_that_is_not_in_the_catalogue(shop, profile):
    token = shop.google.buy("unheard_of")
    answer = shop.verify(profile, token, "unheard_of")
    assert answer.status == 422 and answer.wrong_fields() == {"productId"}
    until(lambda: [line for line in shop.server.lines(productId="unheard_of") if line["level"] == 50], what="the alert")
    shop.database.sql("INSERT INTO product (store, product_id, coins) VALUES ('google', 'unheard_of', 5)")
    assert shop.verify(profile, token, "unheard_of").json["entitlements"]["coins"] == 5


def test_only_a_verified_token_may_ask(shop):
    body = {"packageName": "com.collab.supernova", "productId": "coins_100", "purchaseToken": "x", "type": "product"}
    assert shop.server.post("/api/iap/google/verify", body).status == 401


# --- what nobody paid for

def test_a_test_purchase_is_for_testers(shop, profile):
    token = shop.google.buy("coins_100", test=True)
    detail(shop.verify(profile, token), 403, "test purchase")
    assert shop.owned(profile)["coins"] == 0
    answer = shop.verify(TESTER, token)
    assert answer.status == 200 and answer.json["purchase"]["test"] is True
    assert shop.database.sql(f"SELECT concat_ws('|', source, reason LIKE '%test purchase') FROM ent_ledger WHERE profile = '{TESTER}'") == "google-sandbox|t"
    subscription = shop.google.subscribe("pro_monthly", test=True)
    detail(shop.verify(profile, subscription, "pro_monthly", "subscription"), 403, "test purchase")


def test_a_test_purchase_against_production(tmp_path, seeded, services, keys, twin):
    for name, value in environment(twin).items():
        if name.startswith("GOOGLE_") and name.endswith(("BASE", "URL")):
            done = run("serve", env={"ENVIRONMENT": "production", "DATABASE_URL": seeded.url, "JWKS_DIR": str(keys), "ISSUER_ADMIN_SECRET": "x" * 20, name: value})
            assert done.returncode != 0 and f"{name} is set, which ENVIRONMENT=production refuses" in done.stderr
    done = run("serve", env={"ENVIRONMENT": "production", "DATABASE_URL": seeded.url, "JWKS_DIR": str(keys), "ISSUER_ADMIN_SECRET": "x" * 20, "IAP_STRICT": "false"})
    assert done.returncode != 0 and "IAP_STRICT is false" in done.stderr


def test_not_strict_says_so_in_the_ledger(open_shop, profile):
    shop = open_shop(IAP_STRICT="false")
    assert shop.verify(profile, shop.google.buy("coins_100", test=True)).status == 200
    assert shop.database.sql(f"SELECT source FROM ent_ledger WHERE profile = '{profile}'") == "google-sandbox"


def test_without_a_key_it_says_which_setting_is_missing(start, seeded, profile, twin):
    server = start(ENVIRONMENT="staging")
    body = {"packageName": "com.collab.supernova", "productId": "coins_100", "purchaseToken": "x", "type": "product"}
    detail(server.post("/api/iap/google/verify", body, token=server.mint(profile)), 503, "GOOGLE_SERVICE_ACCOUNT_KEY")
    detail(server.post("/api/webhooks/google", {}), 503, "GOOGLE_PUSH_AUDIENCE")
    done = run("serve", env={"DATABASE_URL": seeded.url, "JWKS_DIR": server.env["JWKS_DIR"], "ISSUER_ADMIN_SECRET": "x" * 20, "GOOGLE_SERVICE_ACCOUNT_KEY": "{\"private_key\":\"s3cret\"}"})
    assert done.returncode != 0 and "GOOGLE_SERVICE_ACCOUNT_KEY" in done.stderr and "s3cret" not in done.stderr


# --- subscriptions

def subscription_of(shop, profile):
    return shop.owned(profile)["subscription"]


def ms_of(shop, profile):
    text = subscription_of(shop, profile)["expiresAt"]
    return int(float(shop.database.sql(f"SELECT extract(epoch FROM '{text}'::timestamptz) * 1000")))


def test_a_subscription_through_its_life(shop, profile):
    token = shop.google.subscribe("pro_monthly", days=30, account=profile)
    answer = shop.verify(profile, token, "pro_monthly", "subscription")
    assert answer.status == 200 and answer.json["entitlements"]["subscription"]["plan"] == "pro"
    shop.told(token, acknowledged=1)
    renewed_ms = shop.google.renew(token, days=60)
    assert shop.hear_of(token).status == 204 and ms_of(shop, profile) == renewed_ms
    grace_ms = shop.google.change(token, state="IN_GRACE_PERIOD", days=3)
    assert shop.hear_of(token).status == 204 and ms_of(shop, profile) == grace_ms and subscription_of(shop, profile)["active"]
    shop.google.change(token, state="ON_HOLD", days=-0.01)
    assert shop.hear_of(token).status == 204 and not subscription_of(shop, profile)["active"]
    back_ms = shop.google.renew(token, days=30)
    assert shop.hear_of(token).status == 204 and ms_of(shop, profile) == back_ms
    cancelled_ms = shop.google.change(token, state="CANCELED", days=10, renews=False)
    assert shop.hear_of(token).status == 204 and ms_of(shop, profile) == cancelled_ms and subscription_of(shop, profile)["active"]
    shop.google.change(token, state="EXPIRED", days=-0.01)
    assert shop.hear_of(token).status == 204 and not subscription_of(shop, profile)["active"]
    assert shop.google.counts(token) == {"acknowledged": 1, "consumed": 0}
    assert shop.verify(profile, token, "pro_monthly", "subscription").json["purchase"]["state"] == "expired"


def test_an_upgrade_ends_the_old_one(shop, profile):
    old = shop.google.subscribe("pro_monthly", days=300)
    assert shop.verify(profile, old, "pro_monthly", "subscription").status == 200
    new = shop.google.subscribe("max_monthly", days=30, linked=old)
    answer = shop.verify(profile, new, "max_monthly", "subscription")
    assert answer.json["entitlements"]["subscription"]["plan"] == "max"
    assert shop.row(old, "state") == "replaced"
    assert shop.hear_of(old).status == 204 and subscription_of(shop, profile)["plan"] == "max" and subscription_of(shop, profile)["active"]
    assert shop.verify(profile, old, "pro_monthly", "subscription").json["purchase"]["state"] == "replaced"
    assert subscription_of(shop, profile)["plan"] == "max"


def test_an_upgrade_that_only_google_tells_of(shop, profile):
    old = shop.google.subscribe("pro_monthly")
    assert shop.verify(profile, old, "pro_monthly", "subscription").status == 200
    new = shop.google.subscribe("max_monthly", linked=old)
    assert shop.hear_of(new).status == 204
    assert subscription_of(shop, profile)["plan"] == "max"
    shop.told(new, acknowledged=1)


def test_an_upgrade_by_another_profile(shop, profile):
    other = "other-" + profile
    old = shop.google.subscribe("pro_monthly")
    assert shop.verify(profile, old, "pro_monthly", "subscription").status == 200
    new = shop.google.subscribe("max_monthly", linked=old)
    assert shop.verify(other, new, "max_monthly", "subscription").status == 200
    assert not subscription_of(shop, profile)["active"] and subscription_of(shop, other)["plan"] == "max"


def test_what_an_admin_gave_is_not_shortened(shop, profile):
    token = shop.server.mint("root", ["admin"])
    grant = {"type": "subscription", "plan": "pro", "expiresAt": "2099-01-01T00:00:00Z"}
    assert shop.server.post("/api/entitlements/grant", {"profileId": profile, "grant": grant}, token=token).status == 200
    bought = shop.google.subscribe("pro_monthly")
    assert shop.verify(profile, bought, "pro_monthly", "subscription").status == 200
    shop.google.change(bought, state="EXPIRED", days=-0.01)
    assert shop.hear_of(bought).status == 204
    assert subscription_of(shop, profile) == {"plan": "pro", "active": True, "expiresAt": "2099-01-01T00:00:00.000Z", "source": None}


# --- notifications

def test_a_duplicate_changes_nothing(shop, profile):
    token = shop.google.buy("coins_100", state=2)
    shop.verify(profile, token)
    shop.google.change(token, purchaseState=0)
    message = shop.google.message("oneTimeProduct", purchaseToken=token, sku="coins_100", notificationType=1)
    assert {shop.hear("", message=message).status for _ in range(5)} == {204}
    assert shop.ledger(profile) == "coins 100"
    message_id = message["message"]["messageId"]
    assert shop.database.sql(f"SELECT outcome FROM webhook_event WHERE source = 'google' AND id = '{message_id}'") == "applied"


def test_a_storm_of_duplicates_at_once(shop, profile):
    token, statuses = shop.google.buy("coins_100", account=profile), []
    shop.verify(profile, shop.google.buy("coins_500"), "coins_500")
    message = shop.google.message("oneTimeProduct", purchaseToken=token, sku="coins_100", notificationType=1)
    threads = [threading.Thread(target=lambda: statuses.append(shop.hear("", message=message).status)) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) == {204} and shop.owned(profile)["coins"] == 600


def test_a_notification_is_a_hint_alone(shop, profile):
    token = shop.google.subscribe("pro_monthly")
    shop.verify(profile, token, "pro_monthly", "subscription")
    assert shop.hear("subscription", purchaseToken=token, notificationType=13, subscriptionId="pro_monthly").status == 204  # "expired": it isn't
    assert subscription_of(shop, profile)["active"]


def test_an_answer_that_was_overtaken_is_not_applied(shop, profile):
    """The first reading hangs at Google while the second, newer one takes effect."""
    token = shop.google.subscribe("pro_monthly")
    shop.verify(profile, token, "pro_monthly", "subscription")
    old = dict(shop.google.purchases[token]["body"])
    shop.twin.fault(f"GET .*{token}", times=1, hang=3, status=200, body=json.loads(json.dumps({**old, "subscriptionState": "SUBSCRIPTION_STATE_EXPIRED"})))
    shop.twin.forget_calls()
    late = threading.Thread(target=lambda: shop.hear_of(token))
    late.start()
    until(lambda: shop.twin.calls(f"GET .*{token}"), what="the first reading")
    newest_ms = shop.google.renew(token, days=90)
    assert shop.hear_of(token).status == 204
    late.join()
    assert ms_of(shop, profile) == newest_ms and subscription_of(shop, profile)["active"]
    assert "stale" in shop.database.sql("SELECT string_agg(outcome, ' ') FROM webhook_event WHERE source = 'google'")


def test_what_nobody_asked_for_yet_is_found_by_its_account(shop, profile):
    shop.verify(profile, shop.google.buy("coins_100"))
    token = shop.google.buy("coins_500", account=profile)
    assert shop.hear_of(token).status == 204 and shop.owned(profile)["coins"] == 600
    stranger = shop.google.buy("coins_500")
    assert shop.hear_of(stranger).status == 204 and shop.row(stranger, "count(*)") == "0"
    assert shop.verify(profile, stranger, "coins_500").json["entitlements"]["coins"] == 1100


def test_a_test_notification_and_others_are_taken(shop):
    for kind, more in (("test", {}), ("somethingNew", {}), ("subscription", {"package": "com.example.other", "purchaseToken": "x", "subscriptionId": "y"}),
                       ("subscription", {"purchaseToken": "unknown-to-google", "subscriptionId": "y"})):
        assert shop.hear(kind, **more).status == 204, kind
    assert shop.hear("", message={"message": {"data": "!!", "messageId": "1"}}).status == 204


def test_an_unknown_product_is_kept(shop, profile):
    shop.verify(profile, shop.google.buy("coins_100"))
    token = shop.google.buy("later", account=profile)
    message = shop.google.message("oneTimeProduct", purchaseToken=token, sku="later", notificationType=1)
    assert shop.hear("", message=message).status == 204
    kept = shop.database.sql(f"SELECT outcome || payload FROM webhook_event WHERE id = '{message['message']['messageId']}'")
    assert kept.startswith("unknown_product{") and token in kept
    until(lambda: [line for line in shop.server.lines(outcome="unknown_product") if line["level"] == 50], what="the alert")
    admin = shop.server.mint("root", ["admin"])
    assert shop.server.request("PUT", "/api/products/google/later", body={"coins": 70}, token=admin).status in (200, 201)
    until(lambda: shop.owned(profile)["coins"] == 170, 40, "what was kept to be replayed")
    shop.told(token, consumed=1)
    until(lambda: shop.database.sql(f"SELECT outcome || (payload IS NULL) FROM webhook_event WHERE id = '{message['message']['messageId']}'")
          == "appliedtrue", what="its mark")


def test_what_came_while_google_was_away_comes_again(shop, profile):
    token = shop.google.subscribe("pro_monthly")
    shop.verify(profile, token, "pro_monthly", "subscription")
    ends_ms = shop.google.renew(token, days=77)
    message = shop.google.message("subscription", purchaseToken=token, subscriptionId="pro_monthly", notificationType=2)
    shop.twin.fault(f"GET .*{token}", times=2, status=503)
    assert [shop.hear("", message=message).status for _ in range(4)] == [503, 503, 204, 204]
    assert ms_of(shop, profile) == ends_ms and shop.ledger(profile) == "subscription pro, subscription pro"


@pytest.mark.parametrize("wrong", [
    {"audience": "https://other.example.com"}, {"email": "other@twin.iam.gserviceaccount.com"}, {"email_verified": False}, {"email_verified": "true"},
    {"iss": "https://evil.example.com"}, {"exp": 1000}, {"forged": True}, {"header": {"kid": "unknown"}}, {"header": {"alg": "none"}},
    {"header": {"alg": "HS256"}}])
def test_who_isnt_google_is_refused(shop, profile, wrong):
    claims = {"audience": AUDIENCE, "email": EMAIL, **wrong}
    token = shop.google.subscribe("pro_monthly", account=profile)
    shop.twin.forget_calls()
    answer = shop.hear("subscription", authorization="Bearer " + shop.google.push_token(**claims), purchaseToken=token, subscriptionId="pro_monthly")
    assert answer.status == 401 and "WWW-Authenticate" in answer.headers, answer.body
    assert not shop.twin.calls("GET .*tokens")


def test_no_token_at_all(shop):
    assert shop.server.post("/api/webhooks/google", shop.google.message("test")).status == 401
    assert shop.server.post("/api/webhooks/google", shop.google.message("test"), headers={"Authorization": "Basic eDp5"}).status == 401


def test_googles_keys_are_asked_for_once(open_shop):
    shop = open_shop(WORKERS="1")
    threads = [threading.Thread(target=lambda: shop.hear("test")) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert shop.hear("test").status == 204 and len(shop.twin.calls("GET /certs")) == 1


def test_googles_keys_away(open_shop):
    shop = open_shop(WORKERS="1")
    shop.twin.fault("GET /certs", status=500)
    answer = shop.hear("test")
    assert answer.status == 503 and answer.headers["Retry-After"]
    shop.twin.heal()
    assert shop.hear("test").status == 204


# --- what Google takes back

def void_and_hear(shop, token, **more):
    shop.google.void(token, **more)
    return shop.hear("voided", purchaseToken=token, orderId="x", productType=2, refundType=1)


def test_a_refund_is_debited(shop, profile):
    token = shop.google.buy("coins_100")
    shop.verify(profile, token)
    assert void_and_hear(shop, token).status == 204
    until(lambda: shop.owned(profile)["coins"] == 0, 40, "the debit")
    assert shop.row(token, "state") == "refunded" and shop.ledger(profile) == "coins 100, refund 100"
    detail(shop.verify(profile, token), 409)
    assert shop.ledger(profile) == "coins 100, refund 100"


def test_a_refund_of_spent_coins_is_a_debt(shop, profile):
    token = shop.google.buy("coins_500")
    shop.verify(profile, token, "coins_500")
    admin = shop.server.mint("root", ["admin"])
    assert shop.server.post("/api/entitlements/grant", {"profileId": profile, "grant": {"type": "revoke", "amount": 400}}, token=admin).status == 200
    assert void_and_hear(shop, token).status == 204
    until(lambda: shop.owned(profile)["debt"] == 400, 40, "the debt")
    assert shop.owned(profile)["coins"] == 0
    shop.verify(profile, shop.google.buy("coins_500"), "coins_500")
    assert (shop.owned(profile)["coins"], shop.owned(profile)["debt"]) == (100, 0)


def test_a_part_is_taken_back(shop, profile):
    token = shop.google.buy("coins_100", quantity=5)
    shop.verify(profile, token)
    assert void_and_hear(shop, token, quantity=2).status == 204
    until(lambda: shop.owned(profile)["coins"] == 300, 40, "the debit")
    shop.google.void(token, quantity=1, listed=False)
    assert shop.hear_of(token).status == 204 and shop.owned(profile)["coins"] == 200
    assert void_and_hear(shop, token).status == 204
    until(lambda: shop.owned(profile)["coins"] == 0, 40, "the rest")
    assert shop.ledger(profile) == "coins 500, refund 200, refund 100, refund 200"


def test_an_entry_that_makes_no_sense_holds_up_no_other(shop, profile):
    odd, other = shop.google.buy("coins_100", quantity=2), shop.google.buy("coins_500")
    shop.verify(profile, odd)
    shop.verify(profile, other, "coins_500")
    shop.twin.fault(f"GET .*{odd}", status=200, body={"purchaseTimeMillis": "1", "quantity": -1})
    shop.google.void(odd, quantity=1)
    assert void_and_hear(shop, other).status == 204
    until(lambda: shop.owned(profile)["coins"] == 200, 40, "the debit of the one behind it")
    shop.twin.heal()
    assert void_and_hear(shop, odd).status == 204
    until(lambda: shop.owned(profile)["coins"] == 0, 40, "the other one's")


def test_a_revoked_subscription_ends(shop, profile):
    token = shop.google.subscribe("pro_monthly")
    shop.verify(profile, token, "pro_monthly", "subscription")
    assert void_and_hear(shop, token).status == 204
    until(lambda: not subscription_of(shop, profile)["active"], 40, "the end")
    assert shop.ledger(profile) == "subscription pro, refund pro"
    shop.google.renew(token)
    assert shop.hear_of(token).status == 204 and subscription_of(shop, profile)["active"]


def test_a_storm_of_refunds(open_shop, profile):
    shop = open_shop()
    shop.google.page_size = 7
    bought = [shop.google.buy("coins_100") for _ in range(40)]
    for token in bought:
        assert shop.verify(profile, token).status == 200
    statuses = [void_and_hear(shop, token).status for token in bought for _ in range(2)]
    shop.google.page_size = 1000
    assert set(statuses) == {204}
    until(lambda: shop.owned(profile)["coins"] == 0, 60, "all debits")
    assert shop.ledger(profile).count("refund") == 40 and shop.owned(profile)["debt"] == 0


def test_the_sweep_at_the_start_finds_what_nobody_told(open_shop, profile, seeded):
    shop = open_shop()
    token = shop.google.buy("coins_100")
    shop.verify(profile, token)
    shop.server.stop()
    shop.google.void(token)
    seeded.sql("UPDATE iap_sweep SET swept_at = now() - interval '2 hours', leased_until = NULL")
    again = open_shop()
    until(lambda: again.owned(profile)["coins"] == 0, 40, "the sweep")
    assert again.ledger(profile) == "coins 100, refund 100"
    until(lambda: seeded.sql("SELECT swept_at > now() - interval '1 minute' FROM iap_sweep WHERE store = 'google'") == "t", what="its end")


def test_one_of_all_workers_sweeps(open_shop, seeded):
    seeded.sql("UPDATE iap_sweep SET swept_at = now() - interval '2 hours', leased_until = NULL WHERE store = 'google'")
    shops = [open_shop(WORKERS="2") for _ in range(2)]
    until(lambda: shops[0].twin.calls("GET .*voidedpurchases"), what="the sweep")
    until(lambda: all(s.server.metric('db_query_duration_seconds_count{statement="sweep_claim"}') >= 2 for s in shops), 30, "all to have asked")
    assert len(shops[0].twin.calls("GET .*voidedpurchases")) == 1


def test_a_renewal_that_nobody_told_of_is_found(open_shop, profile, seeded):
    shop = open_shop(WORKERS="1")
    token, paid = shop.google.subscribe("pro_monthly"), shop.google.buy("coins_100", state=2)
    shop.verify(profile, token, "pro_monthly", "subscription")
    assert shop.verify(profile, paid).status == 202
    shop.google.change(paid, purchaseState=0)
    ends_ms = shop.google.renew(token, days=30)
    # a month later, in which no notification came
    seeded.sql(f"UPDATE iap_purchase SET observed_at = now() - interval '1 month', expires_at = now() - interval '1 minute' WHERE token = '{token}';"
               f"UPDATE iap_purchase SET observed_at = now() - interval '1 month' WHERE token = '{paid}';"
               f"UPDATE ent_subscription SET expires_at = now() - interval '1 minute' WHERE profile = '{profile}';"
               "UPDATE iap_sweep SET due_at = now() WHERE store = 'google'")
    until(lambda: subscription_of(shop, profile)["active"] and shop.owned(profile)["coins"] == 100, 40, "the renewal and the payment")
    assert ms_of(shop, profile) == ends_ms
    shop.told(paid, consumed=1)


def test_a_sweep_that_fails_is_made_again_soon(open_shop, seeded):
    before = "2026-01-01 00:00:00+00"
    seeded.sql(f"UPDATE iap_sweep SET swept_at = '{before}', leased_until = NULL WHERE store = 'google'")
    shop = open_shop(WORKERS="1")
    shop.twin.fault("voidedpurchases", status=500)
    seeded.sql("UPDATE iap_sweep SET swept_at = '2026-01-01', due_at = now() WHERE store = 'google'")
    until(lambda: shop.server.lines(msg="a sweep of Google's voided purchases didn't come to its end"), 30, "the failure")
    until(lambda: seeded.sql("SELECT due_at BETWEEN now() AND now() + interval '6 minutes' AND leased_until IS NULL FROM iap_sweep WHERE store = 'google'")
          == "t", what="the next one")
    assert seeded.sql("SELECT swept_at = '2026-01-01' FROM iap_sweep WHERE store = 'google'") == "t"


# --- Google away, slow, lying

def open_fds(server):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.workers())


def test_a_hanging_store_is_503_and_leaks_nothing(open_shop, profile):
    shop = open_shop(WORKERS="1")
    token = shop.google.buy("coins_100")
    shop.verify(profile, shop.google.buy("coins_500"), "coins_500")
    shop.told(list(shop.google.purchases)[-1], consumed=1)
    before = open_fds(shop.server)
    shop.twin.fault(f"GET .*{token}", hang=60)
    answers, begun = [], time.monotonic()
    threads = [threading.Thread(target=lambda: answers.append(shop.verify(profile, token))) for _ in range(20)]
    for t in threads:
        t.start()
    while len(shop.twin.calls(f"GET .*{token}")) < 20:
        time.sleep(0.01)
    assert shop.owned(profile)["coins"] == 500 and not answers  # others are served meanwhile
    for t in threads:
        t.join()
    assert {a.status for a in answers} == {503} and all(int(a.headers["Retry-After"]) >= 1 for a in answers)
    assert time.monotonic() - begun < 20
    until(lambda: open_fds(shop.server) <= before + 2, what="the connections to be closed")
    shop.twin.heal()
    assert shop.verify(profile, token).status == 200


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"status": 429}, {"status": 403}, {"cut": True}, {"status": 200, "body": [1]},
                                   {"status": 200, "body": {"kind": "something else"}}, {"status": 200, "body": {"subscriptionState": "ACTIVE"}}])
@pytest.mark.parametrize("type", ["product", "subscription"])
def test_a_store_that_fails_or_lies_is_503(shop, profile, fault, type):
    token = shop.google.buy("coins_100") if type == "product" else shop.google.subscribe("pro_monthly")
    shop.twin.fault(f"GET .*{token}", **fault)
    answer = shop.verify(profile, token, "coins_100" if type == "product" else "pro_monthly", type)
    assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, answer.body
    assert shop.row(token, "count(*)") == "0"


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 400, "body": {"error": "invalid_grant"}}, {"hang": 60}, {"status": 200, "body": {}}])
def test_no_access_token_is_503(open_shop, twin, profile, fault):
    twin.fault("POST /token", **fault)  # from the start on: a sweep or the outbox may ask for one first
    shop = open_shop(WORKERS="1")
    answer = shop.verify(profile, shop.google.buy("coins_100"))
    assert answer.status == 503 and answer.headers["Retry-After"]


def test_the_access_token_is_asked_for_once_and_anew_when_it_is_refused(open_shop, profile):
    shop = open_shop(WORKERS="1")
    tokens = [shop.google.buy("coins_100") for _ in range(10)]
    shop.twin.forget_calls()
    statuses = []
    threads = [threading.Thread(target=lambda t=t: statuses.append(shop.verify(profile, t).status)) for t in tokens]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) == {200} and len(shop.twin.calls("POST /token")) <= 1
    shop.google.expire_access()
    shop.twin.forget_calls()
    assert shop.verify(profile, shop.google.buy("coins_100")).status == 200
    assert len(shop.twin.calls("POST /token")) == 1


def test_a_trace_is_passed_on(open_shop, profile):
    shop, trace, span = open_shop(WORKERS="1"), "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    token = shop.google.buy("coins_100")
    shop.twin.forget_calls()
    body = {"packageName": "com.collab.supernova", "productId": "coins_100", "purchaseToken": token, "type": "product"}
    push = {"Authorization": "Bearer " + shop.google.push_token(AUDIENCE, EMAIL)}
    message = shop.google.message("oneTimeProduct", purchaseToken=token, notificationType=1, sku="coins_100")
    for path, asked, headers in (("/api/iap/google/verify", body, {"Authorization": "Bearer " + shop.server.mint(profile)}),
                                 ("/api/webhooks/google", message, push)):
        told = shop.server.post(path, asked, headers={**headers, "traceparent": f"00-{trace}-{span}-01"})
        assert told.status in (200, 204)
        ours = told.headers["Traceparent"]
        assert ours.startswith(f"00-{trace}-") and span not in ours
        seen = [call["traceparent"] for call in shop.twin.calls("GET .*" + token)]
        assert seen[-1] == ours, "each request has a span of its own"
    shop.told(token, consumed=1)
    assert [call["traceparent"] for call in shop.twin.calls(":consume$")] == [None], "for nobody's sake"
    for match in ("POST /token", "GET /certs"):
        assert all(call["traceparent"] is None or trace in call["traceparent"] for call in shop.twin.calls(match))
    assert trace in shop.twin.calls("GET /certs")[0]["traceparent"]


def test_an_access_token_is_not_used_to_its_end(open_shop, profile):
    shop = open_shop(WORKERS="1")
    shop.google.token_life_s = 300  # which is when it is given up
    try:
        shop.twin.forget_calls()
        for _ in range(3):
            assert shop.verify(profile, shop.google.buy("for_ever"), "for_ever").status == 200
        assert len(shop.twin.calls("POST /token")) >= 3
    finally:
        shop.google.token_life_s = 3600


def test_the_database_away_between(start, twin, seeded, profile):
    proxy = Proxy(*seeded.address())
    shop = Shop(start(**environment(twin, DATABASE_URL=seeded.through(proxy.port))), twin, seeded)
    token = shop.google.buy("coins_100")
    shop.tokens[profile] = shop.server.mint(profile)
    proxy.cut()
    answer = shop.verify(profile, token)
    assert answer.status == 503 and answer.headers["Retry-After"]
    proxy.restore()
    until(lambda: shop.verify(profile, token).status == 200, what="the database to be back")
    assert shop.ledger(profile) == "coins 100"
    shop.told(token, consumed=1)
    proxy.close()


# --- the outbox

def test_409_and_400_are_read_again_first(shop, profile):
    for status in (409, 400):
        token = shop.google.buy("coins_100")
        shop.twin.forget_calls()
        shop.twin.fault(f"POST .*{token}:consume", times=1, status=status)
        assert shop.verify(profile, token).status == 200
        shop.told(token, consumed=1)
        until(lambda: not shop.owed(token), what="the outbox")
        calls = [f"{c['method']} {c['status']}" for c in shop.twin.calls(token) if c["status"] != 401]
        assert calls == ["GET 200", f"POST {status}", "GET 200", "POST 204"], calls


def test_a_call_that_came_through_unheard_is_not_made_again(shop, profile):
    for fault in ({"status": 409}, {"hang": 6}, {"cut": True}, {"status": 500}):
        token = shop.google.subscribe("pro_monthly")
        shop.twin.fault(f"POST .*{token}:acknowledge", times=1, apply=True, **fault)
        assert shop.verify(profile, token, "pro_monthly", "subscription").status == 200
        until(lambda: not shop.owed(token), 30, "the outbox")
        assert shop.google.counts(token)["acknowledged"] == 1
        # a connection that was kept and closes without a byte may have died before: the client sends once more, and Google refuses it
        assert len(shop.twin.calls(f"POST .*{token}:acknowledge")) <= (2 if "cut" in fault else 1)


def test_what_was_taken_back_before_it_was_told_is_let_go(shop, profile):
    token = shop.google.buy("coins_100")
    shop.twin.fault(f"POST .*{token}:consume", status=503)
    shop.verify(profile, token)
    until(lambda: shop.twin.calls(f"POST .*{token}:consume"), what="the first call")
    shop.google.void(token)
    until(lambda: shop.database.sql(f"SELECT outcome FROM outbox WHERE token = '{token}'") == "obsolete", 40, "the row")


@pytest.mark.parametrize("moment", ["at once", "during the call", "after the call"])
def test_told_exactly_once_though_the_server_is_killed(open_shop, profile, moment):
    shop = open_shop(WORKERS="1")
    bought = [shop.google.buy("coins_100") for _ in range(3)]
    if moment != "at once":
        shop.twin.fault(":consume$", times=3, hang=3, **({"apply": True} if moment == "after the call" else {}))
    for token in bought:
        assert shop.verify(profile, token).status == 200
    if moment != "at once":
        until(lambda: len(shop.twin.calls(":consume$")) == 3, what="the calls")
    for pid in [*shop.server.workers(), shop.server.process.pid]:
        os.kill(pid, signal.SIGKILL)
    shop.server.process.wait()
    shop.server.process.returncode = 0
    again = open_shop(WORKERS="1")
    again.database.sql("UPDATE outbox SET leased_until = now() WHERE leased_until > now()")  # the dead worker's leases, half a minute later
    for token in bought:
        until(lambda: not again.owed(token), 60, "the outbox")
        assert again.google.counts(token)["consumed"] == 1
    assert again.owned(profile)["coins"] == 300 and again.ledger(profile) == "coins 100, coins 100, coins 100"


def test_many_workers_and_pods_tell_once(open_shop, profile):
    shops = [open_shop(WORKERS="2") for _ in range(2)]
    bought = [shops[0].google.buy("coins_100") for _ in range(30)]
    for i, token in enumerate(bought):
        assert shops[i % 2].verify(profile, token).status == 200
    for token in bought:
        shops[0].told(token, consumed=1)
        until(lambda: not shops[0].owed(token), what="the outbox")
        assert len(shops[0].twin.calls(f"POST .*{token}:consume")) == 1


def test_what_is_nearly_too_late_is_an_alarm(shop, profile):
    token = shop.google.buy("coins_100")
    shop.twin.fault(f"{token}:consume", status=503)
    shop.verify(profile, token)
    shop.database.sql(f"UPDATE outbox SET deadline_at = now() + interval '1 hour' WHERE token = '{token}'")
    until(lambda: shop.server.metric('supernova_outbox_overdue{store="google"}') >= 1, 60, "the metric")
    assert shop.server.lines(msg="purchases are about to be taken back: Google could not be told of them")
    shop.twin.heal()
    shop.told(token, consumed=1)
    until(lambda: shop.server.metric('supernova_outbox_overdue{store="google"}') == 0, 60, "the metric's end")


# --- the twin itself

def test_the_twin_is_a_program_too():
    program = subprocess.Popen([sys.executable, str(ROOT / "api-server/store-twin/store_twin.py")], stdout=subprocess.PIPE, text=True)
    try:
        url = program.stdout.readline().strip()

        def ask(method, path, body=None):
            request = urllib.request.Request(url + path, json.dumps(body).encode() if body is not None else None, method=method)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                return json.load(answer)

        token = ask("POST", "/twin/google/buy", {"product_id": "coins_100", "quantity": 2})["result"]
        assert ask("POST", "/twin/google/counts", {"token": token})["result"] == {"acknowledged": 0, "consumed": 0}
        assert ask("GET", "/certs")["keys"][0]["kty"] == "RSA"
        ask("POST", "/twin/faults", {"match": "/certs", "times": 1, "status": 200, "body": {"a": "lie"}})
        assert ask("GET", "/certs") == {"a": "lie"} and "keys" in ask("GET", "/certs")
        assert [call["status"] for call in ask("GET", "/twin/calls?match=certs")["result"]] == [200, 200, 200]
        assert ask("POST", "/twin/clock", {"add_ms": 86400000})["result"] > time.time() * 1000 + 86000000
    finally:
        program.terminate()
        program.wait(10)
