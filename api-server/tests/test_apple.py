"""Purchases in the App Store, against store-twin: what a client is told, what the profile owns afterwards, and what notifications change."""

import secrets
import time

import pytest
from conftest import at_once, insist, until
from support_apple import DAY_MS, AppleShop, moment
from support_stores import COMMON, TESTER, seeded, shared_twin, twin  # noqa: F401


@pytest.fixture(scope="module")
def shop_server(start_shared, seeded, shared_twin):
    server = start_shared(DATABASE_URL=seeded.url, **COMMON, **shared_twin.apple.settings())
    yield server
    for secret in ("PRIVATE KEY", "eyJ"):
        assert secret not in server.logged(), secret


@pytest.fixture
def shop(shop_server, twin, seeded):
    return AppleShop(shop_server, twin, seeded)


# --- what a client shows


def test_coins_are_given_once_however_often_the_transaction_is_shown(shop, profile):
    number = shop.apple.buy("coins_100", account=profile)
    text = shop.apple.show(number)
    first = shop.verify(profile, text=text)
    assert first.status == 200, first.body
    assert first.headers["Cache-Control"] == "no-store"
    assert first.json == {"ok": True, "purchase": {"store": "apple", "productId": "coins_100", "type": "product", "state": "active", "quantity": 1,
                                                   "expiresAt": None, "test": False},
                          "entitlements": {"coins": 100, "debt": 0, "subscription": None}}
    for again in (text, text, shop.apple.show(number)):  # the same, and one that was signed later
        assert shop.verify(profile, text=again).body == first.body
    assert shop.ask(profile, number).body == first.body
    assert shop.owned(profile)["coins"] == 100
    assert shop.ledger(profile) == "coins 100"
    assert shop.database.sql(f"SELECT origin, source, actor FROM ent_ledger WHERE profile = '{profile}'") == "apple|apple|apple"


def test_shown_by_many_at_once(shop, profile):
    text = shop.apple.show(shop.apple.buy("coins_500", account=profile))
    answers = at_once(16, lambda _: insist(lambda: shop.verify(profile, text=text)))
    assert {a.status for a in answers} == {200} and len({a.body for a in answers}) == 1
    assert shop.ledger(profile) == "coins 500"


def test_a_quantity(shop, profile):
    assert shop.bought(profile, shop.apple.buy("coins_100", quantity=3))["entitlements"]["coins"] == 300


def test_a_transaction_by_its_id(shop, profile):
    number = shop.apple.buy("coins_100")
    answer = shop.ask(profile, number)
    assert answer.status == 200, answer.body
    assert answer.json["entitlements"]["coins"] == 100
    assert [c["target"] for c in shop.twin.calls("/inApps/v1/transactions")] == [f"/inApps/v1/transactions/{number}"]


def test_a_trace_is_passed_on(shop, profile):
    number, trace, span = shop.apple.buy("coins_100"), "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    told = shop.server.post("/api/iap/apple/verify", {"transactionId": number}, token=shop.token(profile),
                            headers={"traceparent": f"00-{trace}-{span}-01"})
    assert told.status == 200 and told.headers["Traceparent"].startswith(f"00-{trace}-") and span not in told.headers["Traceparent"]
    assert [call["traceparent"] for call in shop.twin.calls("transactions/" + number)] == [told.headers["Traceparent"]]


def test_what_is_not_in_production_is_asked_for_in_the_sandbox(shop):
    number = shop.apple.buy("coins_100", sandbox=True)
    answer = shop.ask(TESTER, number)
    assert answer.status == 200, answer.body
    assert answer.json["purchase"]["test"] is True
    assert [c["target"] for c in shop.twin.calls("/inApps/v1/transactions")] == [f"/inApps/v1/transactions/{number}",
                                                                              f"/sandbox/inApps/v1/transactions/{number}"]


