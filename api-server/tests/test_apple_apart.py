"""Purchases in the App Store with servers that are configured otherwise, hindered, and sweep; their database is nobody else's."""

import secrets

from conftest import Proxy, insist, until
from support_apple import moment, open_shop  # noqa: F401
from support_stores import TESTER, seeded, shared_twin, twin  # noqa: F401


def test_not_strict(open_shop, profile):
    shop = open_shop(IAP_STRICT="false", IAP_SANDBOX_PROFILES="")
    assert shop.bought(profile, shop.apple.buy("coins_100", sandbox=True))["purchase"]["test"] is True
    assert shop.database.sql(f"SELECT source FROM ent_ledger WHERE profile = '{profile}'") == "apple-sandbox"


def test_the_sandbox_alone(open_shop):
    shop = open_shop(IAP_USE_SANDBOX="true")
    number = shop.apple.buy("coins_100", sandbox=True)
    assert shop.ask(TESTER, number).status == 200
    assert [c["target"] for c in shop.twin.calls("/inApps/v1/transactions")] == [f"/sandbox/inApps/v1/transactions/{number}"]


def test_the_database_is_away(open_shop, profile, seeded):
    proxy = Proxy(*seeded.address())
    shop = open_shop(DATABASE_URL=seeded.through(proxy.port))
    number = shop.apple.subscribe("pro_monthly")
    shop.bought(profile, number)
    renewed = shop.apple.renew(number)
    text, shown = shop.apple.notify("DID_RENEW", renewed), shop.apple.show(shop.apple.buy("coins_100"))
    proxy.cut()
    for answer in (shop.hear(text), shop.verify(profile, text=shown)):
        assert answer.status == 503, answer.body
        assert int(answer.headers["Retry-After"]) >= 1
    proxy.restore()
    assert insist(lambda: shop.hear(text)).json["outcome"] == "done"
    assert insist(lambda: shop.verify(profile, text=shown)).status == 200
    assert (shop.plan(profile)[0], shop.owned(profile)["coins"]) == ("pro", 100)
    proxy.close()


def test_what_is_not_set_is_named(open_shop, profile):
    shop = open_shop(APPLE_ISSUER_ID="", APPLE_APP_ID="")
    answer = shop.ask(profile, "1")
    assert (answer.status, "APPLE_ISSUER_ID" in answer.json["detail"]) == (503, True)
    assert shop.bought(profile, shop.apple.buy("coins_100"))["entitlements"]["coins"] == 100
    answer = shop.hear(shop.apple.notify("DID_RENEW", shop.apple.subscribe("pro_monthly"), listed=False))
    assert (answer.status, answer.json["detail"]) == (503, "APPLE_APP_ID is not set")


def test_apple_s_own_root_is_trusted_where_no_other_is_named(open_shop, profile):
    shop = open_shop(APPLE_ROOT_CA_FILE="")
    assert shop.verify(profile, shop.apple.buy("coins_100")).status == 422


def due(database):
    database.sql("UPDATE iap_sweep SET swept_at = NULL, due_at = now(), leased_until = NULL, leased_by = NULL WHERE store = 'apple'")


def test_what_nobody_heard_is_read_from_the_history(open_shop, profile, seeded):
    deaf = open_shop(APPLE_ISSUER_ID="")
    number = deaf.apple.subscribe("pro_monthly")
    deaf.bought(profile, number)
    deaf.apple.history.clear()
    periods = [number]
    for days in range(40, 47):
        periods.append(deaf.apple.renew(periods[-1], days=days))
        deaf.apple.notify("DID_RENEW", periods[-1])
    heard = deaf.apple.history[3][1]
    assert deaf.hear(heard).json["outcome"] == "done"
    deaf.apple.history.insert(2, (deaf.apple.history[2][0], "no.such.text"))
    deaf.apple.page_size = 3
    due(seeded)
    shop = open_shop(WORKERS="3")
    shop.server.said(msg="the App Store's notifications were read", heard=8)
    assert shop.plan(profile) == ("pro", moment(shop.apple.transactions[periods[-1]]["expiresDate"]))
    until(lambda: seeded.sql("SELECT swept_at > now() - interval '1 minute', leased_by FROM iap_sweep WHERE store = 'apple'") == "t|", what="the end")
    assert len(shop.twin.calls("POST /inApps/v1/notifications/history")) == 3  # pages, of one worker
    shop.apple.page_size = 20


def test_what_the_catalogue_lacked_is_heard_again(open_shop, profile, seeded):
    product = "later_" + secrets.token_hex(4)
    shop = open_shop(APPLE_ISSUER_ID="")
    shop.apple.history.clear()
    shop.bought(profile, shop.apple.buy("coins_100"))
    for _ in range(3):
        number = shop.apple.buy(product, account=profile)
        assert shop.heard("ONE_TIME_CHARGE", number, listed=False) == "unknown_product"
    shop.server.said(level=50, msg="a notification was heard", outcome="unknown_product")
    seeded.sql("UPDATE webhook_event SET received_at = now() WHERE source = 'apple' AND payload IS NOT NULL;"  # as if in one millisecond
               f"INSERT INTO product (store, product_id, coins) VALUES ('apple', '{product}', 7)")
    due(seeded)
    open_shop()
    until(lambda: shop.owned(profile)["coins"] == 121, what="the coins")
    until(lambda: seeded.sql("SELECT count(*) FROM webhook_event WHERE source = 'apple' AND payload IS NOT NULL") == "0", what="nothing to be kept")


def test_what_is_put_into_the_catalogue_is_heard_at_once(open_shop, profile, seeded):
    product = "later_" + secrets.token_hex(4)
    due(seeded)
    shop = open_shop()
    shop.server.said(msg="the App Store's notifications were read")
    shop.bought(profile, shop.apple.buy("coins_100"))
    assert shop.heard("ONE_TIME_CHARGE", shop.apple.buy(product, account=profile), listed=False) == "unknown_product"
    boss = shop.server.mint("boss", ["admin"])
    assert shop.server.request("PUT", f"/api/products/apple/{product}", body={"coins": 7}, token=boss).status == 201
    until(lambda: shop.owned(profile)["coins"] == 107, what="the coins")


def test_a_history_that_cannot_be_read(open_shop, twin, seeded):
    twin.fault("notifications/history", status=500)
    due(seeded)
    shop = open_shop()
    shop.server.said(msg="the App Store's notifications could not be read")
    until(lambda: seeded.sql("SELECT swept_at IS NULL AND due_at > now() AND leased_by IS NULL FROM iap_sweep WHERE store = 'apple'") == "t", what="the end")
