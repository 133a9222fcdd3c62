"""CollabPay's webhook: who may send, what takes effect, and that it does so once."""

import hashlib
import hmac
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import insist, run, until

PATH = "/api/webhooks/collabpay"
SECRET, PREVIOUS = "collab-pay-secret-in-force-0123456789", "collab-pay-secret-before-0123456789ab"


@pytest.fixture(scope="module")
def server(start_shared, database):
    assert run("seed", env={"DATABASE_URL": database.url, "TERMINATION_LOG": "/dev/null"}).returncode == 0
    return start_shared(COLLAB_PAY_WEBHOOK_SECRET=SECRET, COLLAB_PAY_WEBHOOK_SECRET_PREVIOUS=PREVIOUS)


def deliver(server, event, secret=SECRET, ago_s=0, **headers):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    timestamp = str(int(time.time()) - ago_s)
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    named = {"x-collab-timestamp": timestamp, "x-collab-signature": mac, "x-collab-id": secrets.token_hex(8), "Content-Type": "application/json"}
    given = {**named, **headers}
    return server.post(PATH, body, headers={name: value for name, value in given.items() if value is not None})


def paid(profile, event="coins.credited", **more):
    if event == "coins.credited":
        more.setdefault("amount", 5)
    return {"event": event, "paymentId": "pay-" + secrets.token_hex(6), "profileId": profile, **more}


def owned(server, profile):
    return server.get(f"/api/entitlements/{profile}", token=server.mint(profile)).json["entitlements"]


def rows(database, profile):
    return int(database.sql(f"SELECT count(*) FROM ent_ledger WHERE profile = '{profile}'"))


def test_each_event_has_its_effect(server, profile):
    assert deliver(server, paid(profile, "payment.succeeded", productId="coins_500", quantity=2)).json == {"ok": True, "outcome": "applied"}
    assert owned(server, profile)["coins"] == 1000
    assert deliver(server, paid(profile, amount=7)).status == 200
    assert owned(server, profile)["coins"] == 1007
    assert deliver(server, paid(profile, "subscription.activated", plan="pro", expiresAt="2099-01-01T00:00:00Z")).status == 200
    assert owned(server, profile)["subscription"] == {"plan": "pro", "active": True, "expiresAt": "2099-01-01T00:00:00.000Z", "source": "collabpay"}
    assert deliver(server, paid(profile, "subscription.cancelled", plan="pro", expiresAt="2098-01-01T00:00:00Z")).status == 200
    assert owned(server, profile)["subscription"]["expiresAt"] == "2098-01-01T00:00:00.000Z", "it goes on until then"
    assert deliver(server, paid(profile, "subscription.cancelled", plan="pro")).status == 200
    assert owned(server, profile)["subscription"]["active"] is False


def test_a_product_that_is_a_plan_is_given_until_its_end(server, profile):
    assert deliver(server, paid(profile, "payment.succeeded", productId="pro_monthly", expiresAt="2099-01-01T00:00:00Z")).status == 200
    assert owned(server, profile)["subscription"]["expiresAt"] == "2099-01-01T00:00:00.000Z"


def test_a_cancellation_of_a_plan_that_is_not_held_takes_nothing(server, profile):
    deliver(server, paid(profile, "subscription.activated", plan="pro"))
    for more in ({}, {"expiresAt": "2098-01-01T00:00:00Z"}):
        assert deliver(server, paid(profile, "subscription.cancelled", plan="other", **more)).status == 200
    assert owned(server, profile)["subscription"] == {"plan": "pro", "active": True, "expiresAt": None, "source": "collabpay"}


def test_a_cancellation_never_makes_a_plan_longer(server, profile):
    deliver(server, paid(profile, "subscription.activated", plan="pro", expiresAt="2090-01-01T00:00:00Z"))
    assert deliver(server, paid(profile, "subscription.cancelled", plan="pro", expiresAt="2099-01-01T00:00:00Z")).status == 200
    assert owned(server, profile)["subscription"]["expiresAt"] == "2090-01-01T00:00:00.000Z"


