"""Nonsense is refused by kubectl apply, in a sentence."""
import pytest
import yaml

from kube import run

WRONG = [
    ({"environment": "production", "config": {"auth": {"devAuthOpen": True}}}, "config.auth.devAuthOpen is refused in production"),
    ({"environment": "production", "redis": {"mode": "none"}}, "redis.mode none is refused in production"),
    ({"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}}, "minReplicas"),
    ({"image": {"repository": None}}, "image.repository is missing: a tag or a digest alone names no image"),
    ({"replicas": -1}, "spec.replicas"),
    ({"ingress": {"enabled": True}}, "ingress"),
    ({"nonsense": True}, "spec.nonsense"),
]


@pytest.fixture(scope="module")
def stack(make_stack):
    return make_stack()


@pytest.mark.parametrize("spec,sentence", WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_refused(stack, spec, sentence):
    done = run("kubectl", "-n", stack.namespace, "apply", "-f", "-", stdin=yaml.safe_dump(stack.manifest(**spec)))
    assert done.returncode != 0 and sentence in done.stderr, done.stdout + done.stderr
    assert stack.read("supernovastack") is None
