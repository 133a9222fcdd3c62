"""GET, POST /api/design/tokens: versioned sets before what is mounted."""

import os

import pytest
from conftest import Proxy, at_once, insist, until
from support_pgbouncer import PgBouncer
from test_live import Events

FIRST = {"color": {"$type": "color", "ink": {"$value": "#102030"}, "text": {"$value": "{color.ink}"}}}
PATH = "/api/design/tokens"


@pytest.fixture
def own_database(migrated):
    """What is posted into the database that others share would be in their way."""
    return migrated()


@pytest.fixture
def mounted(tmp_path):
    volume = tmp_path / "tokens"
    volume.mkdir()
    return volume / "tokens.json"


@pytest.fixture
def begin(start, own_database, mounted):
    return lambda **env: start(**{"DATABASE_URL": own_database.url, "DESIGN_TOKENS_FILE": str(mounted), **env})


def number(n):
    return {"n": {"$type": "number", "$value": n}}


def post(server, token, tokens, **headers):
    return server.post(PATH, tokens, token=token, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_the_mounted_ones_until_some_are_posted(begin, mounted):
    mounted.write_text('{"a": {"$value": "mounted"}}')
    server = begin()
    before = server.get(PATH)
    assert before.status == 200 and before.json == {"a": {"$value": "mounted"}} and before.headers["Cache-Control"] == "public, no-cache"
    admin = server.mint("boss", ["admin"])
    done = post(server, admin, FIRST, If_None_Match="*")
    assert (done.status, done.headers["ETag"], done.json) == (201, '"1"', {"ok": True, "version": 1})
    for _ in range(6):  # whichever worker answers
        got = server.get(PATH)
        assert (got.status, got.headers["ETag"], got.json) == (200, '"1"', FIRST)
    assert server.get(PATH, headers={"If-None-Match": '"1"'}).status == 304
    mounted.with_name("new").write_text('{"a": {"$value": "later"}}')
    os.rename(mounted.with_name("new"), mounted)
    assert server.get(PATH).json == FIRST
    assert server.said(msg="design tokens were posted")[0]["actor"] == "boss"


def test_versions_follow_each_other(begin, own_database):
    server = begin()
    admin = server.mint("boss", ["admin"])
    assert server.get(PATH).status == 404 and server.get(f"{PATH}?version=1").status == 404
    assert post(server, admin, number(0), If_Match='"1"').status == 412 and post(server, admin, number(0), If_Match="*").status == 412
    assert post(server, admin, number(1)).json["version"] == 1
    assert post(server, admin, number(2)).status == 428
    assert post(server, admin, number(2), If_None_Match="*").status == 412
    assert post(server, admin, number(2), If_Match='"7", W/"1"').status == 412
    assert post(server, admin, number(2), If_Match='"1"').headers["ETag"] == '"2"'
    assert post(server, admin, number(3), If_Match='"1"').status == 412
    assert post(server, admin, number(3), If_Match="*").json["version"] == 3
    assert server.get(PATH).json == number(3)
    for version in (1, 2, 3):
        old = server.get(f"{PATH}?version={version}")
        assert (old.json, old.headers["ETag"]) == (number(version), f'"{version}"') and "immutable" in old.headers["Cache-Control"]
        assert server.get(f"{PATH}?version={version}", headers={"If-None-Match": f'"{version}"'}).status == 304
    assert server.get(f"{PATH}?version=4").status == 404
    for wrong in ("0", "-1", "x", "", "1&version=2"):
        assert server.get(f"{PATH}?version={wrong}").wrong_fields() == {"version"}, wrong
    assert own_database.sql("SELECT string_agg(actor || version, ',' ORDER BY version) FROM design_token_set") == "boss1,boss2,boss3"


def test_who_may_and_what_is_wrong(begin, own_database):
    server = begin(ENVIRONMENT="development", DEV_AUTH_OPEN="true")
    assert server.post(PATH, FIRST).status == 401, "the bypass never writes"
    assert post(server, server.mint("u", ["finance"]), FIRST).status == 403
    admin = server.mint("boss", ["admin"])
    done = post(server, admin, {"a": {"$value": 1}, "b": {"$value": "{c}"}, "$x": {}})
    assert done.status == 422 and done.wrong_fields() == {"a.$type", "b.$value", "$x"}
    assert server.request("POST", PATH, body="{}", token=admin).status == 415
    assert server.post(PATH, [], token=admin).status == 400
    assert server.request("POST", PATH, body='{"a":{},"a":{}}', token=admin, headers={"Content-Type": "application/json"}).status == 400
    assert server.request("PUT", PATH, body="{}", token=admin).headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert own_database.sql("SELECT count(*) FROM design_token_set") == "0"


def test_of_many_who_saw_the_same_version_one_wins(begin, own_database):
    server = begin()
    admin = server.mint("boss", ["admin"])
    assert post(server, admin, number(0)).status == 201
    seen = at_once(8, lambda i: insist(lambda: post(server, admin, number(i), If_Match='"1"')).status)
    assert sorted(seen) == [201] + 7 * [412]
    assert own_database.sql("SELECT max(version) FROM design_token_set") == "2"


def test_all_replicas_agree_and_the_last_known_outlives_the_database(begin, own_database, mounted):
    proxy = Proxy(*own_database.address())
    server, other = begin(WORKERS="1", DATABASE_URL=own_database.through(proxy.port)), begin(WORKERS="1")
    admin = other.mint("boss", ["admin"])
    for version in range(1, 4):
        assert post(other, admin, number(version), **({"If_Match": "*"} if version > 1 else {})).status == 201
        assert server.get(PATH).json == number(version)
    proxy.cut()
    until(lambda: not server.inner("/healthz?verbose").json["dependencies"]["database"]["ok"], what="the loss")
    assert server.get(PATH).json == number(3) and server.get(f"{PATH}?version=3").status == 503
    own_database.sql("DELETE FROM design_token_set WHERE version = 3")  # as a restored backup would
    assert other.get(PATH).json == number(2)
    proxy.restore()
    until(lambda: server.get(PATH).json == number(2), what="the older set")
    proxy.close()


@pytest.mark.parametrize("way", ["notify", "redis", "poll"])
def test_listeners_at_all_replicas_hear_of_a_post(begin, own_database, way):
    env = {}
    if way != "notify":
        bouncer = PgBouncer(own_database.url)
        env = {"DATABASE_POOLER": "pgbouncer", "DATABASE_URL": own_database.through(bouncer.port)}
    if way == "poll":
        env |= {"REDIS_MODE": "none"}
    one, other = begin(**env), begin(**env)
    admin = one.mint("boss", ["admin"])
    listeners = [Events(server, token=one.mint("u")) for server in (one, one, other, other)]
    assert post(one, admin, number(1)).status == 201
    assert [events.event("design-tokens")[1] for events in listeners] == 4 * [{"etag": "1"}]
    assert post(other, admin, number(2), If_Match='"1"').status == 201
    assert [events.event("design-tokens")[1] for events in listeners] == 4 * [{"etag": "2"}]
    late = Events(one, token=one.mint("u"))
    while late.event("design-tokens")[1] != {"etag": "2"}:  # its worker may have slept through both
        pass
    for events in [*listeners, late]:
        events.close()
    if way != "notify":
        bouncer.close()
