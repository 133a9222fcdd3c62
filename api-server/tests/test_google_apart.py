"""Purchases at Google Play with servers that are configured otherwise, swept, hindered and killed; their database is nobody else's."""

import os
import signal
import threading
import time

import pytest
from conftest import Proxy, at_once, insist, run, until
from support_google import detail, hear_of_a_void, ms_of, open_shop, subscription_of  # noqa: F401
from support_stores import CALM, seeded, shared_twin, twin  # noqa: F401


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


def test_googles_keys_are_asked_for_once(open_shop):
    shop = open_shop(WORKERS="1")
    assert {answer.status for answer in at_once(8, lambda _: shop.hear("test"))} == {204}
    assert shop.hear("test").status == 204 and len(shop.twin.calls("GET /certs")) == 1


def test_googles_keys_away(open_shop):
    shop = open_shop(WORKERS="1")
    shop.twin.fault("GET /certs", status=500)
    answer = shop.hear("test")
    assert answer.status == 503 and answer.headers["Retry-After"]
    shop.twin.heal()
    assert shop.hear("test").status == 204


def test_a_storm_of_refunds(open_shop, profile):
    shop = open_shop()
    shop.google.page_size = 7
    bought = [shop.google.buy("coins_100") for _ in range(40)]
    for token in bought:
        assert shop.verify(profile, token).status == 200
    for token in [*bought, *bought]:
        shop.google.void(token)
        assert insist(lambda: hear_of_a_void(shop, token)).status == 204
    until(lambda: shop.owned(profile)["coins"] == 0, what="all debits")
    shop.google.page_size = 1000
    assert shop.ledger(profile).count("refund") == 40 and shop.owned(profile)["debt"] == 0


def test_the_sweep_at_the_start_finds_what_nobody_told(open_shop, profile, seeded):
    shop = open_shop()
    token = shop.google.buy("coins_100")
    shop.verify(profile, token)
    shop.server.stop()
    shop.google.void(token)
    seeded.sql("UPDATE iap_sweep SET swept_at = now() - interval '2 hours', leased_until = NULL")
    again = open_shop()
    until(lambda: again.owned(profile)["coins"] == 0, what="the sweep")
    assert again.ledger(profile) == "coins 100, refund 100"
    until(lambda: seeded.sql("SELECT swept_at > now() - interval '1 minute' FROM iap_sweep WHERE store = 'google'") == "t", what="its end")


def test_one_of_all_workers_sweeps(open_shop, seeded):
    seeded.sql(f"{CALM}; UPDATE iap_sweep SET swept_at = now() - interval '2 hours' WHERE store = 'google'")
    shops = [open_shop(WORKERS="2") for _ in range(2)]
    until(lambda: shops[0].twin.calls("GET .*voidedpurchases"), what="the sweep")
    until(lambda: all(s.server.metric('db_query_duration_seconds_count{statement="sweep_claim"}') >= 2 for s in shops), what="all to have asked")
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
    until(lambda: subscription_of(shop, profile)["active"] and shop.owned(profile)["coins"] == 100, what="the renewal and the payment")
    assert ms_of(shop, profile) == ends_ms
    shop.told(paid, consumed=1)


def test_a_sweep_that_fails_is_made_again_soon(open_shop, twin, seeded):
    twin.fault("voidedpurchases", status=500)
    seeded.sql(f"{CALM}; UPDATE iap_sweep SET swept_at = '2026-01-01', due_at = now() WHERE store = 'google'")
    shop = open_shop(WORKERS="1")
    shop.server.said(msg="a sweep of Google's voided purchases didn't come to its end")
    until(lambda: seeded.sql("SELECT due_at BETWEEN now() AND now() + interval '6 minutes' AND leased_until IS NULL FROM iap_sweep WHERE store = 'google'")
          == "t", what="the next one")
    assert seeded.sql("SELECT swept_at = '2026-01-01' FROM iap_sweep WHERE store = 'google'") == "t"


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
    until(lambda: len(shop.twin.calls(f"GET .*{token}")) == 20, what="all to hang")
    assert shop.owned(profile)["coins"] == 500 and len(answers) < 20, "others are served meanwhile"
    for t in threads:
        t.join()
    assert {a.status for a in answers} == {503} and all(int(a.headers["Retry-After"]) >= 1 for a in answers)
    assert time.monotonic() - begun < 40, "not as long as the store hangs"
    until(lambda: open_fds(shop.server) <= before + 2, what="the connections to be closed")
    shop.twin.heal()
    assert shop.verify(profile, token).status == 200


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 400, "body": {"error": "invalid_grant"}}, {"hang": 60}, {"status": 200, "body": {}}])
def test_no_access_token_is_503(open_shop, twin, profile, fault):
    twin.fault("POST /token", **fault)  # from the start on: a sweep or the outbox may ask for one first
    shop = open_shop(WORKERS="1")
    answer = shop.verify(profile, shop.google.buy("coins_100"))
    assert answer.status == 503 and answer.headers["Retry-After"]


