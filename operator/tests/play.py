"""A scene, the proxy to it, and the operators that are started on it."""

import contextlib

from operator_process import Operator
from proxy import UNCOUNTED, USER, Proxy


class Play:
    """FOLDER takes the operators' logs, their kubeconfig and the sanitizers' reports."""

    def __init__(self, scene, proxy, folder):
        self.scene, self.proxy, self.folder, self.operators = scene, proxy, folder, []
        self.forgotten = 0  # of the audit log's writes

    def start(self, **settings):
        name = f"operator-{len(self.operators) + 1}"
        operator = Operator(self.folder, self.proxy.write_kubeconfig(self.folder), self.scene.namespace, name=name, **settings)
        self.operators.append(operator)
        return operator

    def end(self):
        """Every operator that still runs ends well, and no sanitizer has complained."""
        for operator in self.operators:
            if operator.alive:
                assert operator.terminate() == 0, operator.log[-3000:]
        reports = "".join({operator.reports() for operator in self.operators})
        assert not reports, reports[:8000]

    def written(self):
        """The operator's writes since forget_writes, as the API server's audit log has them."""
        return self.scene.api.audit(self.scene.namespace, USER, UNCOUNTED)[self.forgotten:]

    def forget_writes(self):
        """Begins to count anew; what the proxy had counted."""
        self.forgotten += len(self.written())
        writes, self.proxy.writes = self.proxy.writes, []
        return writes

    def log(self):
        return self.operators[-1].log[-3000:]

    def abandon(self):
        for operator in self.operators:
            if operator.alive:
                operator.kill()


@contextlib.contextmanager
def a_play(api, scene, folder):
    """Of which no operator is left at the end."""
    folder.mkdir(exist_ok=True)
    with Proxy(api) as proxy:
        play = Play(scene, proxy, folder)
        try:
            yield play
        finally:
            play.abandon()
