"""Crash points: whatever message to PostgreSQL, Redis or a store the server is killed at, all that was asked for happens once.

For each scenario an undisturbed run tells which messages it takes; then it is run once for each message and moment: before the message goes on, and
after its answer came but before the server has it; and each of these with the worker killed alone, and with its parent. Who asked asks again, as a
client, a store or a sender of webhooks does. Afterwards the world must be that of the undisturbed run, and `supernova-server audit` finds nothing.
"""

import collections
import concurrent.futures
import contextlib
import hashlib
import hmac
import http.client
import json
import queue
import secrets
import time
import urllib.parse

import pytest
from conftest import REPORTS, Server, run, until
from support_crash import ANSWERED, BEFORE, Gate, GateProxy, Http, Point, Postgresql, Redis, kill_at_once
from support_stores import CALM, COMMON, StoreTwin

AT_ONCE = 4
COLLABPAY = "collab-pay-secret-of-the-tests-0123456789"
ORIGIN = "https://app.example.com"
# The leases of a worker that is dead, when they have ended.
LEASES_END = ("UPDATE outbox SET leased_until = now() WHERE done_at IS NULL;"
              " UPDATE iap_sweep SET leased_until = now(), due_at = least(due_at, now()) WHERE leased_by IS NOT NULL")


class Bench:
    """A server with a database and stores of its own, behind proxies; it comes back whenever it was killed."""

    def __init__(self, directory, services, database, keys):
        self.directory, self.gate, self.server, self.servers = directory, Gate(), None, []
        self.database, self.twin, self.keys = database, StoreTwin(), keys
        redis = urllib.parse.urlsplit(services["REDIS_URL"])
        self.proxies = [GateProxy(self.gate, Postgresql, self.database.address()), GateProxy(self.gate, Redis, (redis.hostname, redis.port)),
                        GateProxy(self.gate, Http, ("127.0.0.1", self.twin.port))]
        postgresql, redis, stores = (proxy.port for proxy in self.proxies)
        self.twin.url = f"http://127.0.0.1:{stores}"
        done = run("seed", env={"DATABASE_URL": self.database.url, "TERMINATION_LOG": "/dev/null"})
        assert done.returncode == 0, done.stderr
        self.env = {
            **COMMON, "WORKERS": "1", "DB_POOL": "2", "DATABASE_URL": self.database.through(postgresql) + "?sslmode=disable",
            "REDIS_URL": f"redis://127.0.0.1:{redis}/0", "JWKS_DIR": str(self.keys), "COLLAB_PAY_WEBHOOK_SECRET": COLLABPAY,
            "CORS_ALLOWED_ORIGINS": ORIGIN, "APP_JWT_SECRET": secrets.token_hex(20), "SESSION_SECRET": secrets.token_hex(20),
            **self.twin.google.settings(), **self.twin.apple.settings()}
        self.start()
        self.await_quiet({})
        self.admin = self.server.mint("boss", ["admin"], ttl=3600)

    def start(self):
        self.gate.seen.clear()
        self.server = Server(self.directory, self.env)
        self.servers.append(self.server)

    def renew(self):
        """Another server, which knows nothing yet."""
        with self.gate.lock:
            if self.server.process.poll() is None:
                kill_at_once(self.server, True)
        self.database.sql(CALM)
        self.gate.arm(None, None)
        self.start()

    def await_quiet(self, looks):
        """It is up, and has looked of its own accord."""
        until(lambda: self.server.up("/readyz"), what="the server")
        until(lambda: all(self.gate.seen[label] >= count for label, count in looks.items()), what="its first looks")

    def kill(self, whole):
        kill_at_once(self.server, whole)
        self.database.sql(LEASES_END)

    def revive(self):
        """Starts it again where it isn't there; a worker comes back by itself."""
        with self.gate.lock:
            if self.server.process.poll() is not None:
                self.start()

    def ask(self, method, path, expected=(200,), **request):
        """Asks until it is answered, as every good client does."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                answer = self.server.request(method, path, **request)
                if answer.status in expected:
                    return answer
                assert answer.status == 503, (path, answer.status, answer.body)
            except (OSError, http.client.HTTPException):
                self.revive()
            time.sleep(0.02)
        raise AssertionError(f"{path} was not answered for two minutes: {self.server.logged()[-3000:]}")

    def rows(self, columns, rest):
        return self.database.sql(f"SELECT concat_ws(' ', {columns}) FROM {rest}").splitlines()

    def audit(self):
        done = run("audit", "--output", "json", env={"DATABASE_URL": self.database.url, "JWKS_DIR": str(self.keys)})
        assert done.returncode == 0, done.stdout + done.stderr

    def close(self):
        self.gate.arm(None, None)
        self.revive()
        self.await_quiet({})
        assert self.server.stop() == 0, self.server.logged()[-4000:]
        failures = [failure for proxy in self.proxies for failure in proxy.failures]
        for proxy in self.proxies:
            proxy.close()
        self.twin.close()
        assert not failures, failures[:5]
        for server in self.servers:
            server.log.close()
            assert not any(word in server.logged() for word in REPORTS), server.logged()[-8000:]


class Scenario:
    """What somebody does, for a profile of his own.

    EXPECTS: the ledger and the balance afterwards. LOOKS: what a server asks soon after its start, and later again, and which this scenario makes it ask
    too: waited for before it begins. IGNORED: what else it asks at times.
    """
    expects, looks, ignored = None, {}, {"outbox_claim", "iap_sweep_claim"}

    def __init__(self, bench):
        self.bench, self.twin, self.profile = bench, bench.twin, "p-" + secrets.token_hex(6)
        self.token, self.purchase = None, "none"

    def mint(self):
        self.token = self.bench.server.mint(self.profile, ttl=3600)

    def prepare(self):
        """What was before."""

    def act(self):
        raise NotImplementedError

    def check(self):
        """What else must be, beside the world."""

    def is_settled(self):
        """Nothing is owed to anybody any more."""
        return self.bench.database.sql("SELECT (SELECT count(*) FROM outbox WHERE done_at IS NULL) + (SELECT count(*) FROM iap_sweep"
                                       " WHERE leased_by IS NOT NULL OR due_at <= now())") == "0"

    def world(self):
        bench, of_purchase = self.bench, f"WHERE token = '{self.purchase}'"
        return {
            "ledger": ", ".join(bench.rows("kind, amount, plan", f"ent_ledger WHERE profile = '{self.profile}' ORDER BY seq")),
            "balance": bench.rows("coins, debt, seq", f"ent_balance WHERE profile = '{self.profile}'"),
            "subscription": bench.rows("plan, source, expires_at > now()", f"ent_subscription WHERE profile = '{self.profile}'"),
            "purchase": bench.rows("state, acknowledged, consumed", f"iap_purchase {of_purchase}"),
            "outbox": bench.rows("action, outcome", f"outbox {of_purchase}"),
            "told": self.twin.google.counts(self.purchase) if self.purchase in self.twin.google.purchases else None,
            "events": bench.rows("source, outcome, payload", f"webhook_event WHERE received_at >= '{self.begun}' ORDER BY source, id"),
        }


class Grant(Scenario):
    expects = ("coins 5", ["5 0 1"])

    def act(self):
        body = {"profileId": self.profile, "grant": {"type": "coins", "amount": 5}, "externalRef": self.profile}
        self.answer = self.bench.ask("POST", "/api/entitlements/grant", body=body, token=self.bench.admin).body

    def check(self):
        first = self.answer
        self.act()
        assert self.answer == first


class Google(Scenario):
    looks, ignored = {"outbox_claim": 1}, {"iap_sweep_claim"}

    def verify(self, type="product", expected=(200,)):
        product = self.twin.google.purchases[self.purchase]["product"]
        body = {"packageName": "com.collab.supernova", "productId": product, "purchaseToken": self.purchase, "type": type}
        return self.bench.ask("POST", "/api/iap/google/verify", expected, body=body, token=self.token)

    def hear(self, kind, **notification):
        """Pub/Sub pushes a message until it is taken, each time with a token that is good then."""
        authorization = "Bearer " + self.twin.google.push_token()
        self.bench.ask("POST", "/api/webhooks/google", (204,), body=self.twin.google.message(kind, **notification),
                       headers={"Authorization": authorization})


class GoogleProduct(Google):
    expects = ("coins 100", ["100 0 1"])

    def prepare(self):
        self.purchase = self.twin.google.buy("coins_100", account=self.profile)

    def act(self):
        self.verify()


class GooglePaid(Google):
    """A purchase that was pending; that it is paid only the webhook tells."""
    expects = ("coins 100", ["100 0 1"])

    def prepare(self):
        self.purchase = self.twin.google.buy("coins_100", state=2)
        self.verify(expected=(202,))

    def act(self):
        self.twin.google.change(self.purchase, purchaseState=0)
        self.hear("oneTimeProduct", purchaseToken=self.purchase, notificationType=1, sku="coins_100")


class GoogleRenewal(Google):
    expects = ("subscription pro, subscription pro", ["0 0 2"])

    def prepare(self):
        self.purchase = self.twin.google.subscribe("pro_monthly")
        self.verify("subscription")

    def act(self):
        self.twin.google.renew(self.purchase, days=60)
        self.hear("subscription", purchaseToken=self.purchase, notificationType=2, subscriptionId="pro_monthly")


class GoogleSubscription(Google):
    expects = ("subscription pro", ["0 0 1"])

    def prepare(self):
        self.purchase = self.twin.google.subscribe("pro_monthly")

    def act(self):
        self.verify("subscription")


def spend(scenario, amount):
    body = {"profileId": scenario.profile, "grant": {"type": "revoke", "amount": amount}}
    scenario.bench.ask("POST", "/api/entitlements/grant", body=body, token=scenario.bench.admin)


class GoogleVoided(Google):
    """What was spent becomes a debt; Google's list says what was taken back, and the notification only that something was."""
    expects = ("coins 100, revoke 70, refund 100", ["0 70 3"])
    looks, ignored = {"iap_sweep_claim": 2}, {"outbox_claim"}  # both stores'

    def prepare(self):
        self.purchase = self.twin.google.buy("coins_100")
        self.verify()
        spend(self, 70)

    def act(self):
        self.twin.google.void(self.purchase)
        self.hear("voided", purchaseToken=self.purchase, orderId="x", productType=2, refundType=1)