def test_the_same_payment_again_changes_nothing(server, database, profile):
    event = paid(profile)
    assert deliver(server, event).json["outcome"] == "applied"
    again = [deliver(server, event), deliver(server, json.dumps(event, indent=4).encode()), deliver(server, event, ago_s=60)]
    assert [(a.status, a.json["outcome"]) for a in again] == [(200, "repeated")] * 3
    assert owned(server, profile)["coins"] == 5 and rows(database, profile) == 1


def test_the_same_payment_with_another_body_is_a_conflict(server, profile):
    event = paid(profile)
    assert deliver(server, event).status == 200
    assert deliver(server, {**event, "amount": 6}).status == 409
    assert owned(server, profile)["coins"] == 5


def test_one_payment_may_have_several_events(server, profile):
    event = paid(profile, "subscription.activated", plan="pro")
    assert deliver(server, event).json["outcome"] == "applied"
    assert deliver(server, {**event, "event": "subscription.cancelled"}).json["outcome"] == "applied"
    assert owned(server, profile)["subscription"]["active"] is False


def test_twins_take_effect_once(server, database, profile):
    events = [paid(profile, amount=1) for _ in range(20)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda event: insist(lambda: deliver(server, event)), events * 5))
    assert {a.status for a in answers} == {200}
    assert sum(a.json["outcome"] == "applied" for a in answers) == 20
    assert owned(server, profile)["coins"] == 20 and rows(database, profile) == 20


def test_an_unknown_product_is_kept_until_the_catalogue_has_it(server, database, profile):
    product = "new_" + secrets.token_hex(4)
    event = paid(profile, "payment.succeeded", productId=product, quantity=3)
    for _ in range(2):
        answer = deliver(server, event)
        assert (answer.status, answer.json["outcome"]) == (202, "kept")
    assert deliver(server, {**event, "quantity": 4}).status == 409
    until(lambda: server.metric('supernova_webhooks_total{source="collabpay",outcome="unknown_product"}') >= 2, what="the count")
    server.said(level=50, msg="an event of CollabPay's", productId=product)
    admin = server.mint("boss", ["admin"])
    assert server.request("PUT", f"/api/products/collabpay/{product}", {"coins": 10}, token=admin).status == 201
    assert owned(server, profile)["coins"] == 30
    assert deliver(server, event).json["outcome"] == "repeated"
    assert rows(database, profile) == 1
    assert database.sql(f"SELECT outcome, payload FROM webhook_event WHERE id LIKE '%{event['paymentId']}'") == "applied|"


def test_more_coins_than_a_balance_holds_are_refused_and_noted(server, profile):
    assert deliver(server, paid(profile, amount=2**53 - 1)).status == 200
    event = paid(profile, amount=1)
    answer = deliver(server, event)
    assert answer.status == 422 and answer.wrong_fields() == {"amount"}
    assert owned(server, profile)["coins"] == 2**53 - 1


def test_what_was_refused_so_takes_effect_when_it_is_sent_again_and_there_is_room(server, profile):
    assert deliver(server, paid(profile, amount=2**53 - 1)).status == 200
    event = paid(profile, amount=1)
    assert [deliver(server, event).status for _ in range(2)] == [422, 422]
    boss = server.mint("boss", ["admin"])
    taken = server.post("/api/entitlements/grant", {"profileId": profile, "grant": {"type": "revoke", "amount": 1}}, token=boss)
    assert taken.status == 200
    assert [deliver(server, event).json["outcome"] for _ in range(2)] == ["applied", "repeated"]
    assert owned(server, profile)["coins"] == 2**53 - 1


def test_a_payment_is_remembered_longer_than_its_delivery(server, start, database, profile):
    event = paid(profile)
    assert deliver(server, event).json["outcome"] == "applied"
    kept = f"SELECT count(*) FROM webhook_event WHERE id LIKE '%{event['paymentId']}'"
    database.sql(f"UPDATE webhook_event SET received_at = now() - interval '91 days' WHERE id LIKE '%{event['paymentId']}'")
    other = start()  # whichever of them comes first, soon after its start
    until(lambda: database.sql(kept) == "0", what="it to be forgotten")
    until(lambda: [line for s in (server, other) for line in s.lines(msg="what is old is forgotten")], what="the log's line")
    assert deliver(server, event).json["outcome"] == "repeated"
    assert deliver(server, {**event, "amount": 6}).status == 409
    assert owned(server, profile)["coins"] == 5 and rows(database, profile) == 1


