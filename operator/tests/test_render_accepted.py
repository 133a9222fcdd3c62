"""A real API server takes every golden manifest, warns of nothing under Pod Security "restricted", and gives back what was written.

    KUBECONFIG=$(hack/cluster up --control-plane-only) pytest operator/tests/test_render_accepted.py

ServiceMonitors and PrometheusRules are taken by the prometheus-operator's own CRDs. Nothing is stored but these, a namespace and its service
accounts (dry runs need them); all go at the end.
"""

import json
import os
import pathlib
import subprocess
import uuid
from decimal import Decimal

import pytest

GOLDEN = sorted((pathlib.Path(__file__).parent / "golden").glob("*.json"))
KUBECTL = os.environ.get("KUBECTL", "kubectl")
UNITS = {"m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}

pytestmark = pytest.mark.skipif("KUBECONFIG" not in os.environ, reason="KUBECONFIG names no cluster")


def kubectl(*args, manifest=None):
    text = json.dumps(manifest) if manifest else None
    done = subprocess.run([KUBECTL, *args], input=text, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout


def create(manifest, dry_run=True):
    dry = ["--dry-run=server"] if dry_run else []
    return json.loads(kubectl("create", "-f", "-", "-o", "json", *dry, manifest=manifest))


@pytest.fixture(scope="module")
def namespace(monitoring_api):
    name = f"render-{uuid.uuid4().hex[:8]}"
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": security}}, dry_run=False)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def quantity(text):
    text = str(text)
    unit = next((u for u in sorted(UNITS, key=len, reverse=True) if text.endswith(u)), "")
    return Decimal(text.removesuffix(unit)) * UNITS.get(unit, 1)


def changed(path, rendered, live):
    """The paths at which LIVE lacks or changes what RENDERED says."""
    if isinstance(rendered, dict):
        if not isinstance(live, dict):
            return [path]
        return [p for key, value in rendered.items() for p in changed(f"{path}.{key}", value, live.get(key))]
    if isinstance(rendered, list):
        if not isinstance(live, list) or len(live) != len(rendered):
            return [path]
        return [p for i, pair in enumerate(zip(rendered, live)) for p in changed(f"{path}[{i}]", *pair)]
    if ".resources." in path and live is not None:
        return [] if quantity(rendered) == quantity(live) else [path]
    return [] if type(rendered) is type(live) and rendered == live else [path]


def placed(manifest, namespace):
    manifest["metadata"]["namespace"] = namespace
    return manifest


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_accepted_without_a_warning_and_unchanged(path, namespace):
    for manifest in json.loads(path.read_text())["items"]:
        live = create(placed(manifest, namespace))
        assert changed(manifest["kind"], manifest, live) == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_pods_pass_the_restricted_namespace(path, namespace):
    templates = [item for item in json.loads(path.read_text())["items"] if "template" in item.get("spec", {})]
    assert {item["kind"] for item in templates} == {"Deployment", "Job"}
    for item in templates:
        template = item["spec"]["template"]
        account = template["spec"]["serviceAccountName"]
        kubectl("apply", "-f", "-", manifest=placed({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}, namespace))
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        pod["metadata"]["name"] = item["metadata"]["name"]
        live = create(placed(pod, namespace))
        assert not any("kube-api-access" in volume["name"] for volume in live["spec"]["volumes"]), "a token is mounted"


def test_the_comparison_can_fail():
    rendered = {"a": [{"b": 1}], "resources": {"limits": {"cpu": "2000m"}}}
    assert changed("x", rendered, {"a": [{"b": 1}], "resources": {"limits": {"cpu": "2"}}, "more": 1}) == []
    assert changed("x", rendered, {"a": [{}], "resources": {"limits": {"cpu": "2"}}}) == ["x.a[0].b"]
    assert changed("x", rendered, {"a": [{"b": 1}], "resources": {"limits": {"cpu": "1"}}}) == ["x.resources.limits.cpu"]
