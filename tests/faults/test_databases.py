"""ML Metadata in PostgreSQL and MariaDB, as Debian packages them: a run, and a server that goes."""

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
import small_runs

pytestmark = pytest.mark.slow

_SYSTEM_FOLDERS = ["/usr/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]


def _program(name):
    path = shutil.which(name, path=os.pathsep.join([*_SYSTEM_FOLDERS, os.environ["PATH"]]))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class _Server:
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


class _PostgreSQL(_Server):
    kind = "postgresql"

    def __init__(self):
        self._postgres, initdb, createdb = map(_program, ("postgres", "initdb", "createdb"))
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
        self.ask = [_program("psql"), *address, "metadata", "-c", "SELECT 1"]

    def command(self):
        return [self._postgres, "-D", self._data, "-p", str(self.port), "-k", str(self.folder)]


class _MariaDB(_Server):
    kind = "mysql"

    def __init__(self):
        self._mariadbd, install, client = map(
            _program, ("mariadbd", "mariadb-install-db", "mariadb")
        )
        super().__init__()
        self.user = {}
        me = pwd.getpwuid(os.geteuid()).pw_name
        self._options = ["--no-defaults", f"--datadir={self.folder}/data", f"--user={me}"]
        self.run(install, *self._options, "--auth-root-authentication-method=normal")
        self.start()
        statements = (
            "CREATE DATABASE metadata; CREATE USER mlmd@'127.0.0.1' IDENTIFIED BY 'secret'; "
            "GRANT ALL ON metadata.* TO mlmd@'127.0.0.1';"
        )
        where = ["--no-defaults", f"--socket={self.folder}/socket", "-u", "root"]
        self.run(client, *where, "-e", statements, wait=True)
        self.ask = [client, *where, "-e", "SELECT 1"]

    def command(self):
        return [
            *(self._mariadbd, *self._options, "--bind-address=127.0.0.1"),
            *(f"--port={self.port}", f"--socket={self.folder}/socket"),
            "--skip-name-resolve",
        ]


@pytest.fixture(params=[_PostgreSQL, _MariaDB], ids=["postgresql", "mariadb"])
def server(request):
    server = request.param()
    yield server
    server.end()


def test_a_whole_run_whose_server_was_gone_for_a_while(server, in_child, tmp_path):
    secret = {"DATABASE_PASSWORD": "secret"}
    metadata = {
        **{"type": server.kind, "host": "127.0.0.1", "port": server.port, "user": "mlmd"},
        **{"database": "metadata", "password_env": "DATABASE_PASSWORD"},
    }
    small_runs.prepare(tmp_path, metadata=metadata)
    folder = str(tmp_path)
    done = "UnlabelledSchemaGen"
    assert in_child(small_runs.run, folder, done, **secret) == 0, (tmp_path / "log").read_text()[
        -2000:
    ]
    server.stop()
    assert in_child(small_runs.run, folder, done, **secret) == 1
    said = small_runs.failure(folder)
    assert f"ML Metadata's database ({server.kind}) does not answer" in said
    assert "whether the server runs; then run again" in said
    assert "secret" not in said
    server.start()
    server.wait_until_ready()
    assert in_child(small_runs.run, folder, **secret) == 0, (tmp_path / "log").read_text()[-2000:]
    assert not small_runs.ran(folder) & set(
        small_runs.COMPONENTS[: small_runs.COMPONENTS.index(done) + 1]
    )
    assert small_runs.events(folder)[-1]["pushed"]
    assert not (tmp_path / "output" / "metadata.sqlite").exists()
