"""The CRD on a real API server: what it accepts, what it refuses and in which words, and what kubectl shows.

Needs kubectl and an API server that KUBECONFIG names (hack/test starts one); it may be shared: every test works in a namespace of its own.
"""
import json
import pathlib
import subprocess
import time

import pytest
import yaml

CRDS = pathlib.Path(__file__).parent.parent
CRD = CRDS / "platform.supernova.com_supernovastacks.yaml"
VALID = sorted((CRDS / "samples/valid").glob("*.yaml"))
INVALID = sorted((CRDS / "samples/invalid").glob("*.yaml"))


def kubectl(*args, stdin=None):
    return subprocess.run(["kubectl", *map(str, args)], input=stdin, capture_output=True, text=True, timeout=300)


def must(*args, stdin=None):
    done = kubectl(*args, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def crd():
    end = time.monotonic() + 240
    must("apply", "--server-side", "--force-conflicts", "--field-manager", "crd-test", "-f", CRD)
    must("wait", "--for", "condition=Established", "--timeout=240s", "crd/supernovastacks.platform.supernova.com")
    while kubectl("explain", "supernovastack.status").returncode != 0:  # kubectl's discovery and its documentation come a moment later
        assert time.monotonic() < end, "the API server doesn't tell what a stack is"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def namespace(crd):
    name = must("create", "-f", "-", "-o", "name", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "crd-test-"}})).strip().removeprefix("namespace/")
    yield name
    must("-n", name, "delete", "supernovastacks", "--all", "--ignore-not-found")
    kubectl("delete", "namespace", name, "--wait=false")


def stack(namespace, name, **spec):
    """Makes a suspended stack, so that an operator on a shared cluster leaves it alone."""
    must("-n", namespace, "create", "-f", "-", stdin=json.dumps(
        {"apiVersion": "platform.supernova.com/v1alpha1", "kind": "SupernovaStack", "metadata": {"name": name},
         "spec": {"suspend": True, **spec}}))
    return json.loads(must("-n", namespace, "get", "supernovastack", name, "-o", "json"))


def expected(sample):
    return [line.removeprefix("# expect: ") for line in sample.read_text().splitlines() if line.startswith("# expect: ")]


