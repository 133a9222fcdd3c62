"""The operator as a process: started with a kubeconfig, killed, ended, and looked at for what it left behind."""

import os
import pathlib
import signal
import subprocess
import threading

BUILT = pathlib.Path(__file__).parents[2] / "build/asan/operator/supernova-operator"


class Operator:
    """Runs from when it is made. FOLDER takes its log and the sanitizers' reports; several may share one."""

    def __init__(self, folder, kubeconfig, namespace, name="operator-1", lease_s=15, **environment):
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / f"{name}.log"
        reports = f"log_path={self.folder}/report"
        environment = {"KUBECONFIG": kubeconfig, "WATCH_NAMESPACES": namespace, "POD_NAMESPACE": namespace, "POD_NAME": name,
                       "LEASE_DURATION_SECONDS": str(lease_s), "METRICS_PORT": "0", "PROBE_PORT": "0", "POD_ACCESS": "proxy", "PATH": os.environ["PATH"],
                       "ASAN_OPTIONS": f"detect_leaks=1:{reports}", "UBSAN_OPTIONS": f"print_stacktrace=1:{reports}", **environment}
        self.lock = threading.Lock()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([os.environ.get("OPERATOR_BINARY", BUILT)], env=environment, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.folder)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def alive(self):
        with self.lock:
            return self.process.poll() is None

    def wait(self, timeout_s=60):
        """The exit status; negative for a signal."""
        with self.lock:
            return self.process.wait(timeout_s)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def cpu_s(self):
        """Processor time it has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def reports(self):
        """What the sanitizers had to say about any process of this folder."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("report.*")))