def test_a_transaction_that_apple_does_not_know(shop, profile):
    answer = shop.ask(profile, "1")
    assert (answer.status, answer.json["errors"]) == (422, [{"field": "transactionId", "message": "is not known to the App Store"}])
    assert len(shop.twin.calls("/inApps/v1/transactions/1$")) == 2


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": 401}, {"status": 200, "body": b"no JSON"}, {"status": 200, "body": {}},
                                   {"cut": True}, {"hang": 30}], ids=str)
def test_the_app_store_is_away(shop, profile, fault):
    number = shop.apple.buy("coins_100")
    shop.twin.fault("/inApps/v1/transactions", **fault)
    answer = shop.ask(profile, number)
    assert answer.status == 503, answer.body
    assert int(answer.headers["Retry-After"]) >= 1
    shop.twin.heal()
    assert shop.ask(profile, number).json["entitlements"]["coins"] == 100


def test_something_for_ever(shop, profile):
    number = shop.apple.buy("for_ever", type="Non-Consumable")
    assert shop.bought(profile, number)["entitlements"]["subscription"]["plan"] == "gold"
    assert shop.plan(profile) == ("gold", None)
    restored = shop.apple.buy("for_ever", type="Non-Consumable", originalTransactionId=number)
    assert shop.bought(profile, restored)["purchase"]["state"] == "active"
    assert shop.ledger(profile) == "subscription gold"


def test_a_subscription(shop, profile):
    number = shop.apple.subscribe("pro_monthly", account=profile)
    answer = shop.bought(profile, number)
    ends_at = moment(shop.apple.transactions[number]["expiresDate"])
    assert answer["purchase"] == {"store": "apple", "productId": "pro_monthly", "type": "subscription", "state": "active", "quantity": 1,
                                  "expiresAt": ends_at, "test": False}
    assert shop.plan(profile) == ("pro", ends_at)


def test_an_old_period_changes_nothing_however_lately_it_was_signed(shop, profile):
    first = shop.apple.subscribe("pro_monthly", days=30)
    shop.bought(profile, first)
    second = shop.apple.renew(first, days=60)
    shop.bought(profile, second)
    ends_at = moment(shop.apple.transactions[second]["expiresDate"])
    assert shop.plan(profile) == ("pro", ends_at)
    assert shop.bought(profile, first)["purchase"]["expiresAt"] == ends_at
    assert shop.plan(profile) == ("pro", ends_at)
    assert shop.ledger(profile) == "subscription pro, subscription pro"


def test_a_new_period_counts_although_an_old_one_was_signed_later(shop, profile):
    first = shop.apple.subscribe("pro_monthly", days=30)
    second = shop.apple.renew(first, days=60)
    renewed = shop.apple.notify("DID_RENEW", second)
    shop.bought(profile, first)  # signed behind the renewal
    assert shop.hear(renewed).json["outcome"] == "done"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[second]["expiresDate"]))


def test_a_period_that_is_over_gives_nothing(shop, profile):
    number = shop.apple.subscribe("pro_monthly", days=-1)
    assert shop.bought(profile, number)["purchase"]["state"] == "expired"
    assert shop.plan(profile) is None
    assert shop.ledger(profile) == ""


def test_what_was_taken_back_before_it_was_shown_gives_nothing(shop, profile):
    number = shop.apple.buy("coins_100")
    shop.apple.refund(number)
    assert shop.bought(profile, number)["purchase"]["state"] == "refunded"
    assert shop.owned(profile) == {"coins": 0, "debt": 0, "subscription": None}
    assert shop.ledger(profile) == ""


def test_an_upgraded_subscription_gives_nothing(shop, profile):
    first = shop.apple.subscribe("pro_monthly")
    second = shop.apple.renew(first, product_id="max_monthly")
    assert shop.bought(profile, first)["purchase"]["state"] == "expired"
    assert shop.plan(profile) is None
    shop.bought(profile, second)
    assert shop.plan(profile)[0] == "max"


# --- two accounts