class GoogleKept(Google):
    """What the catalogue lacked is kept, and takes effect when it is put there."""
    expects = ("coins 100, coins 70", ["170 0 2"])
    looks, ignored = GoogleVoided.looks, {"outbox_claim"}

    def prepare(self):
        self.purchase = self.twin.google.buy("coins_100")
        self.verify()  # so that the profile is known
        self.product, self.added = "later_" + self.profile, False
        self.purchase = self.twin.google.buy(self.product, account=self.profile)
        self.hear("oneTimeProduct", purchaseToken=self.purchase, notificationType=1, sku=self.product)

    def is_settled(self):
        kept = f"SELECT count(*) FROM webhook_event WHERE payload LIKE '%{self.purchase}%'"
        return super().is_settled() and self.bench.database.sql(kept) == str(int(not self.added))

    def act(self):
        self.added = True
        self.bench.ask("PUT", f"/api/products/google/{self.product}", (200, 201), body={"coins": 70}, token=self.bench.admin)


class Apple(Scenario):
    def verify(self):
        self.bench.ask("POST", "/api/iap/apple/verify", body=self.shown, token=self.token)

    def hear(self, *what, **more):
        self.bench.ask("POST", "/api/webhooks/apple", body={"signedPayload": self.twin.apple.notify(*what, **more)})


