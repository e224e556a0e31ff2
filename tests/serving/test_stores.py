"""Vectors in stores, each asked by its own client, and users who are to be forgotten.

It needs neither TensorFlow nor TFX, as the commands do not, so that it also runs where a store's
client cannot stand beside them.
"""

import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.__main__ import main
from serving.bulk.vectors import nearest_users, schema
from serving.stores import registry
from serving.stores.registry import STORES
from tests.databases import PostgreSQL

_ROOT = pathlib.Path(__file__).parents[2]
_DIMENSION = 8
_ROWS = 40
_OF_ONE_STACK = [kind for kind, entry in STORES.items() if not entry.both_stacks]


class Lance:
    def __init__(self, folder):
        self.destination = str(folder)

    def _table(self):
        import lancedb

        return lancedb.connect(self.destination).open_table("user_vectors")

    def rows(self):
        return self._table().to_arrow().to_pylist()

    def nearest(self, vector, version):
        search = self._table().search(vector).distance_type("cosine")
        found = search.where(f"model_version = {version}").limit(5).to_list()
        return [row["user_id"] for row in found]


class Faiss:
    def __init__(self, folder):
        self.destination = str(folder)

    def _version(self, version):
        import faiss

        folder = f"{self.destination}/user_vectors/{version}"
        index = faiss.read_index(f"{folder}/index.faiss")
        return index, pq.read_table(f"{folder}/users.parquet").to_pylist()

    def rows(self):
        found = []
        for version in os.listdir(f"{self.destination}/user_vectors"):
            if not version.startswith("."):
                index, users = self._version(version)
                vectors = index.reconstruct_n(0, index.ntotal)
                assert len(users) == index.ntotal
                for user, vector in zip(users, vectors, strict=True):
                    found.append({**user, "vector": vector * user["length"]})
        return found

    def nearest(self, vector, version):
        index, users = self._version(version)
        _, rows = index.search(np.array([vector / np.linalg.norm(vector)], "float32"), 5)
        return [users[row]["user_id"] for row in rows[0]]


class Postgres:
    def __init__(self, folder):
        del folder
        self.server = PostgreSQL()
        self.destination = f"postgresql://mlmd@127.0.0.1:{self.server.port}/metadata"
        there = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if self._ask(there) == [(0,)]:
            self.end()
            pytest.skip("pgvector is not installed (Debian: postgresql-VERSION-pgvector)")

    def _ask(self, statement, *values):
        import psycopg
        from pgvector.psycopg import register_vector

        with psycopg.connect(self.destination) as connection:
            if "user_vectors" in statement:
                register_vector(connection)
            return connection.execute(statement, values).fetchall()

    def rows(self):
        names = ["user_id", "vector", "behaviors", "periods", "model_version"]
        rows = self._ask(
            "SELECT user_id, vector, behaviors, periods, model_version FROM user_vectors"
        )
        return [{**dict(zip(names, row, strict=True)), "vector": row[1].to_numpy()} for row in rows]

    def nearest(self, vector, version):
        statement = (
            "SELECT user_id FROM user_vectors WHERE model_version = %s "
            "ORDER BY vector <=> %s LIMIT 5"
        )
        return [user for (user,) in self._ask(statement, version, vector)]

    def end(self):
        self.server.end()


class Qdrant:
    def __init__(self, folder):
        self.destination = str(folder)

    def _client(self):
        from qdrant_client import QdrantClient

        return QdrantClient(path=self.destination)

    def rows(self):
        client = self._client()
        points, _ = client.scroll("user_vectors", limit=10_000, with_vectors=True)
        client.close()
        return [
            {**point.payload, "vector": np.array(point.vector) * point.payload["length"]}
            for point in points
        ]

    def nearest(self, vector, version):
        from qdrant_client import models

        client = self._client()
        match = models.MatchValue(value=version)
        of_version = models.Filter(must=[models.FieldCondition(key="model_version", match=match)])
        found = client.query_points(
            "user_vectors", query=vector.tolist(), query_filter=of_version, limit=5
        )
        client.close()
        return [point.payload["user_id"] for point in found.points]


class Milvus:
    def __init__(self, folder):
        self.destination = f"{folder}.db"

    def _client(self):
        from pymilvus import MilvusClient

        client = MilvusClient(self.destination)
        client.load_collection("user_vectors")
        return client

    def rows(self):
        client = self._client()
        names = ["user_id", "vector", "behaviors", "periods", "model_version"]
        found = client.query("user_vectors", filter="behaviors >= 0", output_fields=names)
        client.close()
        return found

    def nearest(self, vector, version):
        client = self._client()
        (found,) = client.search(
            "user_vectors",
            data=[vector.tolist()],
            filter=f"model_version == {version}",
            limit=5,
            output_fields=["user_id"],
        )
        client.close()
        return [hit["entity"]["user_id"] for hit in found]


