"""A real registry on a free port, and the node's containerd told of it as a cluster's administrator would."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import urllib.request

import yaml

from kube import wait_for


class Registry:
    """Plain HTTP. localhost:PORT is its name for this machine, and by certs.d for the node too."""

    def __init__(self, cluster):
        self.store = tempfile.mkdtemp()
        for _ in range(5):  # whoever loses the race for a port takes another
            port = self.start()
            if wait_for("the registry answers or has ended", lambda: self.answers() or self.process.poll()) is True:
                break
        assert self.process.poll() is None, pathlib.Path(f"{self.store}/log").read_text()
        self.hosts = cluster.state / "certs.d" / self.name
        self.hosts.mkdir(parents=True)
        (self.hosts / "hosts.toml").write_text(f'[host."http://{cluster.address("host_ip")}:{port}"]\n')

    def start(self):
        """On a port that nobody had a moment ago."""
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        self.name = f"localhost:{port}"
        config = f"{self.store}/config.yml"
        with open(config, "w") as file:
            yaml.safe_dump({"version": 0.1, "log": {"level": "warn"}, "http": {"addr": f":{port}"},
                            "storage": {"filesystem": {"rootdirectory": f"{self.store}/images"}}}, file)
        with open(f"{self.store}/log", "w") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        return port

    def answers(self):
        try:
            return urllib.request.urlopen(f"http://{self.name}/v2/", timeout=5).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.hosts)
        shutil.rmtree(self.store)
