"""A PostgreSQL and a Redis of one's own, to be stopped, killed, paused and started again on the port that they had."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from processes import children, free_port, wait_until


class Neighbour:
    """A program in a folder of its own; whoever derives says its .command, its .url, whose it is and whether it .accepts()."""
    user = group = None

    def __init__(self):
        self.folder, self.port = pathlib.Path(tempfile.mkdtemp(prefix="neighbour-")), free_port()

    def who(self):
        return {"user": self.user, "group": self.group, "extra_groups": []} if self.user else {}

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder, **self.who())
        wait_until(f"{self.command[0]} accepts connections (its log: {self.folder}/log)", self.accepts, poll_s=0.002)

    def signal(self, number):
        for pid in [self.process.pid, *children(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self):
        self.process.send_signal(self.stopping)
        self.process.wait()

    def kill(self):
        """All of it at once, as the kernel does it when memory runs out."""
        self.process.send_signal(signal.SIGSTOP)  # so that it starts nobody meanwhile
        self.signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)


class Postgres(Neighbour):
    stopping = signal.SIGINT  # its fast shutdown

    def __init__(self):
        super().__init__()
        self.bin, folder = os.environ["PG_BIN"], self.folder
        if os.getuid() == 0:  # it refuses to run as root
            self.user, self.group = "postgres", pwd.getpwnam("postgres").pw_gid
            shutil.chown(folder, "postgres")
        self.url = f"postgresql://supernova@127.0.0.1:{self.port}/postgres?sslmode=disable"
        subprocess.run([f"{self.bin}/initdb", "-D", folder / "data", "-U", "supernova", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, capture_output=True, cwd=folder, **self.who())
        self.command = [f"{self.bin}/postgres", "-D", folder / "data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                        "-c", "unix_socket_directories=", "-c", "fsync=off"]
        self.start()

    def accepts(self):
        return subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0


class Redis(Neighbour):
    stopping = signal.SIGTERM

    def __init__(self):
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.start()

    def accepts(self):
        return subprocess.run(["redis-cli", "-p", str(self.port), "PING"], capture_output=True, text=True).stdout == "PONG\n"
