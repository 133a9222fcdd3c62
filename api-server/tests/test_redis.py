"""Rate limits are counted in Redis in each of its modes, exactly; and when parts of Redis die, move, come back or refuse us, clients don't notice."""

import contextlib
import json
import secrets
import threading
import time

import pytest
from conftest import ISSUER_SECRET, at_once, exactly, run, until
from redis_topologies import Authority, Cluster, Node, RedisError, Sentinels, Single, free_ports

LEAST_RIGHTS = ["~supernova:limit:*", "&supernova:*", "+ping", "+eval", "+evalsha", "+incr", "+pttl", "+pexpire", "+publish", "+subscribe",
                "+unsubscribe"]
RIGHTS_OF_MODE = {"single": ["+select"], "sentinel": ["+role"], "cluster": ["+cluster|slots", "+asking"]}
RIGHTS_AT_SENTINEL = ["&+switch-master", "+ping", "+subscribe", "+sentinel|get-master-addr-by-name"]


@pytest.fixture(scope="module")
def topologies(tmp_path_factory):
    """topologies(Cluster): one of each kind for all tests, as it is after the tests before."""
    with contextlib.ExitStack() as stack:
        made = {}

        def get(kind):
            if kind not in made:
                made[kind] = stack.enter_context(kind(tmp_path_factory.mktemp(kind.mode)))
            return made[kind]

        yield get


class Client:
    """Reads as one subject."""

    def __init__(self, server, subject=None):
        self.server, self.subject = server, subject or "p-" + secrets.token_hex(8)
        self.token = server.mint(self.subject)

    def read(self):
        answer = self.server.get(f"/api/entitlements/{self.subject}", token=self.token)
        assert answer.status in (200, 429), (answer.status, answer.body)
        return answer


class Load:
    """Clients that read all the time: the block's `answers` say how it went."""

    def __init__(self, server, clients=12):
        self.clients, self.answers, self.failures = [Client(server) for _ in range(clients)], 0, []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(self.clients[i::3],)) for i in range(3)]

    def run(self, clients):
        while not self.over.wait(0.01):
            for client in clients:
                try:
                    start = time.monotonic()
                    client.read()
                    assert time.monotonic() - start < 30
                    self.answers += 1
                except (AssertionError, OSError) as error:
                    self.failures.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures[:3]
        assert self.answers > 20


def redis_health(server):
    return server.inner("/healthz?verbose").json["dependencies"]["redis"]


def well(server):
    """Both workers say that Redis is there."""
    return all(redis_health(server)["ok"] for _ in range(4)) and server.metric('supernova_dependency_up{name="redis"}') == 1


def counts(server):
    return server.metric("supernova_limiter_hits_total"), server.metric("supernova_limiter_misses_total")


def counted_by_redis(server):
    """A moment of reads that Redis counted alone; the metrics are published with a delay."""
    before = counts(server)
    clients = [Client(server) for _ in range(8)]
    for client in clients:
        client.read()
    until(lambda: sum(counts(server)) >= sum(before) + 16, what="the counts")
    return counts(server)[1] == before[1]


def ask_quietly(node, *words):
    with contextlib.suppress(RedisError):
        return node.ask(*words)


# --- exact

@pytest.mark.parametrize("kind", [Single, Sentinels, Cluster])
def test_limits_are_exact(start, topologies, kind):
    server = start(RATE_LIMIT_READ_MAX="120", WORKERS="2", **topologies(kind).env)
    until(lambda: well(server), what="Redis")

    def one_by_one():
        client = Client(server)
        answers = [client.read() for _ in range(140)]
        assert [a.status for a in answers] == [200] * 120 + [429] * 20
        assert [int(a.headers["X-RateLimit-Remaining"]) for a in answers] == [*range(119, -1, -1), *[0] * 20]
        assert answers[0].headers["RateLimit-Policy"] == '"read";q=120;w=60' and "r=119" in answers[0].headers["RateLimit"]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60

    def at_the_same_time():
        client = Client(server)
        statuses = sum(at_once(64, lambda _: [client.read().status for _ in range(4)]), [])
        assert len(statuses) == 256 and statuses.count(200) == 120

    exactly(server, one_by_one)
    exactly(server, at_the_same_time)


# --- Sentinel

def test_sentinel_fail_over(start, topologies):
    trio = topologies(Sentinels)
    server = start(WORKERS="2", **trio.env)
    until(lambda: well(server), what="Redis")
    old = trio.master()
    with Load(server):
        old.kill()
        until(lambda: (new := trio.master()) and new is not old, what="another master")
        until(lambda: well(server), what="the server to follow")
    until(lambda: counted_by_redis(server), what="Redis to count")
    server.said(msg="redis is away")
    server.said(msg="redis is there")

    # the old one comes back believing that it is the master, until the Sentinels tell it; nobody asks it
    old.start()
    until(lambda: counted_by_redis(server), what="Redis to count")
    assert old.info("commandstats", "cmdstat_evalsha") is None and old.info("commandstats", "cmdstat_eval") is None


