"""What people type by kubectl, what is only looked at straight from the API, waiting on conditions, and a stack with all it stands on."""
import base64
import collections
import datetime
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml

SYSTEM = "supernova-system"
SOURCE = pathlib.Path(__file__).parent.parent
sys.path.append(str(SOURCE / "operator/tests"))
from kubeapi import ApiError, ApiServer  # noqa: E402

GROUP = "platform.supernova.com"
ADMIN, OPERATOR = "admin", f"system:serviceaccount:{SYSTEM}:supernova-operator"  # as the audit log calls them

PLURALS = {"pdb": "poddisruptionbudgets", "hpa": "horizontalpodautoscalers", "ingress": "ingresses", "networkpolicy": "networkpolicies"}

Write = collections.namedtuple("Write", "at verb resource name namespace")


def run(*command, stdin=None, timeout_s=120):
    return subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True, timeout=timeout_s)


def kubectl(*words, stdin=None, timeout_s=120):
    """The output of kubectl; a failure shows the line as it could be typed, and what kubectl said."""
    done = run("kubectl", *words, stdin=stdin, timeout_s=timeout_s)
    assert done.returncode == 0, f"$ kubectl {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
    return done.stdout


@functools.cache
def api():
    return ApiServer(os.environ["KUBECONFIG"])


def resource(kind):
    return PLURALS.get(kind, kind + "s")


def read(kind, name, namespace=None):
    """An object; None when there is none."""
    try:
        return api().get(resource(kind), namespace, name)
    except ApiError as error:
        if error.status != 404:
            raise
        return None


def items(kind, namespace=None, **query):
    return api().items(resource(kind), namespace, **query)


def events(namespace, reason):
    return [event for event in items("event", namespace) if event["reason"] == reason]


def apply(*manifests, namespace=None):
    where = ["-n", namespace] if namespace else []
    return kubectl(*where, "apply", "--server-side", "--force-conflicts", "--field-manager", "e2e", "-f", "-",
                   stdin=yaml.safe_dump_all(manifests))


def wait_for(what, condition, timeout_s=180, every_s=0.2):
    """What CONDITION returns once that is true; a failure says what was waited for and what was last seen. How long is for a machine that is busy with much
    else: a claim about time is read from what the API server noted down."""
    end = time.monotonic() + timeout_s
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout_s} s until {what}; seen: {seen}")
        time.sleep(every_s)


def request(method, url, headers={}, body=None):
    """Status and decoded body of an HTTP request."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"content-type": "application/json", **headers} if data else headers
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read() or "null")


def condition_of(thing, kind):
    return next((c for c in (thing or {}).get("status", {}).get("conditions", []) if c["type"] == kind), None)


def merge(base, changes):
    """BASE with CHANGES, as kubectl patch --type=merge would."""
    if not isinstance(changes, dict) or not isinstance(base, dict):
        return changes
    together = {**base, **{key: merge(base.get(key), value) for key, value in changes.items()}}
    return {key: value for key, value in together.items() if value is not None}


class Stack:
    """A SupernovaStack in a namespace of its own, with a database of its own."""

    def __init__(self, namespace, image, databases, name="supernova-server"):
        self.namespace, self.name, self.image, self.databases = namespace, name, image, databases
        self.secret = databases.secret_for(namespace)

    # --- what is wanted

    def manifest(self, **spec):
        repository, tag = self.image.rsplit(":", 1)
        base = {"environment": "development", "replicas": 1, "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
                "rollout": {"verification": {"windowSeconds": 1}}, "redis": {"mode": "single"}, "secrets": {"name": "supernova-secrets"},
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}}
        return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "SupernovaStack", "metadata": {"name": self.name}, "spec": merge(base, spec)}

    def apply(self, **spec):
        apply(self.manifest(**spec), namespace=self.namespace)

    def patch(self, **spec):
        self.kubectl("patch", "supernovastack", self.name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def put_secret(self, without=(), **changes):
        data = {key: value for key, value in {**self.secret, **changes}.items() if key not in without}
        apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "supernova-secrets"}, "stringData": data}, namespace=self.namespace)

    def install(self, **spec):
        self.put_secret()
        self.apply(**spec)
        self.wait_ready()

    # --- what is there

    def kubectl(self, *words, **options):
        return kubectl("-n", self.namespace, *words, **options)

    def read(self, kind, name=None):
        return read(kind, name or self.name, self.namespace)

    def list(self, kind):
        return items(kind, self.namespace, labelSelector=f"{GROUP}/stack={self.name}")

    def pods(self):
        """Names of the server's pods that are not on their way out."""
        found = items("pod", self.namespace, labelSelector=f"app={self.name}")
        return {pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def status(self):
        return (self.read("supernovastack") or {}).get("status", {})

    def ready(self):
        """Ready, and not that of a spec before this one."""
        stack = self.read("supernovastack")
        ready = condition_of(stack, "Ready")
        return ready and ready["status"] == "True" and stack["status"]["observedGeneration"] == stack["metadata"]["generation"]

    def wait_ready(self):
        wait_for(f"stack {self.namespace}/{self.name} is Ready", self.ready)

    def wait_reason(self, reason):
        """The Ready condition, once it has this reason."""
        def found():
            ready = condition_of(self.read("supernovastack"), "Ready")
            return ready if ready and ready["reason"] == reason else None
        return wait_for(f"Ready of {self.namespace}/{self.name} has the reason {reason}", found)

    def wait_rolled(self, before):
        """All pods are others than BEFORE, and the stack is Ready."""
        def rolled():
            pods = self.pods()
            return pods and not pods & before
        wait_for(f"no pod of {before} is left", rolled)
        self.wait_ready()

    # --- the product, as a client of the Service

    def url(self, path):
        service = self.read("service")["spec"]
        return f"http://{service['clusterIP']}:{service['ports'][0]['port']}{path}"

    def ask(self, method, path, headers={}, body=None):
        """Status and decoded body, once a connection comes about: kube-proxy learns a moment after everybody else which pods there are."""
        def answered():
            try:
                return request(method, self.url(path), headers, body)
            except OSError:
                return None
        return wait_for(f"{method} {path} of {self.namespace}/{self.name} is answered", answered)

    def token(self, subject="e2e", roles=("admin",), ttl_s=600):
        """Once the Service leads to pods alone that have the Secret as it is."""
        def minted():
            status, answer = self.ask("POST", "/auth/token", {"x-issuer-secret": self.secret["ISSUER_ADMIN_SECRET"]},
                                      {"sub": subject, "roles": list(roles), "ttl": ttl_s})
            return answer["token"] if status == 200 else None
        return {"authorization": f"Bearer {wait_for('a token is minted', minted)}"}

    def grant(self, token, profile, amount, reference):
        status, answer = self.ask("POST", "/api/entitlements/grant", token, {
            "profileId": profile, "externalRef": reference, "grant": {"type": "coins", "amount": amount, "reason": "e2e"}})
        assert status == 200, answer

    def coins(self, token, profile):
        status, answer = self.ask("GET", f"/api/entitlements/{profile}", token)
        assert status == 200, answer
        return answer["entitlements"]["coins"]


class Databases:
    """PostgreSQL and Redis of hack/quickstart, once for all stacks."""
    namespace = "e2e-databases"
    password = "e2e-password"

    def start(self):
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "quickstart-databases"},
               "stringData": {"POSTGRES_PASSWORD": self.password, "REDIS_PASSWORD": self.password}}, namespace=self.namespace)
        for name in ("postgres", "redis"):
            kubectl("-n", self.namespace, "apply", "--server-side", "-f", SOURCE / f"hack/quickstart.d/{name}.yaml")
        for name in ("postgres", "redis"):
            kubectl("-n", self.namespace, "rollout", "status", f"deployment/{name}", "--timeout=240s", timeout_s=300)

    def secret_for(self, database):
        """Makes an empty database and says how it is reached."""
        kubectl("-n", self.namespace, "exec", "deploy/postgres", "--", "sh", "-c",
                "PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U supernova -d postgres -q "
                f"-c 'DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)' -c 'CREATE DATABASE \"{database}\"'")
        here = f"{self.namespace}.svc"
        return {"DATABASE_URL": f"postgresql://supernova:{self.password}@postgres.{here}:5432/{database}?sslmode=disable",
                "REDIS_URL": f"redis://:{self.password}@redis.{here}:6379/0", "ISSUER_ADMIN_SECRET": "e2e-issuer-secret"}


