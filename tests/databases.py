"""Database servers of Debian's packages, each in a folder of its own."""

import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

_SYSTEM_FOLDERS = ["/usr/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]


def program(name):
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *_SYSTEM_FOLDERS]))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A database server of its own, in a folder of its own."""

    def __init__(self):
        self.port = _free_port()
        # Not root's folder of pytest: PostgreSQL refuses root, another user runs it.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="database"))
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user
        )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def wait_until_ready(self):
        """After a crash a server listens before it answers."""
        self.run(*self.ask, wait=True)

    def stop(self):
        self._process.kill()
        self._process.wait()

    def run(self, *command, wait=False):
        deadline = time.monotonic() + (60 if wait else 0)
        while True:
            ended = subprocess.run(command, capture_output=True, text=True, **self.user)
            if ended.returncode == 0:
                return
            assert time.monotonic() < deadline, ended.stderr
            time.sleep(0.2)

    def end(self):
        self.stop()
        shutil.rmtree(self.folder)


class PostgreSQL(Server):
    kind = "postgresql"

    def __init__(self):
        self._postgres, initdb, createdb = map(program, ("postgres", "initdb", "createdb"))
        super().__init__()
        self.user = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "cwd": "/"}
        self._data = str(self.folder / "data")
        self.run(initdb, "-D", self._data, "-U", "mlmd", "--auth=trust", "--no-sync")
        self.start()
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "mlmd"]
        self.run(createdb, *address, "metadata", wait=True)
        self.ask = [program("psql"), *address, "metadata", "-c", "SELECT 1"]

    def command(self):
        return [self._postgres, "-D", self._data, "-p", str(self.port), "-k", str(self.folder)]
