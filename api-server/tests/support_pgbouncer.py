"""Debian's PgBouncer in transaction mode before a PostgreSQL, for tests."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
from urllib.parse import urlsplit

from conftest import free_port, until
from support_sql import ask

PROGRAM = "/usr/sbin/pgbouncer"


class PgBouncer:
    def __init__(self, url, pool=3):
        self.target, self.port, self.process = urlsplit(url), free_port(), None
        self.password = self.target.password or "any"  # of clients; a PostgreSQL that trusts asks for none
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        (self.folder / "users").write_text(f'"{self.target.username}" "{self.password}"\n')
        (self.folder / "ini").write_text(f"""
[databases]
* = host={self.target.hostname} port={self.target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {self.folder}/users
admin_users = {self.target.username}
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 500
server_login_retry = 1
""")
        # it refuses to run as root
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            for path in (self.folder, self.folder / "users", self.folder / "ini"):
                shutil.chown(path, self.user)
        self.start()

    def start(self):
        become = ["setpriv", f"--reuid={self.user}", f"--regid={pwd.getpwnam(self.user).pw_gid}", "--init-groups"] if self.user else []
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([*become, PROGRAM, str(self.folder / "ini")], stdout=log, stderr=log)
        until(self.listens, what="PgBouncer")

    def listens(self):
        assert self.process.poll() is None, self.logged()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def logged(self):
        return (self.folder / "log").read_text(errors="replace")

    def url(self, database):
        t = self.target
        return f"postgresql://{t.username}:{self.password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def admin(self, text):
        return ask(self.url("pgbouncer"), text)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder)