def test_a_purchase_belongs_to_one_profile(shop, profile):
    other = profile + "-other"
    number = shop.apple.buy("coins_100")
    shop.bought(profile, number)
    for _ in range(2):
        answer = shop.verify(other, number)
        assert (answer.status, answer.json["detail"]) == (409, "Another profile has this purchase.")
    assert profile not in answer.body.decode()
    assert (shop.owned(profile)["coins"], shop.owned(other)["coins"]) == (100, 0)
    assert shop.database.sql(f"SELECT why, claimant, holder FROM iap_conflict WHERE token = '{number}'") == f"token|{other}|{profile}"
    assert len(shop.server.said(2, msg="a purchase was shown", result="taken", profile=other, holder=profile)) == 2


def test_a_purchase_for_another_account(shop, profile):
    number = shop.apple.buy("coins_100", account=profile + "-other")
    answer = shop.verify(profile, number)
    assert (answer.status, answer.json["detail"]) == (409, "This was bought for another account.")
    assert shop.owned(profile)["coins"] == 0
    told = shop.apple.account(profile + "-other")
    assert shop.database.sql(f"SELECT why, claimant, holder FROM iap_conflict WHERE token = '{number}'") == f"account|{profile}|{told}"
    assert shop.bought(profile + "-other", number)["entitlements"]["coins"] == 100


def test_the_account_is_compared_without_regard_to_case(shop, profile):
    number = shop.apple.buy("coins_100", appAccountToken=shop.apple.account(profile).upper())
    assert shop.bought(profile, number)["entitlements"]["coins"] == 100


def test_two_accounts_at_once(shop, profile):
    text, profiles = shop.apple.show(shop.apple.buy("coins_100")), [f"{profile}-{i}" for i in range(8)]
    answers = at_once(8, lambda i: insist(lambda: shop.verify(profiles[i], text=text)))
    assert sorted(a.status for a in answers) == [200] + [409] * 7
    assert sum(shop.owned(each)["coins"] for each in profiles) == 100


# --- the sandbox


def test_the_sandbox_is_for_those_who_test(shop, profile):
    number = shop.apple.buy("coins_100", sandbox=True)
    answer = shop.verify(profile, number)
    assert (answer.status, answer.json["type"].rsplit("/", 1)[1]) == (403, "forbidden")
    assert shop.owned(profile)["coins"] == 0
    assert shop.row(number, "count(*)") == "0"
    assert shop.bought(TESTER, number)["purchase"]["test"] is True
    assert shop.database.sql(f"SELECT source, reason FROM ent_ledger WHERE profile = '{TESTER}' ORDER BY seq DESC LIMIT 1") == (
        f"apple-sandbox|active coins_100, order {number}, test purchase")


# --- what is refused


def damage(text, part, at=10):
    parts = text.split(".")
    replaced = "A" if parts[part][at] != "A" else "B"
    parts[part] = parts[part][:at] + replaced + parts[part][at + 1:]
    return ".".join(parts)


