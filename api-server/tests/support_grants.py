"""A thousand grants, each with its externalRef and from a client that asks until it was done, while something goes wrong."""

import concurrent.futures
import http.client
import secrets
import threading
import time

from conftest import until

GRANTS, CLIENTS = 1000, 16


class Load:
    """GRANTS grants of one coin to a few profiles, each asked for until it was done."""

    def __init__(self, server):
        self.server, self.token = server, server.mint("boss", ["admin"])
        self.run_name, self.done, self.lock = secrets.token_hex(6), 0, threading.Lock()
        self.profiles = [f"{self.run_name}-{i}" for i in range(20)]
        self.refusals, self.wrong, self.slowest = 0, [], 0.0
        self.pool = concurrent.futures.ThreadPoolExecutor(CLIENTS)
        self.futures = [self.pool.submit(self.one, i) for i in range(GRANTS)]

    def ask(self, body):
        begun = time.monotonic()
        try:
            return self.server.post("/api/entitlements/grant", body, token=self.token)
        except (OSError, http.client.HTTPException) as e:
            self.wrong.append(repr(e))
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def one(self, number):
        body = {"profileId": self.profiles[number % 20], "grant": {"type": "coins", "amount": 1}, "externalRef": f"{self.run_name}-{number}"}
        for _ in range(600):
            answer = self.ask(body)
            with self.lock:
                if answer and answer.status == 200:
                    self.done += 1
                    return
                if not answer or answer.status != 503 or int(answer.headers.get("Retry-After", "0")) < 1:
                    self.wrong.append(answer and (answer.status, answer.body))
                self.refusals += 1
            time.sleep(0.1)  # a client that backs off, though less than it is asked to
        self.wrong.append(f"grant {number} was never done")

    def reach(self, share):
        until(lambda: self.done >= GRANTS * share, what="the load")

    def finish(self, postgres):
        for future in self.futures:
            future.result(120)
        self.pool.shutdown()
        assert not self.wrong, self.wrong[:5]
        assert self.refusals, "nobody noticed the fault"
        where = f"WHERE external_ref LIKE '{self.run_name}-%'"
        assert postgres.sql(f"SELECT count(*), count(DISTINCT external_ref), sum(amount) FROM ent_ledger {where}") == f"{GRANTS}|{GRANTS}|{GRANTS}"
        assert postgres.sql(f"SELECT sum(coins), min(coins), max(coins), sum(seq) FROM ent_balance WHERE profile LIKE '{self.run_name}-%'") == "1000|50|50|1000"
        broken = "SELECT count(*) FROM ent_ledger l JOIN ent_ledger p ON p.profile = l.profile AND p.seq = l.seq - 1 WHERE l.prev <> p.head"
        assert postgres.sql(broken) == "0"
