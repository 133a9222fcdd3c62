"""Real Redis servers of a test's own: one, a primary with replicas and three Sentinels, a Cluster of six nodes; with TLS where it is wanted.

    with Single(tmp_path) as redis: …            Sentinels(tmp_path), Cluster(tmp_path): the same

Each has `env`, what the server is told, and `nodes`, which may be killed, paused and started again on their ports. Everything listens on
127.0.0.1 and ends with the block, or with the test's process, however that comes.
"""

import contextlib
import ctypes
import signal
import socket
import ssl
import subprocess

from conftest import free_port, until

PR_SET_PDEATHSIG = 1
SLOTS = 16384


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count):
    return [free_port() for _ in range(count)]


class RedisError(Exception):
    pass


def read_reply(stream):
    line = stream.readline()
    if not line:
        raise ConnectionError("closed")
    kind, text = line[:1], line[1:-2].decode()
    if kind == b"-":
        raise RedisError(text)
    if kind == b"+":
        return text
    if kind == b":":
        return int(text)
    if kind == b"$":
        return None if text == "-1" else stream.read(int(text) + 2)[:-2].decode(errors="replace")
    return None if text == "-1" else [read_reply(stream) for _ in range(int(text))]


class Node:
    """One redis-server; a Sentinel where SENTINEL is its configuration."""

    def __init__(self, directory, port, *options, sentinel=None, tls=None):
        self.directory, self.port, self.tls = directory / f"redis-{port}", port, tls
        self.directory.mkdir()
        self.process = None
        self.command = ["redis-server"]
        if sentinel is not None:
            (self.directory / "sentinel.conf").write_text(sentinel)
            self.command += [str(self.directory / "sentinel.conf"), "--sentinel"]
        listen = ["--port", str(port)]
        if tls:
            listen = ["--port", "0", "--tls-port", str(port), "--tls-cert-file", str(tls.certificate), "--tls-key-file", str(tls.key),
                      "--tls-ca-cert-file", str(tls.ca), "--tls-auth-clients", "no", "--tls-replication", "yes"]
        self.command += [*listen, "--bind", "127.0.0.1", "--dir", str(self.directory), "--logfile", str(self.directory / "log"), *options]
        if sentinel is None:
            self.command += ["--save", "", "--appendonly", "no"]

    def start(self):
        self.process = subprocess.Popen(self.command, preexec_fn=die_with_parent, stdin=subprocess.DEVNULL)
        until(self.there, what=f"redis-server on {self.port}")

    def there(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()[-2000:]
        with contextlib.suppress(OSError, RedisError):
            return bool(self.ask("PING"))
        return False

    def ask(self, *words, user=None):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as plain:
            context = ssl.create_default_context(cafile=self.tls.ca) if self.tls else None
            if context:
                context.check_hostname = False
            with context.wrap_socket(plain) if context else plain as sock, sock.makefile("rwb") as stream:
                for command in ([("AUTH", *user)] if user else []) + [words]:
                    stream.write(b"*%d\r\n" % len(command))
                    for word in command:
                        word = str(word).encode()
                        stream.write(b"$%d\r\n%b\r\n" % (len(word), word))
                    stream.flush()
                    reply = read_reply(stream)
                return reply

    def role(self):
        with contextlib.suppress(OSError, RedisError):
            return self.ask("ROLE")[0]

    def info(self, section, name):
        for line in self.ask("INFO", section).splitlines():
            if line.startswith(name + ":"):
                return line.split(":", 1)[1]

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Topology:
    nodes = ()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for node in self.nodes:
            node.kill()

    def acl(self, *rules):
        for node in self.nodes:
            node.ask("ACL", "SETUSER", *rules)


class Single(Topology):
    mode = "single"

    def __init__(self, directory, *options, tls=None):
        self.nodes = [Node(directory, free_ports(1)[0], *options, tls=tls)]
        self.env = {"REDIS_MODE": "auto", "REDIS_URL": f"redis{'s' if tls else ''}://localhost:{self.nodes[0].port}/2"}

    def start(self):
        self.nodes[0].start()


class Sentinels(Topology):
    """Three servers, the first of which begins as the master, and three Sentinels that agree by two."""
    mode = "sentinel"

    def __init__(self, directory, tls=None):
        ports = free_ports(6)
        announce = f"sentinel monitor mymaster 127.0.0.1 {ports[0]} 2\nsentinel down-after-milliseconds mymaster 1000\n" \
                   "sentinel failover-timeout mymaster 2000\nsentinel parallel-syncs mymaster 2\n"
        self.nodes = [Node(directory, port, "--repl-diskless-sync-delay", "0", *(["--replicaof", f"127.0.0.1 {ports[0]}"] if i else []), tls=tls)
                      for i, port in enumerate(ports[:3])]
        self.sentinels = [Node(directory, port, sentinel=announce, tls=tls) for port in ports[3:]]
        scheme = "rediss://" if tls else ""
        self.env = {"REDIS_MODE": "auto", "REDIS_URL": "", "REDIS_SENTINEL": scheme + ",".join(f"127.0.0.1:{port}" for port in ports[3:]),
                    "REDIS_MASTER": scheme + "mymaster"}

    def start(self):
        for node in self.nodes:
            node.start()
        until(lambda: all(n.info("replication", "master_link_status") == "up" for n in self.nodes[1:]), what="replication")
        for sentinel in self.sentinels:
            sentinel.start()
        until(self.settled, what="the Sentinels")

    def settled(self):
        told = [dict(zip(*[iter(s.ask("SENTINEL", "MASTER", "mymaster"))] * 2)) for s in self.sentinels]
        return all(t["num-other-sentinels"] == "2" and t["num-slaves"] == "2" for t in told)

    def master(self):
        """The server that the Sentinels name and that agrees."""
        address = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
        return next((n for n in self.nodes if str(n.port) == address[1] and n.role() == "master"), None)

    def stop(self):
        for node in [*self.sentinels, *self.nodes]:
            node.kill()


class Cluster(Topology):
    """Three primaries, nodes 0 to 2, and a replica of each, nodes 3 to 5."""
    mode = "cluster"

    def __init__(self, directory, tls=None):
        more = ["--tls-cluster", "yes"] if tls else []
        self.buses = free_ports(6)
        self.nodes = [Node(directory, port, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000",
                           "--cluster-port", str(bus), "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0", *more, tls=tls)
                      for port, bus in zip(free_ports(6), self.buses, strict=True)]
        self.env = {"REDIS_MODE": "auto", "REDIS_URL": "",
                    "REDIS_CLUSTER_NODES": ("rediss://" if tls else "") + ",".join(f"127.0.0.1:{n.port}" for n in self.nodes[:3])}

    def start(self):
        for node in self.nodes:
            node.start()
        for i, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
            if i < 3:
                node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * i // 3, SLOTS * (i + 1) // 3 - 1)
            if i:
                node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self.buses[0])
        until(lambda: all(n.ask("CLUSTER", "INFO").find("cluster_known_nodes:6") > 0 for n in self.nodes), what="the nodes to meet")
        for primary, replica in zip(self.nodes[:3], self.nodes[3:]):
            replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID"))
        until(lambda: self.well() and all(n.info("replication", "master_link_status") == "up" for n in self.nodes[3:]), what="the cluster")

    def well(self):
        return all(n.ask("CLUSTER", "INFO").startswith("cluster_state:ok") for n in self.nodes if n.process.poll() is None)

    def primaries(self):
        return [n for n in self.nodes if n.process.poll() is None and n.role() == "master"]

    def id_of(self, node):
        return node.ask("CLUSTER", "MYID")

    def owner(self, slot):
        for first, last, (_, port, *_), *_ in self.primaries()[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(n for n in self.nodes if n.port == port)

    def keys(self):
        return {key: node for node in self.primaries() for key in node.ask("KEYS", "*")}


class Authority:
    """A certificate authority of a test's own, and one certificate of it for NAMES."""

    def __init__(self, directory, names="DNS:localhost,IP:127.0.0.1"):
        self.directory = directory
        directory.mkdir()
        self.ca, self.certificate, self.key = directory / "ca.pem", directory / "server.pem", directory / "server.key"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self.openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl("req", *curve, "-subj", "/CN=redis", "-keyout", "server.key", "-out", "server.csr")
        (directory / "names").write_text(f"subjectAltName={names}\n")
        self.openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
                     "-out", "server.pem")

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
