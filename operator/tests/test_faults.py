"""The API server misbehaves, and afterwards all is as it would have been: same world, nothing made twice, nothing written that was not owed.

A kubeconfig that makes no sense, an API server that is away, leaders that die: the operator lives on or ends with a sentence.
"""

import itertools
import pathlib
import re
import socket
import subprocess
import time

import pytest

from kubeapi import wait_until
from operator_process import Operator
from play import a_play
from proxy import UNCOUNTED, Answer, Cut, Delay, Drop, Lose, Proxy, first_time
from scene import differences, settled

HACK_CLUSTER = pathlib.Path(__file__).parents[2] / "hack/cluster"
GARBAGE = b'{"kind": "Stat\x00\xff", [[[{'
EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old"}}\n'
OUTAGE_S = 3
LEISURE_S = 2  # between two tries, once there were some: the first waits 5 ms, and each twice as long as the last
WRITES_AT_LEAST, KINDS_AT_LEAST = 12, 13  # that an install makes, that the operator watches
# 15 watches, each of which waits 0.8 s and twice as long each time, and the Lease each 2 s
OUTAGE_REQUESTS = 15 * 4 + 6


def is_object(request):
    return request.resource not in UNCOUNTED and request.resource is not None


def is_write(request):
    return request.write  # the Lease's and events too


def is_list(request):
    return is_object(request) and not request.write and not request.watch and not request.name


def is_watch(request):
    return request.watch


@pytest.fixture(scope="module")
def undisturbed(api, kubelet, make_scene, tmp_path_factory):
    """The world after an install that nothing went wrong with."""
    with a_play(api, make_scene(), tmp_path_factory.mktemp("undisturbed")) as play:
        play.proxy.show = settled
        play.start()
        play.scene.create_stack()
        play.scene.await_deployed()
        play.proxy.await_quiet()
        play.end()
        return play.scene.world()


def await_world(play, expected, meanwhile=lambda: None):
    found = [["the stack is not Deployed"]]

    def is_there():
        meanwhile()
        found[0] = differences(expected, play.scene.world()) if play.scene.is_deployed() else [str(play.scene.describe())]
        return not found[0]

    wait_until(lambda: "\n    ".join(["the world is as if nothing had happened", *found[0], *play.proxy.writes, play.log()]), is_there, 180, 0.2)


def check_made_once(play):
    made = [(what, name) for verb, what, _, name, status in play.written() if verb == "create" and status == 201]
    assert len(made) == len(set(made)), made


WRITE_FAULTS = {
    "409": Answer(409),
    "429 with Retry-After": Answer(429, headers={"Retry-After": "1"}),
    "500": Answer(500),
    "503": Answer(503),
    "401": Answer(401),
    "dropped": Drop(),
    "answer lost": Lose(),
    "answer cut": Cut(),
    "answered with garbage": Answer(200, GARBAGE, forwarded=True),
    "answered with HTML": Answer(200, b"<html>welcome to the hotel</html>", content_type="text/html", forwarded=True),
    "answered with nothing": Answer(200, b"", forwarded=True),
    "answered with another object": Answer(200, b'{"kind": "Cat", "metadata": {"name": 7}}', forwarded=True),
    "late": Delay(0.5),
}


@pytest.mark.parametrize("fault", WRITE_FAULTS.values(), ids=WRITE_FAULTS)
def test_each_write_goes_wrong_once(play, undisturbed, fault):
    play.proxy.show = settled
    play.proxy.rule = first_time(fault, is_write)
    play.start()
    play.scene.create_stack()
    await_world(play, undisturbed)
    check_made_once(play)
    assert len(play.proxy.rule.tried) >= WRITES_AT_LEAST, play.proxy.rule.tried


WATCH_FAULTS = {
    "410": Answer(410),
    "expired inside": Answer(200, EXPIRED),
    "500": Answer(500),
    "401": Answer(401),
    "dropped": Drop(),
    "garbage": Answer(200, GARBAGE),
    "HTML": Answer(200, b"<html>welcome to the hotel</html>\n", content_type="text/html"),
    "cut in the first event": Cut(0),
    "cut in the second event": Cut(1),
    "late": Delay(2),
}


@pytest.mark.parametrize("fault", WATCH_FAULTS.values(), ids=WATCH_FAULTS)
def test_each_watch_goes_wrong_once(play, undisturbed, fault):
    play.proxy.show = settled
    play.proxy.rule = first_time(fault, is_watch)
    play.start()
    play.scene.create_stack()
    await_world(play, undisturbed)
    check_made_once(play)
    assert len(play.proxy.rule.tried) >= KINDS_AT_LEAST, play.proxy.rule.tried


