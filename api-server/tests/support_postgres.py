"""A PostgreSQL of a test's own, to be killed, paused and filled up."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from conftest import free_port, until
from support_sql import Connection, SqlError, accepts, ask


class Postgres:
    def __init__(self, bin, **settings):
        self.bin, self.port, self.process = bin, free_port(), None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
        # synchronous_commit stays on: what was answered must outlive the server's death
        self.settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "shared_buffers": "16MB",
                         "max_connections": "60", **settings}
        self.url = f"postgresql://supernova@127.0.0.1:{self.port}/postgres?sslmode=disable"
        self.become = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.become = ["setpriv", "--reuid=postgres", f"--regid={pwd.getpwnam('postgres').pw_gid}", "--init-groups"]
        subprocess.run([*self.become, f"{bin}/initdb", "-D", str(self.folder / "data"), "-U", "supernova", "--auth=trust", "-E", "UTF8",
                        "--locale=C.UTF-8", "--no-sync"], check=True, capture_output=True, cwd=self.folder)
        self.start()

    def start(self):
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([*self.become, f"{self.bin}/postgres", "-D", str(self.folder / "data"), "-p", str(self.port), *options],
                                            stdout=log, stderr=log, cwd=self.folder)
        until(self.answers, what="PostgreSQL")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        return accepts(self.url)

    def sql(self, text):
        return ask(self.url, text)

    def processes(self):
        """The postmaster and all that it started."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *(int(pid) for pid in children.split())]

    def signal_all(self, number):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        """As the kernel does it when memory runs out; the next start recovers."""
        self.process.send_signal(signal.SIGSTOP)  # so that it starts nobody meanwhile
        pids = self.processes()
        self.signal_all(signal.SIGKILL)
        self.process.wait()
        until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), what="the end of PostgreSQL")

    def hold(self):
        """Takes a connection and keeps it, or says that there is none left."""
        with contextlib.suppress(SqlError):
            return Connection(self.url)
        return None

    def close(self):
        if self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(60)
        shutil.rmtree(self.folder)