REFUSED = {
    "damaged signature": lambda a, n: damage(a.show(n), 2),
    "damaged payload": lambda a, n: damage(a.show(n), 1, 30),
    "no signature": lambda a, n: a.show(n).rsplit(".", 1)[0] + ".",
    "another authority": lambda a, n: a.show(n, a.stranger()),
    "another authority's key": lambda a, n: a.show(n, a.stranger(), header={"x5c": a.authority.x5c}),
    "no extension of the leaf": lambda a, n: a.show(n, a.stranger(leaf_oid=None)),
    "two certificates": lambda a, n: a.show(n, header={"x5c": a.authority.x5c[:2]}),
    "four certificates": lambda a, n: a.show(n, header={"x5c": a.authority.x5c + a.authority.x5c[2:]}),
    "alg none": lambda a, n: a.show(n, header={"alg": "none"}),
    "alg HS256": lambda a, n: a.show(n, header={"alg": "HS256"}),
    "no date": lambda a, n: a.show(n, signedDate=None),
    "signed before its certificates lived": lambda a, n: a.show(n, signedDate=1600000000000),
    "another app": lambda a, n: a.show(n, bundleId="com.example.other"),
    "Xcode": lambda a, n: a.show(n, environment="Xcode"),
    "another type": lambda a, n: a.show(n, type="Non-Renewing Subscription"),
    "no id": lambda a, n: a.show(n, transactionId=""),
    "an id with a path": lambda a, n: a.show(n, transactionId="../../etc"),
    "no product": lambda a, n: a.show(n, productId=""),
    "no quantity": lambda a, n: a.show(n, quantity=0),
    "a notification": lambda a, n: a.notify("SUBSCRIBED", n, listed=False),
    "not in the catalogue": lambda a, n: a.show(n, productId="coins_of_nobody"),
    "no text at all": lambda a, n: "x",
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(shop, profile, what):
    number = shop.apple.buy("coins_100")
    answer = shop.verify(profile, text=REFUSED[what](shop.apple, number))
    assert answer.status == 422, answer.body
    assert answer.wrong_fields() == {"signedPayload"}
    assert shop.row(number, "count(*)") == "0"
    assert shop.owned(profile)["coins"] == 0


@pytest.mark.parametrize("body, wrong", [({}, {"signedPayload"}), ({"signedPayload": "a.b.c", "transactionId": "1"}, {"signedPayload"}),
                                         ({"signedPayload": 1}, {"signedPayload"}), ({"transactionId": "x"}, {"transactionId"}),
                                         ({"transactionId": "1/../2"}, {"transactionId"}), ({"transactionId": "1" * 65}, {"transactionId"}),
                                         ({"transactionId": "1", "productId": "x"}, {"productId"}), ({"signedPayload": "x" * 131073}, {"signedPayload"})])
def test_bodies(shop, profile, body, wrong):
    answer = shop.server.post("/api/iap/apple/verify", body, token=shop.token(profile))
    assert answer.status == 422, answer.body
    assert answer.wrong_fields() == wrong


def test_a_verified_token_is_needed(shop):
    assert shop.server.post("/api/iap/apple/verify", {"transactionId": "1"}).status == 401


# --- notifications


def test_a_subscription_from_its_beginning_to_its_end(shop, profile):
    first = shop.apple.subscribe("pro_monthly", account=profile)
    shop.bought(profile, first)
    assert shop.heard("SUBSCRIBED", first, subtype="INITIAL_BUY") in ("done", "repeated")
    second = shop.apple.renew(first, days=40)
    ends_at = moment(shop.apple.transactions[second]["expiresDate"])
    assert shop.heard("DID_RENEW", second) == "done"
    assert shop.plan(profile) == ("pro", ends_at)
    assert shop.heard("DID_CHANGE_RENEWAL_STATUS", second, subtype="AUTO_RENEW_DISABLED", renews=False) == "done"
    assert (shop.row(first, "state"), shop.row(first, "auto_renew"), shop.plan(profile)) == ("cancelled", "f", ("pro", ends_at))
    assert shop.heard("DID_CHANGE_RENEWAL_STATUS", second, subtype="AUTO_RENEW_ENABLED") == "done"
    assert shop.row(first, "state") == "active"
    assert shop.heard("DID_CHANGE_RENEWAL_PREF", second, subtype="DOWNGRADE") in ("done", "repeated")
    assert shop.plan(profile) == ("pro", ends_at)
    shop.apple.change(second, expiresDate=shop.apple.transactions[second]["expiresDate"] + 5 * DAY_MS)
    assert shop.heard("RENEWAL_EXTENDED", second) == "done"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[second]["expiresDate"]))
    shop.apple.change(second, expiresDate=shop.apple.transactions[first]["purchaseDate"])
    assert shop.heard("EXPIRED", second, subtype="VOLUNTARY", status="expired", renews=False) == "done"
    assert (shop.row(first, "state"), shop.plan(profile)) == ("expired", None)
    third = shop.apple.renew(second, days=30)
    assert shop.heard("SUBSCRIBED", third, subtype="RESUBSCRIBE") == "done"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[third]["expiresDate"]))


