"""Stacks of the same name in two namespaces have nothing in common."""


def test_they_keep_apart(make_stack):
    one, two = make_stack("one"), make_stack("two")
    for stack in (one, two):
        stack.put_secret()
        stack.apply()
    for stack in (one, two):
        stack.wait_ready()
    token = one.token()
    one.grant(token, "player", 7, "only-one")
    assert one.coins(token, "player") == 7 and two.coins(two.token(), "player") == 0
    assert two.ask("GET", "/api/entitlements/player", token)[0] == 401, "each has keys of its own"
    one.kubectl("delete", "supernovastack", one.name)
    assert two.ready() and two.coins(two.token(), "player") == 0