@pytest.mark.parametrize("sample", VALID, ids=lambda s: s.stem)
def test_valid_is_accepted(namespace, sample):
    must("-n", namespace, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", sample)


@pytest.mark.parametrize("sample", INVALID, ids=lambda s: s.stem)
def test_invalid_is_refused_in_these_words(namespace, sample):
    words = expected(sample)
    assert words, f"{sample} says nothing of what is expected"
    done = kubectl("-n", namespace, "create", "--dry-run=server", "--validate=strict", "-f", sample)
    assert done.returncode != 0, f"accepted:\n{sample.read_text()}"
    for sentence in words:
        assert sentence in done.stderr


def sentences(schema):
    """Every rule's sentence in the schema."""
    if isinstance(schema, list):
        return {s for item in schema for s in sentences(item)}
    if not isinstance(schema, dict):
        return set()
    own = {rule["message"] for rule in schema.get("x-kubernetes-validations", [])}
    return own | {s for item in schema.values() for s in sentences(item)}


def test_every_rule_has_a_sample():
    tried = [words for sample in INVALID for words in expected(sample)]
    missing = [s for s in sentences(yaml.safe_load(CRD.read_text())) if not any(s.startswith(words) for words in tried)]
    assert not missing


def test_every_field_is_in_the_full_sample():
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    full = yaml.safe_load((CRDS / "samples/valid/full.yaml").read_text())["spec"]
    # the other half of a pair of which a stack has one
    alternatives = {"designTokens.configMapRef", "serviceAccount.name"}

    def missing(schema, value, path):
        for name, property in schema.get("properties", {}).items():
            here = f"{path}.{name}".lstrip(".")
            if name not in value:
                yield here
            elif isinstance(value[name], dict) and here != "scheduling.affinity":
                yield from missing(property, value[name], here)

    assert set(missing(schema, full, "")) == alternatives


def test_the_crd_fits_into_an_annotation():
    assert len(json.dumps(yaml.safe_load(CRD.read_text()))) < 100_000


def test_a_fresh_stack_is_not_taken_for_a_finished_one(namespace):
    fresh = stack(namespace, "fresh")
    assert fresh["status"] == {"observedGeneration": -1}


def test_defaults_are_read_back(namespace):
    spec = stack(namespace, "defaults", autoscaling={}, migrations={"retry": {"exponential": {}}}, jwks={})["spec"]
    assert (spec["environment"], spec["replicas"]) == ("production", 3)
    assert spec["autoscaling"] == {"enabled": False, "minReplicas": 3, "maxReplicas": 10, "targetCPUUtilizationPercentage": 65,
                                   "targetMemoryUtilizationPercentage": 70}
    assert spec["migrations"] == {"enabled": True, "weight": 10, "backoffLimit": 0, "activeDeadlineSeconds": 300,
                                  "retry": {"exponential": {"enabled": True, "initialSeconds": 2, "maxSeconds": 60, "maxAttempts": 6}}}
    assert spec["jwks"] == {"keyBits": 2048, "rotationInterval": "2160h", "publishAhead": "10m", "overlap": "168h"}, "what depends on the environment is not written"


STATUS = {"observedGeneration": 1, "phase": "Ready", "replicas": 3, "readyReplicas": 2, "selector": "app=columns",
          "conditions": [{"type": "Ready", "status": "True", "reason": "Deployed", "message": "all as wanted",
                          "lastTransitionTime": "2026-01-02T03:04:05Z"}],
          "revision": {"current": 7, "target": 7, "previous": 6},
          "migration": {"revision": 7, "kind": "migrate", "attempt": 1, "state": "Succeeded", "schemaVersion": 12, "message": "",
                        "nextAttemptAt": "2026-01-02T03:04:05Z"},
          "keys": {"signing": "1760908689588", "items": [{"kid": "1760908689588", "state": "signing", "since": "2026-01-02T03:04:05Z"}]},
          "nextDisruption": {"at": "2026-01-06T10:00:00Z", "reasons": ["a release", "a restart"], "blockedBy": "windows"},
          "lastDecision": {"at": "2026-01-02T03:04:05Z", "summary": "nothing to do"}}


def test_kubectl_get_shows_the_columns(namespace):
    stack(namespace, "columns", image={"repository": "ghcr.io/supernova/supernova-server", "tag": "v1.2.3"})
    patched = must("-n", namespace, "patch", "sns", "columns", "--subresource=status", "--type=merge", "-o", "json",
                   "-p", json.dumps({"status": STATUS}))
    assert json.loads(patched)["status"] == STATUS, "no field of the status is pruned"
    header, row = must("-n", namespace, "get", "sns", "columns", "-o", "wide").splitlines()
    assert header.split() == ["NAME", "READY", "PHASE", "IMAGE", "REVISION", "REPLICAS", "SCHEMA", "AGE", "SIGNING-KEY", "NEXT-CHANGE", "MESSAGE"]
    cells = row.split()
    assert cells[:7] == ["columns", "True", "Ready", "v1.2.3", "7", "2", "12"]
    assert cells[8:10] == ["1760908689588", "2026-01-06T10:00:00Z"] and row.endswith("all as wanted")
    assert "SIGNING-KEY" not in must("-n", namespace, "get", "sns", "columns")


def test_the_status_is_bounded_too(namespace):
    stack(namespace, "wrong-status")
    done = kubectl("-n", namespace, "patch", "sns", "wrong-status", "--subresource=status", "--type=merge", "-p",
                   '{"status": {"phase": "Sleeping"}}')
    assert done.returncode != 0 and "status.phase: Unsupported value" in done.stderr


def test_kubectl_scale_works(namespace):
    stack(namespace, "scaled")
    must("-n", namespace, "scale", "sns/scaled", "--replicas=5")
    assert must("-n", namespace, "get", "sns", "scaled", "-o", "jsonpath={.spec.replicas}") == "5"


def test_stacks_are_among_all(namespace):
    stack(namespace, "listed")
    for category in ("all", "supernova"):
        assert "supernovastack.platform.supernova.com/listed" in must("-n", namespace, "get", category, "-o", "name")


def test_kubectl_explain_tells_what_fields_are_for(crd):
    assert "conditions" in must("explain", "supernovastack.status")
    assert "refused in production" in must("explain", "supernovastack.spec.config.auth")