class Cluster:
    """The local cluster under all of it: hack/cluster."""

    def __init__(self, name, kubeconfig):
        self.name, self.kubeconfig, self.state = name, pathlib.Path(kubeconfig), pathlib.Path(kubeconfig).parent

    def address(self, key):
        return re.search(f"^{key}=(.*)$", (self.state / "address").read_text(), re.MULTILINE)[1]

    def do(self, *words):
        done = run(SOURCE / "hack/cluster", *words, "--name", self.name)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mended_after_s(self, stack, what, since):
        """From ADMIN's last write of these objects of the stack to OPERATOR's."""
        def noted_down():
            drift, mend = (max((write.at for write in self.audit(user, since) if (write.resource, write.namespace) == (what, stack.namespace)),
                               default=since) for user in (ADMIN, OPERATOR))
            return since < drift < mend and (mend - drift).total_seconds()
        return wait_for("both are noted down, a moment behind the answer", noted_down)

    def audit(self, user=OPERATOR, since=None):
        """The writes of USER, as the API server noted them down."""
        text = (self.state / "log/audit.log").read_text()
        for line in text[:text.rfind("\n") + 1].splitlines():
            entry = json.loads(line)
            what, at = entry.get("objectRef", {}), datetime.datetime.fromisoformat(entry["requestReceivedTimestamp"])
            if entry["user"]["username"] == user and (since is None or at > since):
                yield Write(at, entry["verb"], what.get("resource"), what.get("name"), what.get("namespace"))


def install_operator(operator_image, server_image):
    """kubectl apply -k of manifests/operator with our images; sanitized ones need more memory."""
    with tempfile.TemporaryDirectory(dir=SOURCE / "build") as overlay:
        name, tag = operator_image.rsplit(":", 1)
        env = [{"name": "SERVER_IMAGE", "value": server_image}]
        container = {"name": "operator", "env": env, "resources": {"limits": {"memory": "512Mi"}}}
        patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "supernova-operator", "namespace": SYSTEM},
                 "spec": {"template": {"spec": {"containers": [container]}}}}
        (pathlib.Path(overlay) / "kustomization.yaml").write_text(yaml.safe_dump({
            "resources": ["../../manifests/operator"], "patches": [{"patch": yaml.safe_dump(patch)}],
            "images": [{"name": "ghcr.io/supernova/supernova-operator", "newName": name, "newTag": tag}]}))
        kubectl("apply", "--server-side", "-k", overlay)
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/supernova-operator", "--timeout=240s", timeout_s=300)


def decoded(secret, key):
    return base64.b64decode(secret["data"][key]).decode()


def seconds(timestamp):
    """Of a Kubernetes time."""
    return time.mktime(time.strptime(re.sub(r"(\.\d+)?Z$", "", timestamp), "%Y-%m-%dT%H:%M:%S"))