def test_a_paused_master_is_left(start, topologies):
    """It takes connections and answers nothing, and comes back believing that it is the master still."""
    trio = topologies(Sentinels)
    until(lambda: trio.settled() and trio.master(), what="the Sentinels")
    server = start(WORKERS="1", RATE_LIMIT_READ_MAX="5", **trio.env)
    until(lambda: well(server), what="Redis")
    old, client = trio.master(), Client(server)
    old.pause()
    try:
        statuses = [client.read().status for _ in range(20)]
        assert statuses.count(200) <= 10 and statuses[-1] == 429  # so many in Redis, and so many in the pod's memory
        until(lambda: (new := trio.master()) and new is not old, what="another master")
        until(lambda: well(server), what="the server to follow")
    finally:
        old.resume()
    until(lambda: counted_by_redis(server), what="Redis to count")


def test_a_planned_fail_over(start, topologies):
    """The old master answers on for ten seconds, until the Sentinels turn to it: +switch-master alone says that it is none."""
    trio = topologies(Sentinels)
    server = start(WORKERS="1", **trio.env)
    until(lambda: well(server), what="Redis")

    def follows_the_word():
        """None where the old master was told before the server was seen to follow."""
        until(lambda: trio.settled() and trio.master(), what="the Sentinels")
        old = trio.master()
        until(lambda: ask_quietly(trio.sentinels[0], "SENTINEL", "FAILOVER", "mymaster"), what="a replica that may be promoted")
        new = until(lambda: (new := trio.master()) is not old and new, what="another master")
        while old.role() == "master":
            sizes = new.ask("DBSIZE"), old.ask("DBSIZE")
            Client(server).read()
            if new.ask("DBSIZE") > sizes[0] and old.ask("DBSIZE") == sizes[1] and old.role() == "master":
                return True
        return None

    assert any(follows_the_word() for _ in range(4)), "it never followed while the old master would have answered"
    until(lambda: well(server), what="Redis")


def test_without_sentinels(start, topologies, tmp_path):
    """What is connected stays; who begins then has only its own memory, and says so."""
    trio = topologies(Sentinels)
    server = start(WORKERS="1", **trio.env)
    until(lambda: well(server), what="Redis")
    for sentinel in trio.sentinels:
        sentinel.kill()
    late = start(WORKERS="1", RATE_LIMIT_READ_MAX="3", **trio.env)
    until(lambda: redis_health(late) == {"ok": False, "error": "refused"}, what="the reason")
    assert late.metric('supernova_dependency_up{name="redis"}') == 0
    client = Client(late)
    assert [client.read().status for _ in range(5)] == [200] * 3 + [429] * 2
    until(lambda: counted_by_redis(server) and well(server), what="Redis to count")
    trio.sentinels[2].start()
    until(lambda: well(late), what="Redis, through the one Sentinel")
    until(lambda: counted_by_redis(late), what="Redis to count")
    for sentinel in trio.sentinels[:2]:
        sentinel.start()
    until(trio.settled, what="the Sentinels")


def test_sentinels_that_are_wrong(start, topologies, tmp_path):
    """One that is away, one that doesn't know the name, one that takes a replica for the master: the next is asked, and ROLE is."""
    trio, (away, port) = topologies(Sentinels), free_ports(2)
    replica = next(n for n in trio.nodes if n.role() == "slave")
    # under a name of its own: Sentinels of one name tell each other who is the master
    liar = Node(tmp_path, port, sentinel=f"sentinel monitor wrong 127.0.0.1 {replica.port} 1\nsentinel down-after-milliseconds wrong 90000\n")
    liar.start()
    try:
        server = start(WORKERS="1", **{**trio.env, "REDIS_SENTINEL": f"127.0.0.1:{liar.port}", "REDIS_MASTER": "wrong"})
        until(lambda: redis_health(server) == {"ok": False, "error": "refused"}, what="the reason")
        until(lambda: any("is no master" in line["err"] for line in server.lines(msg="redis is away")), what="the sentence")
        unknown = start(WORKERS="1", **{**trio.env, "REDIS_SENTINEL": f"127.0.0.1:{away},127.0.0.1:{liar.port}", "REDIS_MASTER": "nobody"})
        until(lambda: any("doesn't know the master nobody" in line["err"] for line in unknown.lines(msg="redis is away")), what="the sentence")
        good = trio.sentinels[0].port
        third = start(WORKERS="1", **{**trio.env, "REDIS_SENTINEL": f"127.0.0.1:{away},127.0.0.1:{liar.port},127.0.0.1:{good}"})
        until(lambda: well(third), what="Redis, through the third")
        until(lambda: counted_by_redis(third), what="Redis to count")
    finally:
        liar.kill()


