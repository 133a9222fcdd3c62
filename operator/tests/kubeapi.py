"""The API server as its administrator sees it, over one connection a thread."""

import base64
import contextlib
import http.client
import json
import pathlib
import ssl
import tempfile
import threading
import time
import urllib.parse

import yaml

GROUPS = {
    "supernovastacks": "apis/platform.supernova.com/v1alpha1", "deployments": "apis/apps/v1", "replicasets": "apis/apps/v1",
    "controllerrevisions": "apis/apps/v1", "jobs": "apis/batch/v1", "networkpolicies": "apis/networking.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1", "poddisruptionbudgets": "apis/policy/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2", "leases": "apis/coordination.k8s.io/v1", "events": "apis/events.k8s.io/v1",
    "customresourcedefinitions": "apis/apiextensions.k8s.io/v1", "apiservices": "apis/apiregistration.k8s.io/v1",
    "clusterroles": "apis/rbac.authorization.k8s.io/v1", "clusterrolebindings": "apis/rbac.authorization.k8s.io/v1",
    "servicemonitors": "apis/monitoring.coreos.com/v1", "prometheusrules": "apis/monitoring.coreos.com/v1",
}
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


class ApiError(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class ApiServer:
    def __init__(self, kubeconfig):
        self.kubeconfig = pathlib.Path(kubeconfig)
        config = yaml.safe_load(self.kubeconfig.read_text())
        url = urllib.parse.urlsplit(config["clusters"][0]["cluster"]["server"])
        self.host, self.port = url.hostname, url.port
        self.context = self._make_context(config["clusters"][0]["cluster"], config["users"][0]["user"])
        self.local = threading.local()

    @staticmethod
    def _make_context(cluster, user):
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.TemporaryDirectory() as folder:
            pair = pathlib.Path(folder) / "pair.pem"
            pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            context.load_cert_chain(pair)
        return context

    def connect(self, timeout=60):
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)

    def _exchange(self, *request):
        connection = getattr(self.local, "connection", None) or self.connect()
        self.local.connection = None  # kept only when all goes well
        connection.request(*request)
        response = connection.getresponse()
        text = response.read()
        self.local.connection = connection
        return response, text

    @staticmethod
    def path(resource, namespace=None, name=None, subresource=None, **query):
        parts = [GROUPS.get(resource, "api/v1"), *(["namespaces", namespace] if namespace else []), resource, name, subresource]
        return "/" + "/".join(part for part in parts if part) + ("?" + urllib.parse.urlencode(query) if query else "")

    def send(self, method, path, body=None, content_type="application/json"):
        request = (method, path, json.dumps(body) if body is not None else None, {"Content-Type": content_type})
        try:
            response, text = self._exchange(*request)
        except (ConnectionError, ssl.SSLEOFError, http.client.BadStatusLine):  # the kept connection had been idle for too long
            response, text = self._exchange(*request)
        answer = json.loads(text) if text[:1] == b"{" else text
        if response.status >= 300:
            raise ApiError(response.status, answer["message"] if isinstance(answer, dict) else answer)
        return answer

    def get(self, resource, namespace=None, name=None):
        return self.send("GET", self.path(resource, namespace, name))

    def items(self, resource, namespace=None, **query):
        return self.send("GET", self.path(resource, namespace, **query))["items"]

    def find(self, resource, namespace, name):
        with contextlib.suppress(ApiError):
            return self.get(resource, namespace, name)
        return None

    def create(self, resource, namespace, manifest):
        return self.send("POST", self.path(resource, namespace), manifest)

    def patch(self, resource, namespace, name, body, subresource=None, content_type=MERGE):
        return self.send("PATCH", self.path(resource, namespace, name, subresource), body, content_type)

    def apply(self, resource, name, manifest, namespace=None):
        path = self.path(resource, namespace, name, fieldManager="operator-tests", force="true")
        return self.send("PATCH", path, manifest, APPLY)

    def delete(self, resource, namespace, name):
        with contextlib.suppress(ApiError):
            self.send("DELETE", self.path(resource, namespace, name))

    def audited(self, namespace, user):
        """Every write of USER in a namespace, as an event of the API server's audit log."""
        with open(self.kubeconfig.parent / "log/audit.log", encoding="utf-8") as lines:
            for line in lines:
                if f'"namespace":"{namespace}"' in line and line[-1] == "\n":
                    event = json.loads(line)
                    if event.get("impersonatedUser", {}).get("username") == user:
                        yield event

    def audit(self, namespace, user, uncounted):
        """The same in short: (verb, resource, subresource, name, status)."""
        found = [(event["verb"], event["objectRef"], event["responseStatus"]["code"]) for event in self.audited(namespace, user)]
        return [(verb, what["resource"], what.get("subresource"), what.get("name"), status)
                for verb, what, status in found if what["resource"] not in uncounted]


def wait_until(what, condition, timeout_s=60, poll_s=0.05):
    """The first true value of CONDITION. WHAT is told when none comes, with the last value where it explains itself. How long is for a machine that is
    busy with much else: it is no claim."""
    deadline, last = time.monotonic() + timeout_s, None
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except (ApiError, OSError, http.client.HTTPException) as error:
            last = error
        time.sleep(poll_s)
    raise AssertionError(f"waited {timeout_s} s until {what() if callable(what) else what}" + (f"; last: {last}" if last else ""))