class AppleShown(Apple):
    expects = ("coins 100", ["100 0 1"])

    def prepare(self):
        self.purchase = self.twin.apple.buy("coins_100", account=self.profile)
        self.shown = {"signedPayload": self.twin.apple.show(self.purchase)}

    def act(self):
        self.verify()


class AppleAsked(AppleShown):
    def prepare(self):
        super().prepare()
        self.shown = {"transactionId": self.purchase}


class AppleRefund(AppleShown):
    expects = ("coins 100, revoke 70, refund 100", ["0 70 3"])

    def prepare(self):
        super().prepare()
        self.verify()
        spend(self, 70)

    def act(self):
        self.twin.apple.refund(self.purchase)
        self.hear("REFUND", self.purchase)


class CollabPay(Scenario):
    expects = ("coins 500", ["500 0 1"])

    def act(self):
        event = {"event": "payment.succeeded", "paymentId": "pay-" + self.profile, "profileId": self.profile, "productId": "coins_500"}
        body, timestamp = json.dumps(event), str(int(time.time()))
        mac = hmac.new(COLLABPAY.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
        self.bench.ask("POST", "/api/webhooks/collabpay", body=body, headers={
            "x-collab-timestamp": timestamp, "x-collab-signature": mac, "x-collab-id": self.profile, "Content-Type": "application/json"})


class Session(Scenario):
    """A session that is ended."""
    expects = ("", [])

    def prepare(self):
        opened = self.bench.ask("POST", "/auth/session", token=self.token, headers={"Origin": ORIGIN})
        self.fields = {"Cookie": opened.headers["Set-Cookie"].split(";")[0], "Origin": ORIGIN, "x-csrf-token": opened.json["csrfToken"]}

    def act(self):
        self.bench.ask("DELETE", "/auth/session", (200, 401), headers=self.fields)

    def check(self):
        self.bench.ask("GET", f"/api/entitlements/{self.profile}", (401,), headers=self.fields)


class Ticket(Scenario):
    """A stream that a ticket lets in; a browser whose ticket is gone asks for another one."""
    expects = ("", [])

    def prepare(self):
        self.let_in = collections.Counter()

    def act(self):
        status = None
        while status != 200:
            ticket = self.bench.ask("POST", "/auth/ticket", body="", token=self.token).json["ticket"]
            status = self.redeem(ticket)

    def redeem(self, ticket):
        # HEAD redeems it as GET does, and ends
        status = self.bench.ask("HEAD", f"/api/live?ticket={ticket}", (200, 401)).status
        self.let_in[ticket] += status == 200
        return status

    def check(self):
        for ticket in list(self.let_in):
            assert self.redeem(ticket) == 401
        assert max(self.let_in.values()) == 1


class Play:
    """One run of a scenario on a bench; POINT None: undisturbed."""

    def __init__(self, kind, bench, point=None):
        self.scenario, self.bench, self.point = kind(bench), bench, point

    def run(self):
        """The world afterwards and the messages that led there; None when the point was not reached."""
        bench, scenario = self.bench, self.scenario
        bench.await_quiet(scenario.looks)
        scenario.begun = bench.database.sql("SELECT clock_timestamp()")
        scenario.mint()
        scenario.prepare()
        until(scenario.is_settled, what="quiet before it")
        bench.gate.arm(self.point, lambda: bench.kill(self.point.whole), scenario.ignored)
        scenario.act()
        until(self.is_over, 120, "its end")
        messages = list(bench.gate.messages)
        if self.point and not bench.gate.crashed.is_set():
            return None
        world = scenario.world()
        scenario.check()
        again = scenario.world()
        assert world == again and (world["ledger"], world["balance"]) == scenario.expects, (world, again)
        return world, messages

    def is_over(self):
        self.bench.revive()
        if not self.scenario.is_settled():
            return False
        # what follows the answer, and owes nothing: nobody is told when it is over
        gate = self.bench.gate
        before, awaited = len(gate.messages), self.point and not gate.crashed.is_set()
        if awaited and gate.crashed.wait(2):
            return False
        time.sleep(0.1)
        return len(gate.messages) == before


@pytest.fixture(scope="module")
def benches(tmp_path_factory, services, migrated, some_keys):
    free, parts = queue.Queue(), [(tmp_path_factory.mktemp("crash"), migrated()) for _ in range(AT_ONCE)]
    with contextlib.ExitStack() as stack:

        def make(part):
            bench = Bench(part[0], services, part[1], some_keys)
            stack.callback(bench.close)
            free.put(bench)

        with workers() as pool:
            list(pool.map(make, parts))
        yield free


@contextlib.contextmanager
def workers():
    """AT_ONCE threads; who is interrupted begins nothing more."""
    pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def points_of(messages):
    """Each message, at both moments, and whoever dies."""
    seen, points = collections.Counter(), []
    for label in messages:
        seen[label] += 1
        points += [Point(label, seen[label], moment, whole) for moment in (BEFORE, ANSWERED) for whole in (False, True)]
    return points


def attempt(kind, benches, point, expected):
    """A busy machine may merge two messages into one, and the last is then not reached."""
    bench = benches.get()
    try:
        for _ in range(6):
            bench.renew()
            if result := Play(kind, bench, point).run():
                assert not expected or result[0] == expected, f"{result[0]} instead of {expected}"
                return result
        raise AssertionError("was never reached")
    except AssertionError as failure:
        raise AssertionError(f"{kind.__name__}, {point}: {failure}\n{bench.gate.messages}\n{bench.server.logged()[-3000:]}") from None
    finally:
        benches.put(bench)


SCENARIOS = [Grant, GoogleProduct, GooglePaid, GoogleSubscription, GoogleRenewal, GoogleVoided, GoogleKept, AppleShown, AppleAsked, AppleRefund, CollabPay, Session, Ticket]


@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda kind: kind.__name__)
def test_every_crash_leads_to_the_same_world(benches, kind, record_property):
    begun = time.monotonic()
    expected, messages = attempt(kind, benches, None, None)
    points = points_of(messages)
    with workers() as pool:
        futures = [pool.submit(attempt, kind, benches, point, expected) for point in points]
        concurrent.futures.wait(futures)
    failures = [str(future.exception()) for future in futures if future.exception()]
    for bench in list(benches.queue):
        bench.audit()
    record_property("remark", f"{len(points)} crash points at {len(messages)} messages tried in {time.monotonic() - begun:.0f} s: {', '.join(messages)}")
    assert points and not failures, f"{len(failures)} of {len(points)} failed:\n" + "\n".join(failures)