def test_grace_and_its_end(shop, profile):
    number = shop.apple.subscribe("pro_monthly", days=0.00001)
    shop.bought(profile, number)
    until(lambda: shop.plan(profile) is None, what="the period's end")
    grace_until_ms = int(time.time() * 1000) + 16 * DAY_MS
    assert shop.heard("DID_FAIL_TO_RENEW", number, subtype="GRACE_PERIOD", status="grace", grace_until_ms=grace_until_ms) == "done"
    assert (shop.row(number, "state"), shop.plan(profile)) == ("grace", ("pro", moment(grace_until_ms)))
    shop.bought(profile, number)  # the transaction alone knows nothing of it, and takes nothing away
    assert shop.plan(profile) == ("pro", moment(grace_until_ms))
    assert shop.heard("GRACE_PERIOD_EXPIRED", number, status="retry") == "done"
    assert (shop.row(number, "state"), shop.plan(profile)) == ("hold", None)
    recovered = shop.apple.renew(number)
    assert shop.heard("DID_RENEW", recovered, subtype="BILLING_RECOVERY") == "done"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[recovered]["expiresDate"]))


def test_failing_to_renew_without_grace(shop, profile):
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    assert shop.heard("DID_FAIL_TO_RENEW", number, status="retry") in ("done", "repeated")
    assert shop.plan(profile)[0] == "pro"  # until what is paid is over
    shop.apple.change(number, expiresDate=int(time.time() * 1000) - 1)
    assert shop.heard("DID_FAIL_TO_RENEW", number, status="retry") == "done"
    assert (shop.row(number, "state"), shop.plan(profile)) == ("hold", None)


def test_an_upgrade_is_at_once_and_a_downgrade_later(shop, profile):
    first = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, first)
    second = shop.apple.renew(first, product_id="max_monthly")
    assert shop.heard("DID_CHANGE_RENEWAL_PREF", second, subtype="UPGRADE") == "done"
    ends_at = moment(shop.apple.transactions[second]["expiresDate"])
    assert shop.plan(profile) == ("max", ends_at)
    shop.bought(profile, first)
    assert shop.plan(profile) == ("max", ends_at)
    assert shop.heard("DID_CHANGE_RENEWAL_PREF", second, subtype="DOWNGRADE") in ("done", "repeated")
    assert shop.plan(profile) == ("max", ends_at)
    third = shop.apple.renew(second, product_id="pro_monthly")
    assert shop.heard("DID_RENEW", third) == "done"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[third]["expiresDate"]))
    assert shop.ledger(profile) == "subscription pro, subscription max, subscription pro"


def test_a_refund_of_coins_and_its_reversal(shop, profile):
    number = shop.apple.buy("coins_500")
    shop.bought(profile, number)
    shop.apple.refund(number)
    assert shop.heard("REFUND", number) == "done"
    assert shop.owned(profile)["coins"] == 0
    assert shop.bought(profile, number)["purchase"]["state"] == "refunded"
    shop.apple.reverse(number)
    assert shop.bought(profile, number)["entitlements"]["coins"] == 0  # a client's word is not enough
    assert shop.heard("REFUND_REVERSED", number) == "done"
    assert shop.owned(profile)["coins"] == 500
    assert shop.ledger(profile) == "coins 500, refund 500, coins 500"
    shop.apple.refund(number)
    assert shop.heard("REFUND", number) == "done"
    assert shop.owned(profile)["coins"] == 0