LIST_FAULTS = {
    "410": Answer(410),
    "429 with Retry-After": Answer(429, headers={"Retry-After": "1"}),
    "500": Answer(500),
    "401": Answer(401),
    "dropped": Drop(),
    "cut": Cut(),
    "garbage": Answer(200, GARBAGE),
    "HTML": Answer(200, b"<html>welcome to the hotel</html>", content_type="text/html"),
    "another kind": Answer(200, b'{"kind": "CatList", "items": {"a": 1}}'),
    "no metadata": Answer(200, b'{"kind": "List", "items": []}'),
}


@pytest.mark.parametrize("fault", LIST_FAULTS.values(), ids=LIST_FAULTS)
def test_each_list_goes_wrong_once_and_nothing_is_written(play, undisturbed, fault):
    play.proxy.show = settled
    first = play.start()
    play.scene.create_stack()
    await_world(play, undisturbed)
    play.proxy.await_quiet()
    first.terminate()
    play.proxy.writes, play.proxy.rule = [], first_time(fault, is_list)
    second = play.start()
    wait_until(lambda: f"the new one leads: {second.log}", lambda: (play.scene.lease_holder() or "").startswith("operator-2"))
    play.scene.change_stack({"podDisruptionBudget": {"minAvailable": 2}})
    wait_until(lambda: f"the change is made: {second.log}", lambda: play.scene.find("poddisruptionbudgets")["spec"]["minAvailable"] == 2)
    play.scene.await_deployed()
    play.proxy.await_quiet()
    assert len(play.proxy.rule.tried) >= KINDS_AT_LEAST, play.proxy.rule.tried
    assert set(play.proxy.writes) == {"PATCH poddisruptionbudgets/shop", "PATCH supernovastacks/shop/status"}


@pytest.mark.parametrize("resource", ["deployments", "secrets", "controllerrevisions", "jobs", "configmaps"])
def test_a_list_that_says_there_is_nothing_destroys_nothing(play, undisturbed, resource):
    """It lies once; what is there is not overwritten, and after the next list all is as it was."""
    play.proxy.show = settled
    first = play.start()
    play.scene.create_stack()
    await_world(play, undisturbed)
    play.proxy.await_quiet()
    first.terminate()
    empty = Answer(200, b'{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}')
    play.proxy.writes, play.proxy.rule = [], first_time(empty, lambda request: is_list(request) and request.resource == resource)
    play.start()
    wait_until("the new one leads", lambda: (play.scene.lease_holder() or "").startswith("operator-2"))
    play.proxy.await_quiet(2)
    play.proxy.rule = first_time(Answer(410), is_watch)
    play.proxy.hang_up()
    await_world(play, undisturbed)
    check_made_once(play)


def ready(play):
    return next(c for c in play.scene.stack()["status"]["conditions"] if c["type"] == "Ready")


def is_all_else_done(status):
    return status.get("readyReplicas") == 3 and status.get("migration", {}).get("state") == "Succeeded"


def test_what_one_child_is_refused_for_holds_up_nothing_else(play):
    """As a webhook that is down does: the rest is made, it is told, tried again at leisure, and mended once it can be."""
    tried = []

    def refuse(request):
        if not request.counted or request.resource != "services":
            return None
        tried.append(time.monotonic())
        return Answer(500)

    play.proxy.rule = refuse
    play.start()
    play.scene.create_stack()
    wait_until("pods are ready and the migration is done all the same", lambda: is_all_else_done(play.scene.stack()["status"]))
    wait_until("it is told", lambda: ready(play)["reason"] == "WriteFailed" and "the test says 500" in ready(play)["message"])
    wait_until("it is tried at leisure", lambda: any(later - earlier >= LEISURE_S for earlier, later in itertools.pairwise(list(tried))))
    play.proxy.rule = None
    play.scene.await_deployed()
    assert play.scene.find("services")


OUTAGES = {"dropped": Drop(), "503": Answer(503), "429": Answer(429, headers={"Retry-After": "1"}), "garbage": Answer(200, GARBAGE)}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_an_outage_is_waited_out_without_a_storm(play, outage):
    operator = play.start()
    play.scene.create_stack()
    play.scene.await_deployed()
    play.proxy.rule = lambda request: outage
    play.proxy.hang_up()
    play.scene.change_stack({"podDisruptionBudget": {"minAvailable": 2}})
    before, used = play.proxy.requests, operator.cpu_s()
    time.sleep(OUTAGE_S)
    sent, used = play.proxy.requests - before, operator.cpu_s() - used
    assert operator.alive and sent <= OUTAGE_REQUESTS, f"{sent} requests in {OUTAGE_S} s; {operator.log}"
    assert used < OUTAGE_S / 3, f"{used} s of processor time in {OUTAGE_S} s"
    play.proxy.rule = None
    wait_until(lambda: f"the change is made: {operator.log[-3000:]}",
               lambda: play.scene.find("poddisruptionbudgets")["spec"]["minAvailable"] == 2)


