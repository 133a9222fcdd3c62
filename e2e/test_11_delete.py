"""Deleting a stack takes its children; its keys only where they are not retained."""
import pytest

from kube import wait_for

CHILDREN = ("deployment", "service", "configmap", "serviceaccount", "job", "controllerrevision", "pod")


@pytest.mark.parametrize("retain", [True, False])
def test_children_go(make_stack, retain):
    stack = make_stack("retain" if retain else "all")
    stack.install(jwks={"retain": retain})
    assert stack.read("secret", "supernova-server-jwks")
    stack.kubectl("delete", "supernovastack", stack.name)
    wait_for("every child is gone", lambda: not any(stack.list(kind) for kind in CHILDREN))
    assert (stack.read("secret", "supernova-server-jwks") is not None) == retain
    assert stack.read("secret", "supernova-secrets"), "what people made stays"


def test_retained_keys_are_taken_up_again(make_stack):
    stack = make_stack("again")
    stack.install(jwks={"retain": True})
    token = stack.token("player", roles=[])
    stack.kubectl("delete", "supernovastack", stack.name)
    wait_for("every child is gone", lambda: not any(stack.list(kind) for kind in CHILDREN))
    stack.apply(jwks={"retain": True})
    stack.wait_ready()
    assert stack.coins(token, "player") == 0, "a token of before is still good"