def test_other_events_are_taken_and_passed_over(server, database, profile):
    assert deliver(server, {"event": "payout.settled", "anything": [1]}).json == {"ok": True, "outcome": "ignored"}
    assert deliver(server, {**paid(profile), "somethingNew": {"a": 1}}).status == 200, "fields that we don't know are no fault"
    assert owned(server, profile)["coins"] == 5


@pytest.mark.parametrize("event, wrong", [
    ({"event": "coins.credited"}, {"paymentId", "profileId", "amount"}),
    (paid("p", amount=0), {"amount"}),
    (paid("p", amount="5"), {"amount"}),
    (paid("p", amount=1.5), {"amount"}),
    (paid("x" * 257), {"profileId"}),
    (paid("p", "payment.succeeded"), {"productId"}),
    (paid("p", "payment.succeeded", productId="c", quantity=1001), {"quantity"}),
    (paid("p", "subscription.activated", expiresAt="tomorrow"), {"plan", "expiresAt"}),
    ({**paid("p"), "paymentId": "x" * 201}, {"paymentId"}),
])
def test_wrong_fields_are_named(server, event, wrong):
    answer = deliver(server, event)
    assert answer.status == 422 and answer.wrong_fields() == wrong


@pytest.mark.parametrize("how, sentence", [
    ({"secret": "not-the-secret-of-anybody-0123456789"}, "The signature is not one of this timestamp and body."),
    ({"x-collab-signature": "00"}, "The signature is not one of this timestamp and body."),
    ({"x-collab-signature": None}, "The fields x-collab-timestamp and x-collab-signature are required."),
    ({"x-collab-timestamp": None}, "The fields x-collab-timestamp and x-collab-signature are required."),
    ({"x-collab-timestamp": "1"}, "The signature is not one of this timestamp and body."),
    ({"ago_s": 1000}, "The timestamp is more than 300 s from this server's time."),
    ({"ago_s": -1000}, "The timestamp is more than 300 s from this server's time."),
])
def test_who_does_not_sign_is_refused(server, database, profile, how, sentence):
    answer = deliver(server, paid(profile), **how)
    assert answer.status == 401 and answer.json["detail"] == sentence
    assert answer.headers["WWW-Authenticate"] == 'CollabSignature realm="supernova"'
    assert rows(database, profile) == 0


def test_a_signed_body_that_is_no_json_is_refused(server):
    for body in (b"", b"{", b"[]", b'{"event":"a","event":"b"}'):
        assert deliver(server, body).status in (400, 411)
    assert deliver(server, paid("p"), **{"Content-Type": "text/plain"}).status == 415


def test_the_secret_before_is_accepted_and_counted(server, profile):
    series = 'supernova_secret_previous_used_total{key="COLLAB_PAY_WEBHOOK_SECRET"}'
    before = server.metric(series)
    assert deliver(server, paid(profile), secret=PREVIOUS).status == 200
    server.counted(series, before + 1)


def test_without_the_secret_nothing_is_served(start):
    server = start()
    answer = deliver(server, paid("p"))
    assert answer.status == 503 and "COLLAB_PAY_WEBHOOK_SECRET" in answer.json["detail"]


def test_guesses_are_limited_by_address_and_the_sender_is_not(start, profile):
    server = start(COLLAB_PAY_WEBHOOK_SECRET=SECRET, RATE_LIMIT_WRITE_MAX="3", RATE_LIMIT_WEBHOOK_MAX="5", REDIS_MODE="none", REDIS_URL="")
    assert [deliver(server, paid(profile), secret="x" * 32).status for _ in range(5)] == [401] * 3 + [429] * 2
    assert [deliver(server, paid(profile)).status for _ in range(7)] == [200] * 5 + [429] * 2


def test_nothing_secret_is_logged(server):
    assert SECRET not in server.logged() and PREVIOUS not in server.logged()