def test_a_refund_of_coins_that_are_spent_is_a_debt(shop, profile):
    number = shop.apple.buy("coins_500")
    shop.bought(profile, number)
    grant = {"profileId": profile, "grant": {"type": "revoke", "amount": 400}, "externalRef": "spent-" + secrets.token_hex(4)}
    assert shop.server.post("/api/entitlements/grant", grant, token=shop.server.mint("boss", ["admin"])).status == 200
    shop.apple.refund(number)
    assert shop.heard("REFUND", number) == "done"
    assert (shop.owned(profile)["coins"], shop.owned(profile)["debt"]) == (0, 400)
    shop.apple.reverse(number)
    assert shop.heard("REFUND_REVERSED", number) == "done"
    assert (shop.owned(profile)["coins"], shop.owned(profile)["debt"]) == (100, 0)


def test_a_part_of_it_is_refunded(shop, profile):
    number = shop.apple.buy("coins_100", quantity=4)
    shop.bought(profile, number)
    shop.apple.refund(number, revocationType="REFUND_PRORATED", revocationPercentage=50000)
    assert shop.heard("REFUND", number) == "done"
    assert shop.owned(profile)["coins"] == 200
    shop.apple.reverse(number)
    assert shop.heard("REFUND_REVERSED", number) == "done"
    assert shop.owned(profile)["coins"] == 400


def test_a_refund_of_a_subscription_and_its_reversal(shop, profile):
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    shop.apple.refund(number)
    assert shop.heard("REFUND", number, status="revoked") == "done"
    assert (shop.row(number, "state"), shop.plan(profile)) == ("refunded", None)
    shop.apple.reverse(number)
    assert shop.heard("REFUND_REVERSED", number) == "done"
    assert shop.plan(profile)[0] == "pro"
    assert shop.ledger(profile) == "subscription pro, refund pro, subscription pro"


def test_a_refund_of_a_period_that_is_past(shop, profile):
    first = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, first)
    second = shop.apple.renew(first, days=60)
    shop.bought(profile, second)
    shop.apple.refund(first)
    assert shop.heard("REFUND", first) == "stale"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[second]["expiresDate"]))


def test_something_for_ever_is_taken_back_from_the_family(shop, profile):
    number = shop.apple.buy("for_ever", type="Non-Consumable", inAppOwnershipType="FAMILY_SHARED")
    shop.bought(profile, number)
    shop.apple.refund(number, revocationType="FAMILY_REVOKE")
    assert shop.heard("REVOKE", number) == "done"
    assert shop.plan(profile) is None
    shop.apple.reverse(number)
    assert shop.heard("REFUND_REVERSED", number) == "done"
    assert shop.plan(profile) == ("gold", None)


def test_a_notification_that_comes_again(shop, profile):
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    text = shop.apple.notify("DID_RENEW", shop.apple.renew(number))
    assert [shop.hear(text).json["outcome"] for _ in range(3)] == ["done", "duplicate", "duplicate"]
    assert shop.ledger(profile) == "subscription pro, subscription pro"


def test_a_notification_that_comes_to_many_workers_at_once(shop, profile):
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    text = shop.apple.notify("DID_RENEW", shop.apple.renew(number))
    answers = at_once(12, lambda _: insist(lambda: shop.hear(text)))
    assert sorted(a.json["outcome"] for a in answers) == ["done"] + ["duplicate"] * 11


def test_notifications_in_any_order_lead_to_the_same(shop, profile):
    first = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, first)
    second = shop.apple.renew(first, days=40)
    told = [shop.apple.notify("DID_RENEW", second)]
    shop.apple.change(second, expiresDate=shop.apple.transactions[second]["expiresDate"] + DAY_MS)
    told.append(shop.apple.notify("RENEWAL_EXTENDED", second))
    told.append(shop.apple.notify("DID_CHANGE_RENEWAL_STATUS", second, subtype="AUTO_RENEW_DISABLED", renews=False))
    assert [shop.hear(text).json["outcome"] for text in reversed(told)] == ["done", "stale", "stale"]
    assert shop.row(first, "state") == "cancelled"
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[second]["expiresDate"]))