# --- Cluster

def test_cluster_loses_a_primary(start, topologies):
    cluster = topologies(Cluster)
    server = start(WORKERS="2", **cluster.env)
    until(lambda: well(server), what="Redis")
    victim = cluster.primaries()[0]
    with Load(server):
        victim.kill()
        until(lambda: not redis_health(server)["ok"], what="the loss")
        until(lambda: len(cluster.primaries()) == 3 and cluster.well(), what="a replica to take over")
        until(lambda: well(server), what="the server to follow")
    until(lambda: counted_by_redis(server), what="Redis to count")
    victim.start()
    until(lambda: victim.role() == "slave" and cluster.well(), what="the node to follow")
    until(lambda: counted_by_redis(server), what="Redis to count")


def test_a_slot_moves_while_it_is_used(start, topologies):
    """Each step of a resharding, with reads in between: before, ASK, after and MOVED are one count."""
    cluster = topologies(Cluster)
    server = start(WORKERS="1", RATE_LIMIT_READ_MAX="40", **cluster.env)
    until(lambda: well(server), what="Redis")

    def play():
        before, client, remaining = set(cluster.keys()), Client(server), []

        def read(count):
            remaining.extend(int(client.read().headers["X-RateLimit-Remaining"]) for _ in range(count))

        read(5)
        key = next(k for k in cluster.keys() if k not in before and "{read:" in k)
        source = cluster.keys()[key]
        target = next(n for n in cluster.primaries() if n is not source)
        slot = source.ask("CLUSTER", "KEYSLOT", key)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id_of(target))
        read(5)
        assert source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5000) == "OK"
        read(10)  # ASK: the script is new to the target, and goes there as a whole
        with pytest.raises(RedisError, match="^ASK"):
            source.ask("EXISTS", key)
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(target))
        read(10)  # MOVED, then straight
        assert cluster.keys()[key] is target
        until(lambda: cluster.owner(slot) is target, what="all to agree")
        read(10)
        assert remaining == list(range(39, -1, -1)) and client.read().status == 429

    exactly(server, play)
    until(lambda: well(server), what="Redis")


def test_resharding_under_load(start, topologies):
    """The slots of those who read go to another node while they do. No read is refused or lost, and Redis counts all of them."""
    cluster = topologies(Cluster)
    server = start(WORKERS="2", **cluster.env)
    until(lambda: well(server), what="Redis")
    source, target = cluster.primaries()[:2]
    before = set(source.ask("KEYS", "*"))
    with Load(server, 60):
        until(lambda: counts(server)[0] > 400, what="load")
        slots = sorted({source.ask("CLUSTER", "KEYSLOT", key) for key in set(source.ask("KEYS", "*")) - before})
        assert slots
        for slot in slots:
            target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id_of(source))
            source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id_of(target))
            while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
                source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            for node in (target, source):
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(target))
    until(lambda: well(server), what="Redis")
    assert not set(source.ask("KEYS", "*")) - before
    # a machine that is too busy to answer within the time-out is no fault of the redirects
    if counts(server)[1]:
        server.said(reason="timeout")


def test_a_cluster_that_is_gone_and_back(start, topologies):
    cluster = topologies(Cluster)
    server = start(WORKERS="1", RATE_LIMIT_READ_MAX="3", **cluster.env)
    until(lambda: well(server), what="Redis")
    for node in cluster.nodes:
        node.kill()
    until(lambda: redis_health(server) == {"ok": False, "error": "refused"}, what="the reason")
    client = Client(server)
    assert [client.read().status for _ in range(5)] == [200] * 3 + [429] * 2
    for node in cluster.nodes:
        node.start()
    until(cluster.well, what="the cluster")
    until(lambda: well(server), what="Redis to be back")
    until(lambda: counted_by_redis(server), what="Redis to count")


# --- TLS

def test_tls(start, tmp_path):
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other")
    with Single(tmp_path, tls=authority) as redis:
        server = start(WORKERS="1", SSL_CERT_FILE=str(authority.ca), **redis.env)
        until(lambda: well(server), what="Redis")
        until(lambda: counted_by_redis(server), what="Redis to count")
        untrusting = start(WORKERS="1", SSL_CERT_FILE=str(other.ca), **redis.env)
        until(lambda: redis_health(untrusting) == {"ok": False, "error": "tls"}, what="the reason")
        assert untrusting.lines(reason="tls") and Client(untrusting).read().status == 200
        plain = start(WORKERS="1", REDIS_MODE="single", REDIS_URL=redis.env["REDIS_URL"].replace("rediss", "redis"))
        until(lambda: redis_health(plain) == {"ok": False, "error": "unreachable"}, what="the reason")
    wrong = Authority(tmp_path / "wrong", "DNS:other.example")
    with Single(tmp_path, tls=wrong) as redis:
        server = start(WORKERS="1", SSL_CERT_FILE=str(wrong.ca), **redis.env)
        until(lambda: redis_health(server) == {"ok": False, "error": "tls"}, what="the reason")
        until(lambda: any("hostname mismatch" in line["err"] for line in server.lines(reason="tls")), what="the sentence")


