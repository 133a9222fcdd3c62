"""One namespace with a stack, its Secret, and a view of all that is in it that can be compared between two lives of the operator."""

import base64
import copy
import json
import re


from kubeapi import ApiError, wait_until

STACK = "shop"
KINDS = ["supernovastacks", "serviceaccounts", "configmaps", "secrets", "services", "deployments", "replicasets", "jobs",
         "controllerrevisions", "networkpolicies", "poddisruptionbudgets", "horizontalpodautoscalers", "ingresses"]
OWN_OF_KUBERNETES = {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
SECRETS = {"DATABASE_URL": "postgres://shop:pw@db:5432/shop", "REDIS_URL": "redis://redis:6379", "ISSUER_ADMIN_SECRET": "x" * 48,
           "APP_JWT_SECRET": "y" * 48, "SESSION_SECRET": "z" * 48}
SPEC = {
    "environment": "staging",
    "image": {"repository": "registry.example/supernova-server", "tag": "v1"},
    "replicas": 3,
    "config": {"appUrl": "https://shop.example", "logLevel": "info"},
    "migrations": {"enabled": True, "when": ["post-install", "pre-upgrade"],
                   "retry": {"exponential": {"enabled": True, "initialSeconds": 2, "maxSeconds": 2, "maxAttempts": 3}}},
    "rollout": {"verification": {"windowSeconds": 0}},
    "service": {"port": 80},
    "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
    "networkPolicy": {"enabled": True},
    "jwks": {"retain": False},
}
VARYING = [(re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"), (re.compile(r"\b1[6-9]\d{11}\b"), "<kid>"),
           (re.compile(r"\bsupernova-[0-9a-f]{10}\b"), "<dashboard>"), (re.compile(rf"\bpod {STACK}-[0-9a-z]+-[0-9a-z]{{5}}\b"), "<pod>")]
VARYING_KEYS = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "clusterIP", "clusterIPs", "generateName", "lastUpdateTime",
                "batch.kubernetes.io/controller-uid", "tookSeconds", "controller-uid", "platform.supernova.com/applied-hash"}


def is_passing(resource, item):
    """Is this a state on the way to another, whose number and order depend on how fast the controllers are?"""
    status = item.get("status", {})
    if resource == "deployments":
        wanted, held = item["spec"]["replicas"], item["spec"].get("minReadySeconds", 0) > 0
        canary = item["spec"]["strategy"]["rollingUpdate"]["maxSurge"] if held else None
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")]
        done = [wanted + canary, canary, wanted, wanted + canary] if held else [wanted] * 4
        return status.get("observedGeneration", 0) < item["metadata"]["generation"] or counts != done
    if resource == "jobs":
        ended = any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in status.get("conditions", []))
        return bool(status) and not ended
    return resource == "pods" and status.get("phase") == "Pending"


def settled(resource, item, before):
    """ITEM as if controllers made each of their steps at once, for Proxy.show. What is written of a Deployment shows at once, and its status, as it was BEFORE,
    until it is that of what is written: an operator that were not shown its own writes would rightly lose patience."""
    if not is_passing(resource, item):
        return item
    return {**item, "status": before.get("status", {}) if before else {}} if resource == "deployments" else None


def merge(base, change):
    """RFC 7396."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def normal(value):
    """Without what differs from life to life: times, identities, key ids. Numbers of revisions and generations stay."""
    if isinstance(value, dict):
        return {k: f"<{k}>" if k in VARYING_KEYS else normal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        for pattern, name in VARYING:
            value = pattern.sub(name, value)
    return value


class Scene:
    def __init__(self, api, namespace):
        self.api, self.namespace = api, namespace

    def furnish(self):
        """What a stack refers to."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in SECRETS.items()}
        self.api.create("secrets", self.namespace, {"metadata": {"name": "supernova-secrets"}, "data": data})

    def create_stack(self, spec=None, name=STACK):
        manifest = {"apiVersion": "platform.supernova.com/v1alpha1", "kind": "SupernovaStack", "metadata": {"name": name},
                    "spec": merge(SPEC, spec or {})}
        return self.api.create("supernovastacks", self.namespace, manifest)

    def change_stack(self, spec):
        return self.api.patch("supernovastacks", self.namespace, STACK, {"spec": spec})

    def annotate_stack(self, annotations):
        return self.api.patch("supernovastacks", self.namespace, STACK, {"metadata": {"annotations": annotations}})

    def stack(self):
        return self.api.get("supernovastacks", self.namespace, STACK)

    def find(self, resource, name=STACK):
        return self.api.find(resource, self.namespace, name)

    def is_deployed(self):
        """Ready, for the spec that is there."""
        stack = self.stack()
        status, generation = stack["status"], stack["metadata"]["generation"]
        ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
        return ready.get("status") == "True" and ready.get("observedGeneration") == status.get("observedGeneration") == generation

    def runs(self, tag):
        """Have all pods the image, and no other is left?"""
        deployment = self.find("deployments")
        container, status, wanted = deployment["spec"]["template"]["spec"]["containers"][0], deployment["status"], deployment["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return container["image"].endswith(f":{tag}") and counts == [wanted] * 3 and status["observedGeneration"] >= deployment["metadata"]["generation"]

    def await_deployed(self, timeout_s=120):
        wait_until(lambda: f"the stack is Deployed: {self.describe()}", self.is_deployed, timeout_s)

    def describe(self):
        try:
            return self.stack().get("status")
        except ApiError as error:
            return error

    def delete_lease(self):
        """So that the next operator needs not wait until a dead one's Lease expires."""
        self.api.delete("leases", self.namespace, "supernova-operator")

    def lease_holder(self):
        lease = self.find("leases", "supernova-operator")
        return lease and lease["spec"].get("holderIdentity")

    def world(self):
        """Everything in the namespace but pods' names, events and the Lease."""
        world = {}
        for kind in KINDS:
            for item in self.api.items(kind, self.namespace):
                name = item["metadata"]["name"]
                if (kind, name) not in OWN_OF_KUBERNETES:
                    world[f"{kind}/{normal(name)}"] = self.view(kind, item)
        pods = [pod for pod in self.api.items("pods", self.namespace) if not pod["metadata"].get("deletionTimestamp")]
        world["pods"] = sorted(f"{self.owner(pod)} {pod['status']['phase']}" for pod in pods)
        return json.loads(json.dumps(world).replace(self.namespace, "<namespace>"))

    @staticmethod
    def owner(pod):
        return "/".join(f"{owner['kind']} {owner['name']}" for owner in pod["metadata"].get("ownerReferences", []))

    @staticmethod
    def view(kind, item):
        managers = item["metadata"].get("managedFields", [])
        ours = sorted({(m["manager"], m["operation"], m.get("subresource", "")) for m in managers if m["manager"].startswith("supernova-operator")})
        if kind == "secrets":
            item["data"] = sorted(normal(key) for key in item.get("data", {}))
        if kind == "replicasets":
            del item["metadata"]["generation"]  # in how many steps it was scaled is the Deployment controller's business
        if kind != "supernovastacks" and "status" in item:
            conditions = item["status"].get("conditions", [])
            item["status"] = sorted(f"{c['type']} {c['status']}" for c in conditions)
        return {**normal(item), "managers": ours}


def differences(expected, actual, path=""):
    """Where two worlds differ, one line each."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = sorted(expected.keys() | actual.keys())
        return [line for key in keys for line in differences(expected.get(key, "nothing"), actual.get(key, "nothing"), f"{path}.{key}")]
    return [] if expected == actual else [f"{path.lstrip('.')}: expected {str(expected)[:300]}, is {str(actual)[:300]}"]