def test_who_cannot_renew_the_lease_ends_with_a_sentence(play):
    operator = play.start(lease_s=3)
    wait_until("it knows that it leads", lambda: "this process leads" in operator.log)
    play.proxy.rule = lambda request: Drop()
    play.proxy.hang_up()
    assert operator.wait() == 1 and "the Lease is lost" in operator.log
    play.proxy.rule = None
    play.start(lease_s=15)
    play.scene.create_stack()
    play.scene.await_deployed()


def test_term_in_an_outage_ends_it_well(play):
    operator = play.start()
    play.scene.create_stack()
    play.scene.await_deployed()
    play.proxy.rule = lambda request: Delay(600)
    play.proxy.hang_up()
    assert operator.terminate() == 0, operator.log


def restart(api, component):
    folder = api.kubeconfig.parent
    subprocess.run([HACK_CLUSTER, "restart", component, "--name", folder.name], check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("component", ["apiserver", "etcd"])
def test_the_control_plane_is_restarted_while_a_stack_is_installed(play, api, undisturbed, component):
    play.proxy.show = settled
    play.start()
    play.scene.create_stack()
    wait_until("it is at work", lambda: len(play.proxy.writes) > 3)
    restart(api, component)

    def live_on():
        """Who couldn't renew the Lease in time has ended, and whatever runs it starts it again."""
        if not play.operators[-1].alive:
            assert "the Lease is lost" in play.log()
            play.start()

    await_world(play, undisturbed, live_on)
    check_made_once(play)


def test_the_api_server_comes_after_the_operator(api, make_scene, tmp_path):
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    proxy = Proxy(api, bound)
    scene = make_scene()
    operator = Operator(tmp_path, proxy.write_kubeconfig(tmp_path), scene.namespace)
    time.sleep(OUTAGE_S)
    assert operator.alive and operator.cpu_s() < OUTAGE_S / 3, operator.log
    scene.create_stack()
    with proxy:
        scene.await_deployed()
        assert operator.terminate() == 0
    assert not operator.reports()


KUBECONFIGS = {
    "missing": None,
    "empty": "",
    "no YAML": "clusters: [{name: x",
    "a list": "[]",
    "binary": "\x01\x02\x03",
    "no context": "{apiVersion: v1, kind: Config}",
    "a context that is not there": "{current-context: x, contexts: []}",
    "no server": "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {}}], users: [{name: u, user: {}}]}",
    "FTP": "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: 'ftp://x'}}], users: [{name: u, user: {}}]}",
    "authority that is none": "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', certificate-authority-data: '!!'}}], users: [{name: u, user: {}}]}",
    "deep": "[" * 10000,
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)),
}


@pytest.mark.parametrize("text", KUBECONFIGS.values(), ids=KUBECONFIGS)
def test_a_kubeconfig_that_makes_no_sense_is_told_in_a_sentence(tmp_path, text):
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    operator = Operator(tmp_path, str(path), "default")
    assert operator.wait() in (1, 2)
    assert re.search(r'"level":60.*"msg":"the operator cannot go on".*' + re.escape(str(path)), operator.log), operator.log
    assert not operator.reports()


def leader(play):
    """The operator that leads, once one does that lives."""
    def living():
        holder = play.scene.lease_holder() or ""
        return next((operator for i, operator in enumerate(play.operators, 1) if operator.alive and holder.startswith(f"operator-{i}_")), None)
    return wait_until(lambda: f"somebody leads: {play.scene.lease_holder()}", living)


def test_a_standby_takes_over(play):
    play.start(lease_s=10)
    play.start(lease_s=10)
    play.scene.create_stack()
    play.scene.await_deployed()
    leader(play).kill()
    play.start(lease_s=10)
    play.scene.change_stack({"replicas": 1})
    wait_until("the new leader obeys", lambda: play.scene.find("deployments")["spec"]["replicas"] == 1)
    old = leader(play)
    assert old.terminate() == 0
    assert leader(play) is not old
    play.scene.change_stack({"replicas": 2})
    wait_until("the next leader obeys", lambda: play.scene.find("deployments")["spec"]["replicas"] == 2)
    check_made_once(play)


def test_the_lease_is_given_up_at_the_end(play):
    operator = play.start()
    wait_until("it leads", play.scene.lease_holder)
    assert operator.terminate() == 0
    assert not play.scene.lease_holder()