def test_everything_at_once(shop, profile):
    first = shop.apple.subscribe("pro_monthly", account=profile)
    number = shop.apple.buy("coins_500", account=profile)
    said = [(shop.verify, shop.apple.show(first)), (shop.verify, shop.apple.show(number)), (shop.hear, shop.apple.notify("ONE_TIME_CHARGE", number)),
            (shop.hear, shop.apple.notify("SUBSCRIBED", first))]
    periods = [first]
    for days in (40, 50, 60):
        periods.append(shop.apple.renew(periods[-1], days=days))
        said += [(shop.hear, shop.apple.notify("DID_RENEW", periods[-1])), (shop.verify, shop.apple.show(periods[-1]))]
    said.append((shop.hear, shop.apple.notify("DID_CHANGE_RENEWAL_STATUS", periods[-1], subtype="AUTO_RENEW_DISABLED", renews=False)))
    for turn in range(3):
        shop.apple.refund(number) if turn % 2 == 0 else shop.apple.reverse(number)
        said.append((shop.hear, shop.apple.notify("REFUND_REVERSED" if turn % 2 else "REFUND", number)))
    said += said
    secrets.SystemRandom().shuffle(said)
    shop.token(profile)
    refused = []

    def say(_):
        while True:
            try:
                how, text = said.pop()
            except IndexError:
                return
            answer = how(profile, text=text) if how == shop.verify else how(text)
            if answer.status == 503:
                said.insert(0, (how, text))  # as the sender would
            elif answer.status != 200:
                refused.append(answer.body)

    at_once(8, say)
    assert not refused
    assert (shop.row(first, "state"), shop.row(first, "auto_renew"), shop.row(number, "state")) == ("cancelled", "f", "refunded")
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[periods[-1]]["expiresDate"]))
    assert (shop.owned(profile)["coins"], shop.owned(profile)["debt"]) == (0, 0)
    assert shop.row(number, "granted - debited") == "0"


def test_a_reversal_that_comes_before_its_refund(shop, profile):
    number = shop.apple.buy("coins_500")
    shop.bought(profile, number)
    shop.apple.refund(number)
    refund = shop.apple.notify("REFUND", number)
    shop.apple.reverse(number)
    assert shop.heard("REFUND_REVERSED", number) in ("done", "repeated")
    assert shop.hear(refund).json["outcome"] == "stale"
    assert (shop.owned(profile)["coins"], shop.ledger(profile)) == (500, "coins 500")


def test_a_refund_that_is_heard_of_before_the_purchase(shop, profile):
    number = shop.apple.buy("coins_500")
    text = shop.apple.show(number)
    shop.apple.refund(number)
    assert shop.heard("REFUND", number) == "unknown_purchase"
    assert shop.verify(profile, text=text).json["entitlements"]["coins"] == 0  # signed before the refund
    assert (shop.owned(profile), shop.row(number, "state")) == ({"coins": 0, "debt": 0, "subscription": None}, "refunded")
    assert shop.database.sql(f"SELECT count(*) FROM apple_early WHERE token = '{number}'") == "0"


def test_a_renewal_that_is_heard_of_before_the_purchase(shop, profile):
    first = shop.apple.subscribe("pro_monthly")
    second = shop.apple.renew(first, days=60)
    assert shop.heard("DID_RENEW", second) == "unknown_purchase"
    shop.bought(profile, first)
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[second]["expiresDate"]))


def test_the_account_finds_the_profile(shop, profile):
    shop.bought(profile, shop.apple.buy("coins_100"))
    number = shop.apple.subscribe("pro_monthly", account=profile)
    assert shop.heard("SUBSCRIBED", number, subtype="INITIAL_BUY") == "done"
    assert shop.plan(profile)[0] == "pro"
    assert shop.heard("ONE_TIME_CHARGE", shop.apple.buy("coins_500", account=profile)) == "done"
    assert shop.owned(profile)["coins"] == 600
    assert shop.heard("ONE_TIME_CHARGE", shop.apple.buy("coins_500", account=profile, sandbox=True)) == "unknown_purchase"
    assert shop.owned(profile)["coins"] == 600