_CLIENTS = {
    "lancedb": Lance,
    "faiss": Faiss,
    "pgvector": Postgres,
    "qdrant": Qdrant,
    "milvus": Milvus,
}


class Place:
    """A store, and vectors that go there."""

    def __init__(self, kind, folder):
        self.kind = kind
        self.folder = folder
        self.client = _CLIENTS[kind](folder / "store")
        self.there = []

    def write(self, name, users, version=1):
        """Vectors as an encoding leaves them, in two parts."""
        folder = self.folder / name
        folder.mkdir()
        rows = [
            {"user_id": user, "vector": vector, "model_version": version, "behaviors": number}
            | {"periods": 1, "history_digest": bytes(16), "carried_over": number % 2 == 0}
            for number, (user, vector) in enumerate(users.items())
        ]
        files = {}
        for part in (0, 1):
            table = pa.Table.from_pylist(rows[part::2], schema(_DIMENSION))
            files[str(part)] = f"part-{part:05d}.parquet"
            pq.write_table(table, folder / files[str(part)])
        summary = {
            "fingerprint": f"{name}-{version}",
            "model_version": version,
            "users": len(users),
            "carried_over": sum(row["carried_over"] for row in rows),
            "files": files,
        }
        (folder / "_encoding.json").write_text(json.dumps(summary))
        return str(folder)

    def command(self, name, *arguments):
        arguments = [str(self.folder / name), "--to", self.kind, *arguments]
        return ["export", *arguments, "--destination", self.client.destination]

    def export(self, name):
        assert main(self.command(name)) == 0

    def check_equal_to(self, *names):
        """The store's rows are those of these Parquet folders, no more and no fewer."""
        expected = {
            (row["user_id"], row["model_version"]): row
            for name in names
            for row in pq.read_table(self.folder / name).to_pylist()
        }
        rows = self.client.rows()
        assert len(rows) == len(expected)
        for row in rows:
            of_parquet = expected.pop((row["user_id"], row["model_version"]))
            np.testing.assert_allclose(row["vector"], of_parquet["vector"], rtol=1e-5, atol=1e-6)
            assert row["behaviors"] == of_parquet["behaviors"]
            assert row["periods"] == of_parquet["periods"]
        assert not expected

    def forget(self, *users, check=False, vectors=()):
        (self.folder / "gone.txt").write_text("\n".join(users))
        places = [*map(str, vectors), f"{self.kind}={self.client.destination}"]
        return main(["forget", str(self.folder / "gone.txt"), *places, *["--check"] * check])


def _users(count, seed=0):
    rng = np.random.default_rng(seed)
    names = [f'user-{number:03d} it\'s "ü"' for number in range(count)]
    return {name: rng.normal(size=_DIMENSION).astype("float32") for name in names}


@pytest.fixture(params=STORES)
def place(request, tmp_path, monkeypatch):
    kind = request.param
    entry = STORES[kind]
    there = all(importlib.util.find_spec(package) for package in entry.packages)
    if kind in _OF_ONE_STACK and sys.version_info < (3, 11) and not there:
        # With pytest and the client in an environment of its own: pytest --noconftest THIS_FILE.
        pytest.skip(f"{kind}'s client cannot stand beside TFX 1.16, nor be tested with it")
    module = importlib.import_module(entry.module)
    monkeypatch.setattr(module.open_store, "rows", _ROWS)
    place = Place(kind, tmp_path)
    yield place
    if hasattr(place.client, "end"):
        place.client.end()


_KILLED = """
import importlib, os, signal, sys
from serving.__main__ import main
from serving.stores.registry import STORES
store = importlib.import_module(STORES[sys.argv[1]].module).open_store
store.rows, batches, upsert = int(sys.argv[2]), [], store.upsert
def dies(self, rows):
    upsert(self, rows)
    batches.append(rows)
    if len(batches) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
store.upsert = dies
main(sys.argv[3:])
"""


