"""Signing keys: rotated under load without a token refused, the same while pods restart, and a compromised one out of every pod within seconds."""
import base64
import collections
import http.client
import json
import threading
import time
import urllib.parse

import pytest

from kube import condition_of, wait_for

REQUESTS = 100_000
TTL_S, USED_FOR_S = 60, 50  # of a token: it is used for less than it lives
CLIENTS = 4
SPEC = {"replicas": 2, "config": {"rateLimits": {"readMax": 1_000_000, "writeMax": 1_000_000},
                                  "env": {"JWT_MAX_TTL_SECONDS": str(TTL_S), "JWKS_MAX_AGE_SECONDS": "5"}},
        "jwks": {"rotationInterval": "0h", "publishAhead": "10s", "overlap": "90s"}}
LONG_S = 400  # a kubelet looks at a Secret each 60 to 90 s


class Load:
    """Clients that show tokens, of which a new one is minted all the time."""

    def __init__(self, stack):
        self.stack, self.tokens, self.answers = stack, collections.deque(maxlen=100), collections.Counter()
        self.refused, self.stopped, self.lock = [], threading.Event(), threading.Lock()
        self.address = urllib.parse.urlsplit(stack.url("/")).netloc

    def __enter__(self):
        self.mint()
        self.threads = [threading.Thread(target=self.keep_minting, daemon=True)] + [threading.Thread(target=self.ask, daemon=True) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)

    def mint(self):
        status, answer = self.stack.ask("POST", "/auth/token", {"x-issuer-secret": self.stack.secret["ISSUER_ADMIN_SECRET"]},
                                        {"sub": "load", "roles": [], "ttl": TTL_S})
        assert status == 200, answer
        self.tokens.append((time.monotonic(), answer["kid"], answer["token"]))

    def keep_minting(self):
        while not self.stopped.wait(0.5):
            self.mint()

    def usable(self):
        return [(kid, token) for at, kid, token in list(self.tokens) if time.monotonic() - at < USED_FOR_S]

    def ask(self):
        """New connections now and then, so that every pod is met."""
        while not self.stopped.is_set():
            connection = http.client.HTTPConnection(self.address, timeout=10)
            try:
                for kid, token in self.usable():
                    connection.request("GET", "/api/entitlements/load", headers={"authorization": f"Bearer {token}"})
                    answer = connection.getresponse()
                    body = answer.read()
                    with self.lock:
                        self.answers[answer.status] += 1
                        if answer.status != 200:
                            self.refused.append((kid, answer.status, body[:200]))
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.answers["connection"] += 1  # a pod that restarts; a token was not refused
            finally:
                connection.close()

    def check(self, at_least):
        wait_for(f"{at_least} requests were made", lambda: self.answers[200] >= at_least, 600, 1)
        assert not self.refused, self.refused[:5]


def keys(stack):
    return stack.status().get("keys", {})


def states(stack):
    return {item["kid"]: item["state"] for item in keys(stack).get("items", [])}


def public(stack):
    return {key["kid"] for key in stack.ask("GET", "/auth/.well-known/jwks.json")[1]["keys"]}


def files(stack):
    return set(stack.read("secret", f"{stack.name}-jwks")["data"])


def command(stack, value):
    stack.kubectl("annotate", "supernovastack", stack.name, "--overwrite", f"platform.supernova.com/rotate={value}")


def words(stack):
    return condition_of(stack.read("supernovastack"), "KeysReady")["message"]


def await_states(stack, *wanted):
    wait_for(f"keys are {wanted}; {words(stack)}", lambda: sorted(states(stack).values()) == sorted(wanted), LONG_S)


@pytest.fixture(scope="module")
def stack(make_stack):
    stack = make_stack()
    stack.install(**SPEC)
    return stack


def rotate(stack, identity, during=lambda: None):
    """Every phase, seen in the status, the public set and the Secret."""
    old = keys(stack)["signing"]
    command(stack, f"jwks;id={identity};by=e2e")
    await_states(stack, "published", "signing")
    new = next(kid for kid, state in states(stack).items() if state == "published")
    assert keys(stack)["signing"] == old and {f"{old}.pem", f"{new}.pem"} <= files(stack)
    wait_for("every pod shows both", lambda: {old, new} <= public(stack), LONG_S)
    during()
    await_states(stack, "retiring", "signing")
    assert keys(stack)["signing"] == new and f"{old}.pem" not in files(stack), "its private half went in the write that made it retire"
    assert old in public(stack)
    await_states(stack, "signing")
    assert files(stack) == {"jwks.json", "signing", f"{new}.pem"}
    wait_for("no pod shows it", lambda: public(stack) == {new}, LONG_S)


def test_rotation_under_load(stack):
    with Load(stack) as load:
        rotate(stack, "load")
        load.check(REQUESTS)
    print(dict(load.answers))


def test_rotation_while_pods_restart(stack):
    def restart():
        stack.kubectl("delete", "pod", sorted(stack.pods())[0], "--wait=false")

    with Load(stack) as load:
        rotate(stack, "restart", restart)
        load.check(1000)


def test_revocation(stack):
    """Old tokens are refused on every pod within 5 s, and new ones are good."""
    old, token = keys(stack)["signing"], stack.token("load", ttl_s=TTL_S)
    addresses = [pod["status"]["podIP"] for pod in stack.list("pod") if pod["metadata"]["labels"].get("app") == stack.name]

    def answer(address, shown):
        connection = http.client.HTTPConnection(address, 3001, timeout=5)
        connection.request("GET", "/api/entitlements/load", headers=shown)
        status = connection.getresponse().status
        connection.close()
        return status

    assert {answer(address, token) for address in addresses} == {200}
    begun = time.monotonic()
    command(stack, f"jwks/revoke={old};id=revoke;by=e2e;reason=the test")
    wait_for("every pod refuses it", lambda: {answer(address, token) for address in addresses} == {401}, 60, 0.1)
    took_s = time.monotonic() - begun
    assert took_s <= 5, f"it took {took_s:.1f} s"
    assert old not in public(stack) and f"{old}.pem" not in files(stack)
    assert {answer(address, stack.token("load", ttl_s=TTL_S)) for address in addresses} == {200}


def test_a_damaged_secret_is_told_of_and_the_pods_go_on(stack):
    signing, token, before = keys(stack)["signing"], stack.token("load", ttl_s=TTL_S), stack.read("secret", f"{stack.name}-jwks")["data"]
    patch = json.dumps({"data": {f"{signing}.pem": base64.b64encode(b"garbage").decode()}})
    stack.kubectl("patch", "secret", f"{stack.name}-jwks", "--type=merge", "-p", patch)
    damaged = wait_for("it is told", lambda: (c := condition_of(stack.read("supernovastack"), "KeysReady"))["reason"] == "KeysDamaged" and c)
    assert f"{signing}.pem" in damaged["message"] and "garbage" not in damaged["message"]
    assert stack.ask("GET", "/api/entitlements/load", token)[0] == 200
    stack.kubectl("patch", "secret", f"{stack.name}-jwks", "--type=merge", "-p", json.dumps({"data": before}))
    stack.wait_ready()
    assert keys(stack)["signing"] == signing