@pytest.mark.parametrize("kind", ["TEST", "CONSUMPTION_REQUEST", "RENEWAL_EXTENSION", "METADATA_UPDATE", "SOMETHING_NEW"])
def test_what_changes_nothing_is_noted(shop, profile, kind):
    number = shop.apple.buy("coins_100")
    shop.bought(profile, number)
    text = shop.apple.notify(kind, None if kind == "TEST" else number)
    assert [shop.hear(text).json["outcome"] for _ in range(2)] == ["noted", "duplicate"]
    assert shop.ledger(profile) == "coins 100"


@pytest.mark.parametrize("kind", ["PRICE_INCREASE", "REFUND_DECLINED", "OFFER_REDEEMED"])
def test_what_says_that_all_is_as_it_was(shop, profile, kind):
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    assert shop.heard(kind, number) in ("done", "repeated")
    assert (shop.plan(profile)[0], shop.ledger(profile)) == ("pro", "subscription pro")


def other_transaction(apple, number):
    other = apple.subscribe("pro_monthly")
    return apple.notify("DID_RENEW", number, data={"signedRenewalInfo": apple.authority.sign(
        {"originalTransactionId": other, "environment": "Production", "autoRenewStatus": 1, "signedDate": apple.transactions[other]["purchaseDate"]})})


NOT_HEARD = {
    "damaged": (401, lambda a, n: damage(a.notify("DID_RENEW", n), 2)),
    "of another authority": (401, lambda a, n: a.stranger().sign({"notificationType": "TEST", "notificationUUID": "1", "signedDate": 1800000000000})),
    "a damaged transaction within": (401, lambda a, n: a.notify("DID_RENEW", n, data={"signedTransactionInfo": damage(a.show(n), 2)})),
    "another authority's transaction within": (401, lambda a, n: a.notify("DID_RENEW", n, data={"signedTransactionInfo": a.show(n, a.stranger())})),
    "a damaged renewal within": (401, lambda a, n: a.notify("DID_RENEW", n, data={"signedRenewalInfo": damage(a.show(n), 2)})),
    "another purchase's renewal": (400, other_transaction),
    "another app": (403, lambda a, n: a.notify("DID_RENEW", n, data={"bundleId": "com.example.other"})),
    "another app's number": (403, lambda a, n: a.notify("DID_RENEW", n, data={"appAppleId": 1})),
    "no app's number": (403, lambda a, n: a.notify("DID_RENEW", n, data={"appAppleId": None})),
    "another app's transaction": (403, lambda a, n: a.notify("DID_RENEW", n, nested={"bundleId": "com.example.other"})),
    "the sandbox' transaction": (400, lambda a, n: a.notify("DID_RENEW", n, nested={"environment": "Sandbox"})),
    "no id": (400, lambda a, n: a.notify("DID_RENEW", n, notificationUUID="")),
    "no type": (400, lambda a, n: a.notify("", n)),
    "a transaction": (400, lambda a, n: a.show(n)),
}


@pytest.mark.parametrize("what", NOT_HEARD)
def test_notifications_that_are_refused(shop, profile, what):
    status, text = NOT_HEARD[what]
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    before = shop.database.sql("SELECT count(*) FROM webhook_event")
    text = text(shop.apple, shop.apple.renew(number))
    shop.apple.history.clear()
    assert shop.hear(text).status == status, text
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[number]["expiresDate"]))
    assert shop.database.sql("SELECT count(*) FROM webhook_event") == before


def test_the_body_of_a_notification(shop):
    assert shop.server.post("/api/webhooks/apple", {}).status == 400
    assert shop.server.post("/api/webhooks/apple", {"signedPayload": 1}).status == 400
    assert shop.server.post("/api/webhooks/apple", "x", headers={"Content-Type": "application/json"}).status == 400
    text = shop.apple.notify("TEST")
    assert shop.server.post("/api/webhooks/apple", {"signedPayload": text, "tomorrow": {"a": 1}}).status == 200