@pytest.mark.parametrize("kind", [Sentinels, Cluster])
def test_tls_to_all_of_them(start, tmp_path, kind):
    authority = Authority(tmp_path / "ca")
    with kind(tmp_path, tls=authority) as redis:
        server = start(WORKERS="1", SSL_CERT_FILE=str(authority.ca), **redis.env)
        until(lambda: well(server), what="Redis")
        until(lambda: counted_by_redis(server), what="Redis to count")


# --- logins

@pytest.mark.parametrize("kind", [Single, Sentinels, Cluster])
def test_least_rights(start, topologies, kind):
    redis, login = topologies(kind), "redis://app:p%40ss%2C%2F@"
    redis.acl("app", "reset", "on", ">p@ss,/", *LEAST_RIGHTS, *RIGHTS_OF_MODE[kind.mode])
    env = {name: (login + value.removeprefix("redis://") if value and name != "REDIS_MODE" else value) for name, value in redis.env.items()}
    if kind is Sentinels:
        for sentinel in redis.sentinels:
            sentinel.ask("ACL", "SETUSER", "app", "reset", "on", ">p@ss,/", *RIGHTS_AT_SENTINEL)
    server = start(WORKERS="1", **env)
    until(lambda: well(server), what="Redis")
    until(lambda: counted_by_redis(server), what="Redis to count")
    wrong = start(WORKERS="1", **{name: value.replace("p%40ss", "guess") for name, value in env.items()})
    until(lambda: redis_health(wrong) == {"ok": False, "error": "auth"}, what="the reason")
    assert "guess" not in wrong.logged() and Client(wrong).read().status == 200


def test_a_right_is_missing(start, topologies):
    """The server answers and can't be used: that is said, and the pod's memory counts."""
    redis = topologies(Single)
    redis.acl("poor", "reset", "on", ">secret", "~supernova:limit:*", "+ping", "+select", "+eval", "+evalsha", "+pttl", "+pexpire")
    server = start(WORKERS="1", RATE_LIMIT_READ_MAX="2", **{**redis.env, "REDIS_URL": redis.env["REDIS_URL"].replace("//", "//poor:secret@")})
    client = Client(server)
    assert [client.read().status for _ in range(4)] == [200] * 2 + [429] * 2
    until(lambda: redis_health(server) == {"ok": False, "error": "auth"}, what="the reason")
    redis.acl("poor", "+incr")
    assert Client(server).read().status == 200
    until(lambda: well(server), what="Redis")


@pytest.mark.parametrize("kind", [Single, Sentinels, Cluster])
def test_check_reaches_it(topologies, database, keys, kind):
    env = {"DATABASE_URL": database.url, "JWKS_DIR": str(keys), "ISSUER_ADMIN_SECRET": ISSUER_SECRET, "TERMINATION_LOG": "/dev/null"}
    done = run("check", "--output", "json", env={**env, **topologies(kind).env})
    assert {"name": "redis", "verdict": "ok"}.items() <= next(c for c in json.loads(done.stdout)["checks"] if c["name"] == "redis").items()
    done = run("check", env={**env, **topologies(kind).env, "REDIS_URL": "redis://:hunter2@h/x", "REDIS_MODE": "single"})
    assert done.returncode == 65 and "REDIS_URL has a database that is no number" in done.stdout and "hunter2" not in done.stdout


def test_the_wrong_mode_is_said(start, topologies):
    """REDIS_URL to a node of a cluster, and REDIS_CLUSTER_NODES to a server that is none."""
    node, alone = topologies(Cluster).nodes[0], topologies(Single).nodes[0]
    single = start(WORKERS="1", REDIS_URL=f"redis://127.0.0.1:{node.port}")
    cluster = start(WORKERS="1", REDIS_URL="", REDIS_CLUSTER_NODES=f"127.0.0.1:{alone.port}")
    until(lambda: Client(single).read() and redis_health(single) == {"ok": False, "error": "refused"}, what="the reason")
    for _ in range(10):
        Client(single).read()
        assert not redis_health(single)["ok"]  # though it can be connected to, again and again
    assert len(single.said(msg="redis is of no use")) == 1 and len(single.lines(msg="redis is there")) <= 1
    until(lambda: redis_health(cluster) == {"ok": False, "error": "refused"}, what="the reason")
    until(lambda: any("cluster support disabled" in line["err"] for line in cluster.lines(msg="redis is away")), what="the sentence")
