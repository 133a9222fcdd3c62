"""Plays the kubelet: pods of the operator's stacks run, become ready and end without being anywhere.

They are never bound to a node, so that deleting them takes no kubelet either. A Job's pod ends once the stack says that its attempt runs; `exits` tells how: {("namespace", "shop-migrate-1"): 75}, 0 where nothing is told.
A server's pod whose image has a tag of `restarting`, {("namespace", "v2")}, has restarted once when it becomes ready.
"""

import http.client
import json
import threading
from datetime import datetime, timezone

from kubeapi import ApiError

LABEL = "app.kubernetes.io/managed-by=supernova-operator"
SUCCEEDED = json.dumps({"schemaVersion": 1, "servesFrom": 1, "applied": [1], "accepts": [1, 1]})
FAILED = json.dumps({"error": "the test says so", "schemaVersion": 1, "servesFrom": 1, "accepts": [1, 1]})


class Kubelet:
    def __init__(self, api):
        self.api, self.namespaces, self.exits, self.restarting = api, set(), {}, set()
        self.stopped, self.connection = threading.Event(), None

    def __enter__(self):
        self.threads = [threading.Thread(target=self.loop, args=(what,), daemon=True) for what in ("pods", "supernovastacks")]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(10)

    def loop(self, resource):
        while not self.stopped.is_set():
            try:
                self.watch(resource)
            except (OSError, http.client.HTTPException, ApiError, ValueError):
                self.stopped.wait(0.2)  # the API server is away; the next watch begins with all there is

    def watch(self, resource):
        """Without a resourceVersion a watch begins with all that is there."""
        query = {"watch": 1, "timeoutSeconds": 5, **({"labelSelector": LABEL} if resource == "pods" else {})}
        connection = self.api.connect()
        connection.request("GET", self.api.path(resource, **query))
        response = connection.getresponse()
        if response.status != 200:
            raise ApiError(response.status, "no watch")
        while not self.stopped.is_set() and (line := response.readline()):
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED") and event["object"]["metadata"]["namespace"] in self.namespaces:
                self.look(resource, event["object"])
        connection.close()

    def look(self, resource, seen):
        namespace = seen["metadata"]["namespace"]
        if resource == "pods":
            return self.see_pod(seen)
        migration = seen.get("status", {}).get("migration", {})
        if migration.get("state") == "Running":
            for pod in self.api.items("pods", namespace, labelSelector=LABEL):
                self.see_pod(pod, migration)
        return None

    def see_pod(self, pod, migration=None):
        meta = pod["metadata"]
        if pod["status"].get("phase") != "Pending" or meta.get("deletionTimestamp"):
            return
        job = meta["labels"].get("batch.kubernetes.io/job-name")
        if job and not self.may_end(meta["namespace"], job, migration):
            return
        code = self.exits.get((meta["namespace"], job), 0) if job else None
        restarts = not job and (meta["namespace"], pod["spec"]["containers"][0]["image"].rpartition(":")[2]) in self.restarting
        try:
            self.api.patch("pods", meta["namespace"], meta["name"], {"status": self.status(pod, code, restarts)}, subresource="status")
        except ApiError as error:
            if error.status != 404:
                raise

    def may_end(self, namespace, job, migration):
        """Does the stack say that this attempt of this series runs?"""
        if migration is None:
            stacks = self.api.items("supernovastacks", namespace)
            migration = stacks[0].get("status", {}).get("migration", {}) if stacks else {}
        number, attempt = migration.get("revision"), migration.get("attempt")
        suffix = f"-{migration.get('kind')}-{number}" + (f"-{attempt}" if attempt and attempt > 1 else "")
        return migration.get("state") == "Running" and job.endswith(suffix)

    @staticmethod
    def status(pod, code, restarts):
        """CODE: the exit status of a container that has ended; None: it runs."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": FAILED if code else SUCCEEDED,
                 "startedAt": now, "finishedAt": now}
        last = {"lastState": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now}}} if restarts else {}
        state = {"running": {"startedAt": now}} if code is None else {"terminated": ended}
        phase = "Running" if code is None else "Failed" if code else "Succeeded"
        container = pod["spec"]["containers"][0]
        ready = [{"type": kind, "status": str(code is None), "lastTransitionTime": now} for kind in ("Ready", "ContainersReady")]
        return {"phase": phase, "conditions": ready, "startTime": now,
                "containerStatuses": [{"name": container["name"], "image": container["image"], "imageID": "", "ready": code is None,
                                       "restartCount": int(restarts), "started": code is None, "state": state, **last}]}
