"""ML Metadata in PostgreSQL and MariaDB, as Debian packages them: a run, and a server that goes."""

import os
import pwd

import pytest
import small_runs

from tests.databases import PostgreSQL, Server, program

pytestmark = pytest.mark.slow


class _MariaDB(Server):
    kind = "mysql"

    def __init__(self):
        self._mariadbd, install, client = map(
            program, ("mariadbd", "mariadb-install-db", "mariadb")
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


@pytest.fixture(params=[PostgreSQL, _MariaDB], ids=["postgresql", "mariadb"])
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