def test_a_store_has_what_the_parquet_has(place, capsys):
    """All of a store's life in one test, for some take a second to open."""
    users = _users(120)
    place.write("monday", users)
    command = [sys.executable, "-c", _KILLED, place.kind, str(_ROWS), *place.command("monday")]
    assert subprocess.run(command, cwd=_ROOT).returncode == -signal.SIGKILL
    with pytest.raises((AssertionError, OSError)):
        place.check_equal_to("monday")
    place.export("monday")
    place.check_equal_to("monday")
    assert "120 users of version 1" in capsys.readouterr().err

    anyone = next(iter(users))
    nearest = place.client.nearest(users[anyone], 1)
    path = str(place.folder / "monday")
    assert nearest == [anyone, *(each.user_id for each in nearest_users(path, anyone, 4))]

    # A user has other vectors now, one is gone, one is new; another version stands beside it.
    gone, changed, *_ = users
    tuesday = {**users, changed: -users[changed], "new": users[gone]}
    del tuesday[gone]
    place.write("tuesday", tuesday)
    place.write("other", _users(50, seed=1), version=2)
    for name in ("tuesday", "other", "tuesday"):
        place.export(name)
    place.check_equal_to("tuesday", "other")

    # `changed` is in both versions, and in the vectors.
    folders = [place.folder / "tuesday", place.folder / "other"]
    assert place.forget(changed, "new", "nobody", check=True, vectors=folders) == 1
    said = capsys.readouterr().err
    store = f"{place.kind}={place.client.destination}"
    for where in (f"{folders[0]}: 2", f"{folders[1]}: 1", f"{store}: 2"):
        assert where in said
    assert place.forget(changed, "new", "nobody", vectors=folders) == 0
    assert "none of 3 users is in" in capsys.readouterr().out
    assert place.forget(changed, check=True, vectors=folders) == 0
    place.check_equal_to("tuesday", "other")
    if place.kind in ("lancedb", "faiss"):
        traces = [
            path
            for path in (place.folder / "store").rglob("*")
            if path.is_file() and changed.encode() in path.read_bytes()
        ]
        assert not traces

    wide = pathlib.Path(place.write("wide", {}))
    pq.write_table(pa.Table.from_pylist([], schema(9)), wide / "part-00000.parquet")
    (wide / "part-00001.parquet").unlink()
    if place.kind != "faiss":
        assert main(place.command("wide")) == 1
        assert "has vectors of 8 numbers, these have 9" in capsys.readouterr().err
    missing = ["forget", str(place.folder / "gone.txt"), store, "--table", "nothing"]
    assert main([*missing, "--check"]) == main(missing) == 1
    assert "There is no table nothing" in capsys.readouterr().err


def test_forgetting_in_vectors(tmp_path):
    place = Place("faiss", tmp_path)
    users = _users(10)
    folder = pathlib.Path(place.write("monday", users))
    before = json.loads((folder / "_encoding.json").read_text())
    untouched = (folder / "part-00001.parquet").stat().st_mtime_ns
    (tmp_path / "gone.txt").write_text(next(iter(users)))
    command = ["forget", str(tmp_path / "gone.txt"), str(folder)]
    assert main([*command, "--check"]) == 1
    assert main(command) == main([*command, "--check"]) == main(command) == 0
    after = json.loads((folder / "_encoding.json").read_text())
    assert (after["users"], after["carried_over"]) == (9, before["carried_over"] - 1)
    # What had the user is another file, and these are the vectors of the same events no more.
    assert (folder / "part-00001.parquet").stat().st_mtime_ns == untouched
    assert after["fingerprint"] != before["fingerprint"]
    rows = pq.read_table(folder).to_pylist()
    assert {row["user_id"] for row in rows} == set(list(users)[1:])
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


def test_what_is_wrong_is_said(tmp_path, capsys, monkeypatch):
    place = Place("qdrant", tmp_path)
    place.write("monday", _users(3))
    (tmp_path / "monday" / "_encoding.json").rename(tmp_path / "kept")
    assert main(place.command("monday")) == 2
    assert "is no finished encoding" in capsys.readouterr().err
    (tmp_path / "kept").rename(tmp_path / "monday" / "_encoding.json")
    vectors = str(tmp_path / "monday")

    def export(kind, destination):
        code = main(["export", vectors, "--to", kind, "--destination", destination])
        return code, capsys.readouterr().err

    # Nobody listens there.
    code, said = export("qdrant", "http://127.0.0.1:1")
    assert code == 1
    assert "See that the server runs" in said
    code, said = export("pgvector", "postgresql://me@127.0.0.1:1/users")
    assert code == 1
    assert "PGPASSWORD is set" in said
    for dsn in ("postgresql://me:secret@127.0.0.1/users", "host=127.0.0.1 password=secret"):
        code, said = export("pgvector", dsn)
        assert code == 2
        assert "has a password" in said
        assert "secret" not in said
    (tmp_path / "file").write_text("")
    code, said = export("faiss", str(tmp_path / "file"))
    assert code == 1
    assert "See that the folder is right" in said
    missing = STORES["qdrant"]._replace(packages={"qdrant_missing": "qdrant-client"})
    monkeypatch.setitem(registry.STORES, "qdrant", missing)
    code, said = export("qdrant", str(tmp_path / "x"))
    assert code == 1
    assert "needs qdrant-client" in said
    assert "requirements-exports.txt" in said
    (tmp_path / "gone.txt").write_text("x")
    assert main(["forget", str(tmp_path / "gone.txt"), "redis=x"]) == 2
    assert "one of lancedb, faiss, pgvector, qdrant, milvus" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    offered = re.search(r"--to \{(.+?)\}", capsys.readouterr().out)[1]
    assert offered.split(",") == list(STORES)