def test_the_access_token_is_asked_for_once_and_anew_when_it_is_refused(open_shop, profile):
    shop = open_shop(WORKERS="1")
    tokens = [shop.google.buy("coins_100") for _ in range(10)]
    answers = at_once(10, lambda i: insist(lambda: shop.verify(profile, tokens[i])))
    assert {answer.status for answer in answers} == {200} and len(shop.twin.calls("POST /token")) == 1
    shop.twin.forget_calls()
    shop.google.expire_access()
    assert shop.verify(profile, shop.google.buy("coins_100")).status == 200
    assert len(shop.twin.calls("POST /token")) == 1  # who consumes what was bought uses it too


def test_a_refusal_that_comes_late_takes_no_newer_access_token_away(open_shop, profile):
    shop = open_shop(WORKERS="1")
    assert shop.verify(profile, shop.google.buy("for_ever"), "for_ever").status == 200
    late, prompt = shop.google.buy("coins_100"), shop.google.buy("coins_500")
    shop.twin.fault(f"GET .*{late}", times=1, hang=2, status=401)
    shop.twin.forget_calls()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(shop.verify(profile, late)))
    waiting.start()
    until(lambda: shop.twin.calls(f"GET .*{late}"), what="the call that is refused late")
    shop.google.expire_access()
    assert shop.verify(profile, prompt, "coins_500").status == 200
    waiting.join()
    assert answers[0].status == 200 and len(shop.twin.calls("POST /token")) == 1


def test_a_trace_is_passed_on(open_shop, profile):
    shop, trace, span = open_shop(WORKERS="1"), "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    token = shop.google.buy("coins_100")
    shop.twin.forget_calls()
    body = {"packageName": "com.collab.supernova", "productId": "coins_100", "purchaseToken": token, "type": "product"}
    push = {"Authorization": "Bearer " + shop.google.push_token()}
    message = shop.google.message("oneTimeProduct", purchaseToken=token, notificationType=1, sku="coins_100")
    for path, asked, headers in (("/api/iap/google/verify", body, {"Authorization": "Bearer " + shop.token(profile)}),
                                 ("/api/webhooks/google", message, push)):
        told = shop.server.post(path, asked, headers={**headers, "traceparent": f"00-{trace}-{span}-01"})
        assert told.status in (200, 204)
        ours = told.headers["Traceparent"]
        assert ours.startswith(f"00-{trace}-") and span not in ours
        assert ours in [call["traceparent"] for call in shop.twin.calls("GET .*" + token)], "each request has a span of its own"
    shop.told(token, consumed=1)
    assert {call["traceparent"] for call in shop.twin.calls(f"{token}:consume$")} == {None}, "for nobody's sake"
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


def test_the_database_away_between(open_shop, seeded, profile):
    proxy = Proxy(*seeded.address())
    shop = open_shop(DATABASE_URL=seeded.through(proxy.port))
    token = shop.google.buy("coins_100")
    shop.token(profile)
    proxy.cut()
    answer = shop.verify(profile, token)
    assert answer.status == 503 and answer.headers["Retry-After"]
    proxy.restore()
    until(lambda: shop.verify(profile, token).status == 200, what="the database to be back")
    assert shop.ledger(profile) == "coins 100"
    shop.told(token, consumed=1)
    proxy.close()


@pytest.mark.parametrize("moment", ["at once", "during the call", "after the call"])
def test_told_exactly_once_though_the_server_is_killed(open_shop, profile, moment):
    shop = open_shop(WORKERS="1")
    bought = [shop.google.buy("coins_100", token=f"tok-{profile}-{i}") for i in range(3)]
    if moment != "at once":
        shop.twin.fault(f"{profile}.*:consume$", times=3, hang=3, **({"apply": True} if moment == "after the call" else {}))
    for token in bought:
        assert shop.verify(profile, token).status == 200
    if moment != "at once":
        until(lambda: len(shop.twin.calls(f"{profile}.*:consume$")) == 3, what="the calls")
    for pid in [*shop.server.workers(), shop.server.process.pid]:
        os.kill(pid, signal.SIGKILL)
    shop.server.process.wait()
    shop.server.process.returncode = 0
    again = open_shop(WORKERS="1")
    again.database.sql("UPDATE outbox SET leased_until = now() WHERE leased_until > now()")  # the dead worker's leases, half a minute later
    for token in bought:
        until(lambda: not again.owed(token), what="the outbox")
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
