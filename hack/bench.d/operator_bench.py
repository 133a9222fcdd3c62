"""The operator's figures, on an etcd and kube-apiserver with controllers and nothing else.

Called by hack/bench operator, which sets KUBECONFIG, OPERATOR_BINARY and BARE_APPLY. What was written is read from the API server's audit log;
times between a change and the operator's answer are the API server's own, so that they hold its share too.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request

from figures import Figures, percentile, progress
from kubeapi import ApiServer
from operator_process import Operator
from processes import cpu_ms, free_port, memory_mb, wait_until

SYSTEM, AGENT = "supernova-system", "supernova-operator/"
SECRETS = {"DATABASE_URL": "postgres://shop:pw@db:5432/shop", "ISSUER_ADMIN_SECRET": "x" * 48}
IN_FLIGHT = 16  # the operator's own default
SETTLED_S = 3
BARE_SHARE = 4  # bare applies a stack, once before and once after

Write = collections.namedtuple("Write", "at answered verb resource subresource name")


def seconds(timestamp):
    return datetime.datetime.fromisoformat(timestamp).timestamp()


class Audit:
    """Reads on in the audit log from where it was left."""

    def __init__(self, kubeconfig):
        self.path = pathlib.Path(kubeconfig).parent / "log/audit.log"
        self.offset = self.path.stat().st_size

    def skip(self):
        self.offset = self.path.stat().st_size

    def read(self, agent=AGENT):
        """The writes since, by who calls himself AGENT…, the Lease and events left out: they are no change of the world."""
        with open(self.path, "rb") as log:
            log.seek(self.offset)
            text = log.read()
        complete = text[:text.rfind(b"\n") + 1]
        self.offset += len(complete)
        events = map(json.loads, complete.splitlines())
        return [write_of(event) for event in events
                if event.get("userAgent", "").startswith(agent) and event["objectRef"]["resource"] not in ("leases", "events")]


def write_of(event):
    what = event["objectRef"]
    return Write(seconds(event["requestReceivedTimestamp"]), seconds(event["stageTimestamp"]), event["verb"], what["resource"],
                 what.get("subresource", ""), what.get("name", ""))


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.kubeconfig = os.environ["KUBECONFIG"]
        self.api = ApiServer(self.kubeconfig)
        self.audit = Audit(self.kubeconfig)
        self.figures = Figures(f"hack/bench operator --stacks {options.stacks}")
        self.operators = []

    # --- the operator

    def start(self):
        port = free_port()
        operator = Operator(self.folder, self.kubeconfig, SYSTEM, name=f"operator-{len(self.operators) + 1}", WATCH_NAMESPACES="",
                            METRICS_PORT=str(port))
        operator.metrics_url = f"http://127.0.0.1:{port}/metrics"
        self.operators.append(operator)
        wait_until("the operator answers", lambda: self.metric(operator, "leader_election_master_status") is not None)
        return operator

    @staticmethod
    def metric(operator, name):
        """The sum over all series of a name, None where it can't be asked."""
        try:
            text = urllib.request.urlopen(operator.metrics_url, timeout=5).read().decode()
        except OSError:
            return None
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + " ", name + "{")))

    def cached(self, operator):
        return self.metric(operator, "supernova_operator_cached_objects")

    def leads(self, operator):
        return self.metric(operator, "leader_election_master_status") == 1

    def end(self):
        for operator in self.operators:
            if operator.alive:
                operator.terminate()

    # --- stacks

    def furnish(self, namespace):
        self.api.create("namespaces", None, {"metadata": {"name": namespace}})
        self.api.create("secrets", namespace, {"metadata": {"name": "supernova-secrets"}, "stringData": SECRETS})
        return namespace

    def bare(self, namespace, what, count):
        """Seconds that COUNT bare applies took."""
        pki = pathlib.Path(self.kubeconfig).parent / "pki"
        command = [os.environ["BARE_APPLY"], f"https://{self.api.host}:{self.api.port}", pki / "ca.crt", pki / "admin.crt", pki / "admin.key",
                   namespace, what, str(count), str(IN_FLIGHT)]
        _, took, failed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert failed == "0", f"{failed} bare applies failed"
        return float(took)

    def ready_count(self, namespace):
        # from the API server's own memory, at any version: the cheapest look there is
        stacks = self.api.items("supernovastacks", namespace, resourceVersion="0")
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in stack["status"].get("conditions", [])) for stack in stacks)

    def settle(self):
        """Until nothing was written for a while; what was is returned."""
        found, quiet_since = [], time.monotonic()
        while time.monotonic() - quiet_since < SETTLED_S:
            time.sleep(0.1)
            if new := self.audit.read():
                found, quiet_since = found + new, time.monotonic()
        return found

    def annotate_service(self, namespace, value):
        """Changes one field of stack-0 that is no part of its release. The moment at which the API server had answered."""
        self.api.patch("supernovastacks", namespace, "stack-0", {"spec": {"service": {"annotations": {"bench": value}}}})
        return time.time()

    # --- figures

    def one_stack(self):
        self.furnish("one")
        self.bare("one", "stacks", 1)
        wait_until("the first stack is Ready", lambda: self.ready_count("one") == 1)
        writes = self.settle()
        status = [w for w in writes if w.subresource == "status"]
        children = {(w.resource, w.name) for w in writes if w.resource != "supernovastacks"}
        for (resource_name, subresource), count in sorted(collections.Counter((w.resource, w.subresource) for w in writes).items()):
            progress(f"a new stack: {count} × {resource_name}{'/' + subresource if subresource else ''}")
        # one a child, three of status, and two that a release owes: the finalizer, and in its revision when it was deployed
        self.figures.add(f"writes for a new stack ({len(children)} children)", len(writes), "", at_most=len(children) + 3 + 2)
        self.figures.add("of these, of status", len(status), "", at_most=3)

    def idle(self, operator):
        window_s = self.options.idle
        progress(f"idle for {window_s} s")
        before_ms, began = cpu_ms(operator.process.pid), time.monotonic()
        time.sleep(window_s)
        used_ms, elapsed_s = cpu_ms(operator.process.pid) - before_ms, time.monotonic() - began
        memory = memory_mb(operator.process.pid)
        self.figures.add("idle, 1 stack: resident memory", memory["Rss"], "MB", at_most=16)
        self.figures.add("idle, 1 stack: anonymous memory", memory["Anonymous"], "MB", at_most=5)
        self.figures.add("idle, 1 stack: processor time a second", used_ms / elapsed_s, "ms", at_most=1)
        self.figures.add("idle, 1 stack: writes a minute, the Lease apart", len(self.audit.read()) * 60 / elapsed_s, "", at_most=0)

    def one_field(self):
        for what, most in (("the first time", 4), ("later", 3)):
            self.annotate_service("one", what)
            self.figures.add(f"writes for one field outside the release, {what}", len(self.settle()), "", at_most=most)

    def latency(self):
        progress(f"{self.options.changes} changes")
        for number in range(self.options.changes):
            self.api.patch("supernovastacks", "one", "stack-0", {"spec": {"service": {"annotations": {"bench": str(number)}}}})
            wait_until("the change is done", self.caught_up)
            time.sleep(0.02)
        writes = sorted(self.audit.read(agent=""))
        changes = [w for w in writes if w.resource == "supernovastacks" and w.subresource == ""]
        services = [w for w in writes if w.resource == "services"]
        waits_ms = [(service.at - change.answered) * 1000 for change, service in zip(changes, services, strict=True)]
        self.figures.note("from a change to the first write: median", percentile(waits_ms, 50), "ms")
        self.figures.add("from a change to the first write: p99", percentile(waits_ms, 99), "ms", at_most=20)

    def caught_up(self):
        stack = self.api.get("supernovastacks", "one", "stack-0")
        return stack["status"]["observedGeneration"] == stack["metadata"]["generation"]

    def plan(self, operator):
        """Rounds that find nothing to do, woken by an annotation on the stack that means nothing. The best of ten batches: a neighbour on
        the machine can only make them slower."""
        progress("rounds with nothing to do")
        self.settle()
        means_us, began_ms, began = [], cpu_ms(operator.process.pid), self.rounds(operator)
        for batch in range(10):
            before = self.rounds(operator)
            for number in range(20):
                self.api.patch("supernovastacks", "one", "stack-0", {"metadata": {"annotations": {"bench": f"{batch}-{number}"}}})
                time.sleep(0.01)
            after = wait_until("the rounds are done", lambda: (now := self.rounds(operator)) != before and now)
            means_us.append((after[0] - before[0]) / (after[1] - before[1]) * 1e6)
        used_ms, ended = cpu_ms(operator.process.pid) - began_ms, self.rounds(operator)
        assert not self.audit.read(), "rounds with nothing to do have written"
        self.figures.add("observe and plan, 1 stack (best of 10 means)", min(means_us), "us", at_most=200)
        self.figures.note("  processor time a round, with its watch event and all", used_ms * 1000 / (ended[1] - began[1]), "us")

    def rounds(self, operator):
        """(seconds, count) of all rounds so far."""
        return tuple(self.metric(operator, f"controller_runtime_reconcile_time_seconds_{part}") for part in ("sum", "count"))

    def many(self, operator, namespace, prepare, label):
        """Many stacks at once, against as many bare applies as the API server took for them, at the rate of those before and after."""
        count = self.options.stacks
        progress(f"{count} stacks, {label}")
        self.furnish(namespace)
        prepare(namespace)
        bare_s = self.bare(self.furnish(f"{namespace}-before"), "objects", BARE_SHARE * count)
        self.audit.skip()
        before_ms, began = cpu_ms(operator.process.pid), time.time()
        self.bare(namespace, "stacks", count)
        wait_until(f"{count} stacks are Ready", lambda: self.ready_count(namespace) == count, timeout_s=60 + 3 * count, poll_s=1)
        writes = self.audit.read()
        took_s = max(w.answered for w in writes) - began
        writes += self.settle()
        used_ms = cpu_ms(operator.process.pid) - before_ms
        bare_s += self.bare(self.furnish(f"{namespace}-after"), "objects", BARE_SHARE * count)
        owed = len(writes) + count
        bare_s *= owed / (2 * BARE_SHARE * count)
        self.figures.note(f"{count} stacks at once, {label}: until all were Ready", took_s, "s")
        self.figures.note("  the operator's processor time, a stack", used_ms / count, "ms")
        self.figures.note(f"  as many bare applies ({owed:,})", bare_s, "s")
        self.figures.add("  ratio", took_s / bare_s, "", at_most=1.25)

    def give_keys(self, namespace):
        """A signing key for each stack, there before it is: the operator adopts it. One key for all: making them is what is left out."""
        folder = self.folder / "keys"
        subprocess.run([os.environ["SERVER_BINARY"], "gen-jwks", "--output", folder], check=True, capture_output=True)
        files = {path.name: path.read_text() for path in folder.iterdir()}
        for number in range(self.options.stacks):
            self.api.create("secrets", namespace, {"metadata": {"name": f"stack-{number}-jwks"}, "stringData": files})

    def key_cost(self):
        """Milliseconds of processor for one RSA key of 2,048 bits, by openssl alone."""
        def used():
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            return usage.ru_utime + usage.ru_stime
        before = used()
        for _ in range(20):
            subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "/dev/null"], check=True)
        self.figures.note("  of which openssl takes for a key", (used() - before) / 20 * 1000, "ms")

    def at_scale(self, operator, standby):
        count = self.metric(operator, "supernova_stack_ready")
        for name, process in (("leader", operator), ("standby", standby)):
            memory = memory_mb(process.process.pid)
            self.figures.add(f"{count:,.0f} stacks: resident memory, {name}", memory["Rss"], "MB", at_most=32)
            self.figures.note(f"{count:,.0f} stacks: anonymous memory, {name}", memory["Anonymous"], "MB")

    def fail_over(self, leader, standby, end, label, at_most):
        """From the signal until the standby's first write, for a change that is made at once."""
        self.settle()
        began = time.time()
        end(leader)
        self.annotate_service("one", label)
        wait_until("the standby leads", lambda: self.leads(standby))
        self.figures.add(f"{label}: until the standby writes", self.settle()[0].at - began, "s", at_most=at_most)

    def run(self):
        leader = self.start()
        wait_until("the operator leads", lambda: self.leads(leader))
        self.one_stack()
        self.idle(leader)
        self.one_field()
        self.latency()
        self.plan(leader)
        self.many(leader, "keys-adopted", self.give_keys, "their keys there")
        standby = self.start()
        wait_until("the standby has read all", lambda: self.cached(standby) == self.cached(leader))
        self.at_scale(leader, standby)
        self.many(leader, "keys-made", lambda namespace: None, "keys made")
        self.key_cost()
        self.fail_over(leader, standby, lambda o: o.process.terminate(), "planned fail-over", 2)
        third = self.start()
        self.fail_over(standby, third, lambda o: o.process.kill(), "leader killed", 17)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stacks", type=int, default=200)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--idle", type=int, default=30)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(parser.parse_args(), pathlib.Path(folder))
        try:
            bench.run()
        finally:
            bench.end()
        return bench.figures.close()


if __name__ == "__main__":
    sys.exit(main())
