"""Users who are to be forgotten, in vectors on disk."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from contract.features import USER_ID
from serving.bulk.vectors import (
    CARRIED_OVER,
    ENCODING_FILE,
    VectorsError,
    file_system,
    open_vectors,
    read_encoding,
)


def find_users(path: str, user_ids: Collection[str]) -> set[str]:
    """Which of some users have vectors.

    Args:
        path: What `python -m serving encode` wrote.
        user_ids: Of the users.

    Raises:
        VectorsError: There are no vectors, or an encoding is not finished.
    """
    read_encoding(path)
    wanted, found = set(user_ids), set()
    for batch in open_vectors(path).to_batches(columns=[USER_ID]):
        found |= wanted.intersection(batch.column(0).to_pylist())
    return found


def forget_users(path: str, user_ids: Collection[str]) -> None:
    """Takes users out of finished vectors, a file at a time; killed, it can be called again.

    What is counted in `_encoding.json` is counted anew, and its fingerprint is another: these are
    the vectors of what was encoded no more.

    Args:
        path: What `python -m serving encode` wrote.
        user_ids: Of the users.

    Raises:
        VectorsError: There are no vectors, or an encoding is not finished, so that the texts of
            users lie beside them.
    """
    summary = read_encoding(path)
    if "files" not in summary:
        raise VectorsError(f"{path} does not say which files are its own. Encode all users anew.")
    files, folder = file_system(path)
    users = carried = 0
    wanted = pa.array(sorted(set(user_ids)), pa.string())
    for name in sorted(os.path.basename(each) for each in summary["files"].values()):
        kept, of_before = _rewrite(files, f"{folder}/{name}", wanted)
        users, carried = users + kept, carried + of_before
    if users == summary["users"]:
        return
    changed = {
        **summary,
        "fingerprint": uuid.uuid4().hex[:16],
        "users": users,
        CARRIED_OVER: carried,
    }
    temporary = f"{folder}/.{uuid.uuid4().hex}"
    with files.open_output_stream(temporary) as file:
        file.write(json.dumps(changed).encode())
    files.move(temporary, f"{folder}/{ENCODING_FILE}")


def _rewrite(files: pyarrow.fs.FileSystem, path: str, gone: pa.Array) -> tuple[int, int]:
    """Writes a file without some users, if it has any; returns users and those carried over."""
    users = carried = 0
    with files.open_input_file(path) as file:
        source = pq.ParquetFile(file)
        found = any(
            pc.any(pc.is_in(batch.column(0), value_set=gone)).as_py()
            for batch in source.iter_batches(columns=[USER_ID])
        )
        temporary = f"{os.path.dirname(path)}/.{uuid.uuid4().hex}"
        if not found:
            for batch in source.iter_batches(columns=[CARRIED_OVER]):
                users, carried = users + len(batch), carried + batch.column(0).true_count
            return users, carried
        with (
            files.open_output_stream(temporary) as target,
            pq.ParquetWriter(target, source.schema_arrow) as writer,
        ):
            for batch in source.iter_batches():
                names = batch.schema.names
                stay = pc.invert(pc.is_in(batch.column(names.index(USER_ID)), value_set=gone))
                kept = pa.Table.from_batches([batch]).filter(stay)
                writer.write_table(kept)
                users += len(kept)
                carried += pc.sum(kept.column(CARRIED_OVER)).as_py() or 0
    files.move(temporary, path)
    return users, carried
