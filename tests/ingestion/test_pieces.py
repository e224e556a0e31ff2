"""Large files are read in pieces, and nobody can tell."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import pieces
from ingestion.config import Columns
from ingestion.files import content_hash, match_files
from ingestion.pieces import Piece, pieces_of
from ingestion.reading import PieceReader, of_whole_file
from ingestion.rows import EventRows, LabelRows
from ingestion.spill import SpillWriter, read_users
from ingestion.timestamp_units import Clock

_ROWS = 500


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 3000)
    monkeypatch.setattr(pieces, "_BLOCK_BYTES", 512)
    monkeypatch.setattr(pieces, "PROBED_OBJECTS", 10)


def _of(path):
    (file,) = match_files({"events": str(path)})
    return file, pieces_of(file)


def _read(parts, folder):
    """Returns the statistics of pieces that make a file, and their users."""
    reader = PieceReader(EventRows(Columns(), True), LabelRows(Columns(), {}), "auto")
    found, spilled = [], []
    for number, piece in enumerate(parts):
        writer = SpillWriter(str(folder / f"{len(parts)}-{number}.arrow"), 1)
        found += [read for read in reader(piece, writer) if read is not None]
        spilled += writer.close().values()
    statistics = of_whole_file(found[::-1])
    clock = Clock.of(statistics.timestamp_units, "auto")
    users = [
        (user.user_id, user.timestamps.tolist(), user.texts.to_pylist())
        for user in read_users(spilled[::-1], clock)
    ]
    return statistics.model_dump(), users


def _jsonl(number):
    # Ties, numbers whose unit is seen by the whole file alone, and bad lines in every piece.
    if number % 50 == 49:
        return "{" * (number % 7)
    return json.dumps({"user_id": f"u{number % 9}", "timestamp": 10**12, "text": f"ü {number}"})


def _csv(number):
    return f"u{number % 9},{number // 3 if number % 50 else 'soon'},text {number}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("extension", ["jsonl", "csv"])
def test_text(tmp_path, extension, end, last):
    lines = [(_csv if extension == "csv" else _jsonl)(number) for number in range(_ROWS)]
    header = ["user_id,timestamp,text"] if extension == "csv" else []
    path = tmp_path / f"a.{extension}"
    path.write_bytes((end.join([*header, *lines]) + end * last).encode())
    file, parts = _of(path)
    assert len(parts) > 2
    assert parts[0].start == 0
    assert [part.stop for part in parts] == [*(part.start for part in parts[1:]), None]
    assert {part.content for part in parts} == {content_hash(file)}
    assert _read(parts, tmp_path) == _read([Piece(file)], tmp_path)


def test_a_line_longer_than_a_piece(tmp_path):
    lines = [_jsonl(number) for number in range(_ROWS)]
    lines[100] = json.dumps({"user_id": "u1", "timestamp": 10**12, "text": "x" * 10_000})
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    file, parts = _of(tmp_path / "a.jsonl")
    assert len(parts) > 2
    assert _read(parts, tmp_path) == _read([Piece(file)], tmp_path)


def test_parquet(tmp_path):
    rows = [
        {"user_id": f"u{n % 9}", "timestamp": None if n % 50 == 49 else n, "text": f"text {n}"}
        for n in range(_ROWS)
    ]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=60, compression="none")
    file, parts = _of(tmp_path / "a.parquet")
    assert len(parts) > 2
    assert _read(parts, tmp_path) == _read([Piece(file)], tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'u1,1,"x\ny"\n'),  # A line end within quotes, which only the beginning tells.
        ("a.jsonl.gz", "{}\n"),
        ("a.jsonl.zst", "{}\n"),
        ("a.jsonl", "{}\n".encode("utf-16")),
        ("a.jsonl", json.dumps({"text": "x" * 900}) + "\n"),  # Less than 10 objects in a piece.
    ],
)
def test_what_is_not_divided(tmp_path, name, text):
    raw = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(raw * (10_000 // len(raw) + 1))
    file, parts = _of(tmp_path / name)
    assert parts == [Piece(file)]


def test_labels_are_not_divided(tmp_path):
    (tmp_path / "a.csv").write_text("user_id,likes\n" + "u1,1\n" * 2000)
    (tmp_path / "b.csv").write_text("user_id,timestamp,text\nu1,1,x\n")
    _, file = match_files({"events": str(tmp_path / "b.csv"), "labels": str(tmp_path / "a.csv")})
    assert pieces_of(file) == [Piece(file)]
