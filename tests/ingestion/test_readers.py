import datetime
import gzip
import itertools
import pathlib
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import readers
from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile, count_buckets, match_files
from ingestion.readers import read_records
from ingestion.values import parse_text, parse_user_id

COLUMNS = ("user", "when", "what")
REMEDY = "Map the names."


def read(path):
    (file,) = match_files({"events": path})
    return [
        (line, values.reason if isinstance(values, BadValue) else values)
        for line, values in read_records(file, COLUMNS, REMEDY)
    ]


JSONL = '{"user": "a", "when": 1, "what": "x"}\n\n{"what": "y", "more": 0, "user": 2, "when": "3"}'
CSV = 'what,when,user\r\nx,1,a\n\n"y, ""z""\nz",3,b\n'


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson", "a.jsonl.gz", "A.JSON.GZ"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_jsonl(write, name, mark):
    path = write(name, mark + JSONL.encode())
    assert read(path) == [(1, ("a", 1, "x")), (3, (2, "3", "y"))]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv(write, name, mark):
    assert read(write(name, mark + CSV.encode())) == [
        (2, ("a", "1", "x")),
        (4, ("b", "3", 'y, "z"\nz')),
    ]


def test_parquet(tmp_path):
    noon = datetime.datetime(2024, 1, 31, 12)
    texts = ["x", None, "z"]
    times = {
        "us": pa.array([noon, None, noon], pa.timestamp("us")),
        "zoned": pa.array([1706702400500, None, 0], pa.timestamp("ms", "Asia/Tokyo")),
        "ns": pa.array([1706702400123456789, None, 0], pa.timestamp("ns")),
        "date": pa.array([noon.date(), None, noon.date()]),
        "int": pa.array([7, None, 8]),
        "string": pa.array(["7", None, "8"]),
    }
    expected = {
        "us": (1706702400.0, 1706702400.0),
        "zoned": (1706702400.5, 0.0),
        "ns": (1706702400.123456, 0.0),
        "date": (1706659200.0, 1706659200.0),
        "int": (7, 8),
        "string": ("7", "8"),
    }
    for name, when in times.items():
        path = str(tmp_path / f"{name}.parquet")
        pq.write_table(
            pa.table({"what": texts, "user": [1, 2, 3], "when": when}), path, version="2.6"
        )
        first, last = expected[name]
        assert read(path) == [(1, (1, first, "x")), (2, (2, None, None)), (3, (3, last, "z"))]


def test_parquet_rows_are_counted_over_batches(tmp_path):
    path = str(tmp_path / "a.parquet")
    numbers = list(range(10_000))
    pq.write_table(pa.table(dict.fromkeys(COLUMNS, numbers)), path, row_group_size=3000)
    assert read(path) == [(n + 1, (n, n, n)) for n in numbers]


def test_bad_json_lines(write):
    path = write(
        "a.jsonl",
        b'{"user": "a", "when": 1, "what": "x"}\n'
        b"{oops\n"
        b'["a", 1, "x"]\n'
        b'{"user": "\xff", "when": 1, "what": "x"}\n'
        + b"[" * 200_000
        + b"\n"
        + b'{"user": "b", "when": 1',
    )
    assert read(path) == [
        (1, ("a", 1, "x")),
        (2, "invalid_json"),
        (3, "not_an_object"),
        (4, "invalid_utf8"),
        (5, "invalid_json"),
        (6, "invalid_json"),
    ]


def test_bad_csv_lines(write):
    path = write(
        "a.csv",
        b"user,when,what\n"
        b"a,1,x\0y\n"
        b"a,2,\xff\n"
        b"a,3\n"
        b"a,4,x,y\n"
        b'a,5,"x"y\n'
        b"a,6,x\ry\n"
        b"a,7,good\n"
        b'a,8,"never closed\n'
        b"a,9,lost\n",
    )
    assert read(path) == [
        (2, "malformed_csv"),
        (3, "invalid_utf8"),
        (4, "malformed_csv"),
        (5, "malformed_csv"),
        (6, "malformed_csv"),
        (7, "malformed_csv"),
        (8, ("a", "7", "good")),
        (9, "malformed_csv"),
        (10, "malformed_csv"),
    ]


def test_csv_fields_may_be_long_but_not_endless(write):
    records = read(write("a.csv", f"user,when,what\na,1,{'x' * 10**6}\na,2,{'x' * 2**21}\na,3,y\n"))
    assert [(line, v if isinstance(v, str) else v[1]) for line, v in records] == [
        (2, "1"),
        (3, "malformed_csv"),
        (4, "3"),
    ]


_ENDLESS = """
import os, resource, sys
from ingestion.errors import BadValue
from ingestion.files import match_files
from ingestion.readers import read_records

(file,) = match_files({"events": sys.argv[1]})
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
limit = used + 200 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for line, values in read_records(file, ("user", "when", "what"), ""):
    print(line, values.reason if isinstance(values, BadValue) else "".join(map(str, values)))
"""


@pytest.mark.parametrize(
    ("name", "before", "endless", "after"),
    [
        ("a.jsonl.gz", b'{"user": "a", "when": 1, "what": "x"}\n{"user": "', b"x", b'"}\n'),
        ("a.csv.gz", b"user,when,what\na,1,", b"x", b"\n"),
        ("b.csv.gz", b"user,when,what\na,1,", b"\xc3\xa4", b"\n"),
    ],
    ids=["jsonl", "csv", "csv, not ASCII"],
)
def test_a_line_without_end_does_not_fill_the_memory(tmp_path, name, before, endless, after):
    """A gibibyte in one line; the child may take 200 MiB more than it has before it reads."""
    good = b'{"user": "b", "when": 2, "what": "y"}\n' if "jsonl" in name else b"b,2,y\n"
    member = gzip.compress(endless * (2**26 // len(endless)), 1)
    before = before.replace(b"\na,", b"\n" + good + b"a,")
    path = tmp_path / name
    path.write_bytes(gzip.compress(before) + member * 16 + gzip.compress(after + good))
    command = [sys.executable, "-c", _ENDLESS, str(path)]
    root = pathlib.Path(__file__).parents[2]
    child = subprocess.run(command, cwd=root, capture_output=True, text=True)
    first = "1 a1x" if "jsonl" in name else "2 b2y"
    number = int(first[0]) + 1
    assert child.stdout.splitlines() == [
        first,
        f"{number} line_too_long",
        f"{number + 1} b2y",
    ], child.stderr[-2000:]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz"])
def test_the_longest_line_and_one_that_is_longer(write, monkeypatch, name, end):
    monkeypatch.setattr(readers, "LINE_BYTES", 1000)
    jsonl = "jsonl" in name
    header = b"" if jsonl else b"user,when,what\n"
    beginning, ending = (
        (b'{"user": "a", "when": 1, "what": "', b'"}' + end) if jsonl else (b"a,1,", end)
    )
    short = beginning + b"x" + ending
    for more, expected in ((0, ("a", 1, "x")), (1, "line_too_long"), (5000, "line_too_long")):
        text = b"x" * (1000 - len(beginning + ending) + more)
        content = beginning + text + ending
        if end:
            content += short
        records = read(write(name, header + short.replace(end, b"") + b"\n" + content))
        lines = [line for line, _ in records]
        first = 1 if jsonl else 2
        assert lines == [first, first + 1, *([first + 2] if end else [])]
        if more:
            assert records[1][1] == expected
        else:
            assert records[1][1][2] == text.decode()
        if end:
            assert records[2][1] == records[0][1]


def test_a_long_line_says_what_to_do(write):
    (file,) = match_files({"events": write("a.jsonl", b"[" + b"1," * 2**23 + b"1]\n")})
    ((line, bad),) = read_records(file, COLUMNS, REMEDY)
    assert line == 1
    assert str(bad) == (
        "line too long: more than 16 MiB. "
        "Write one record a line: of a JSON array, `jq -c '.[]'` makes lines."
    )


def test_a_csv_header_may_not_be_endless(write):
    with pytest.raises(DataError, match=r"a\.csv:1: the header is malformed: more than 16 MiB"):
        read(write("a.csv", b"user," * 2**22))


def test_a_long_line_within_quotes_ends_the_record(write, monkeypatch):
    monkeypatch.setattr(readers, "LINE_BYTES", 1000)
    content = b'user,when,what\na,1,"x\n' + b"y" * 2000 + b"\na,2,z\n"
    assert read(write("a.csv", content)) == [
        (2, "line_too_long"),
        (3, "line_too_long"),
        (4, ("a", "2", "z")),
    ]


def test_a_csv_record_of_many_lines_is_not_endless(write, monkeypatch):
    monkeypatch.setattr(readers, "LINE_BYTES", 40)
    # Each line closes a field and opens another.
    content = b'user,when,what\na,1,"\n' + b'","\n' * 20 + b"a,2,z\n"
    records = read(write("a.csv", content))
    assert [line for line, _ in records] == list(range(2, 24))
    assert {values for _, values in records[:-1]} == {"malformed_csv"}
    assert records[-1] == (23, ("a", "2", "z"))


def test_a_key_may_be_left_out_now_and_then(write):
    path = write("a.jsonl", [{"user": "a"}, {"user": "b", "when": 1, "what": "x"}])
    assert read(path) == [(1, ("a", None, None)), (2, ("b", 1, "x"))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "user,time,text\na,1,x\n"),
        ("a.jsonl", [{"user": "a", "time": 1, "text": "x"}]),
        ("a.jsonl.gz", [{"user": "a", "time": 1, "text": "x"}] * 5000),
    ],
)
def test_missing_columns(write, name, content):
    with pytest.raises(DataError) as caught:
        read(write(name, content))
    assert "no column when, what; it has: " in str(caught.value)
    assert "time" in str(caught.value)
    assert str(caught.value).endswith("Map the names.")


def test_a_wrong_name_is_noticed_long_before_the_end(write):
    (file,) = match_files({"events": write("a.jsonl", [{"user": "a", "time": 1}] * 5000)})
    records = read_records(file, COLUMNS, REMEDY)
    assert [line for line, _ in itertools.islice(records, 999)] == list(range(1, 1000))
    with pytest.raises(DataError, match="no column when, what"):
        next(records)


def test_missing_columns_of_parquet(tmp_path):
    pq.write_table(pa.table({"user": [1], "text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"no column when, what; it has: user, text\. Map"):
        read(str(tmp_path / "a.parquet"))


def test_truncated_gzip_names_the_last_line(tmp_path):
    lines = [f'{{"user": "u{i}", "when": {i * i}, "what": "{i**5}"}}\n' for i in range(5000)]
    path = tmp_path / "a.jsonl.gz"
    compressed = gzip.compress("".join(lines).encode())
    path.write_bytes(compressed[: len(compressed) // 2])
    (file,) = match_files({"events": str(path)})
    with pytest.raises(DataError, match="truncated or damaged after line") as caught:
        list(read_records(file, COLUMNS, REMEDY))
    last = int(str(caught.value).split("after line ")[1].split()[0])
    assert 1000 < last < 4000


@pytest.mark.parametrize("damage", ["not gzip", "garbage after the end", "flipped bits"])
def test_damaged_gzip(tmp_path, damage):
    compressed = bytearray(gzip.compress((JSONL + "\n").encode() * 100))
    if damage == "not gzip":
        compressed = JSONL.encode()
    elif damage == "flipped bits":
        compressed[40] ^= 0xFF
    else:
        compressed += b"garbage"
    (tmp_path / "a.jsonl.gz").write_bytes(compressed)
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: the gzip stream is truncated or damaged"):
        read(str(tmp_path / "a.jsonl.gz"))


@pytest.mark.parametrize("cut", [0, 4, 100])
def test_not_a_parquet_file(tmp_path, cut):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({name: ["x"] for name in COLUMNS}), path)
    path.write_bytes(path.read_bytes()[:-cut] if cut else b"user,when,what\n")
    with pytest.raises(DataError, match="not a Parquet file, or damaged after row 0"):
        read(str(path))


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", "user,when,what\n"), ("a.jsonl", "\n\n"), ("a.jsonl.gz", "")]
)
def test_no_record(write, name, content):
    assert read(write(name, content)) == []


def test_parquet_without_rows(tmp_path):
    pq.write_table(
        pa.table({c: pa.array([], pa.string()) for c in COLUMNS}), tmp_path / "a.parquet"
    )
    assert read(str(tmp_path / "a.parquet")) == []


def test_count_buckets():
    def buckets(path, size):
        return count_buckets([InputFile(index=0, kind="events", path=path, size=size)])

    mebibyte = 2**20
    assert buckets("a.jsonl", 1) == 1
    assert buckets("a.jsonl", 32 * mebibyte) == 1
    assert buckets("a.jsonl", 33 * mebibyte) == 2
    assert buckets("a.jsonl.gz", 32 * mebibyte) == 6
    assert buckets("a.jsonl", 10**12) == 256


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl"])
def test_unicode_encodings(write, name, encoding):
    rows = "user,when,what\r\nü1,1,茶 a\u2028b\r\nü2,2,茶\r\n"
    if "jsonl" in name:
        rows = '{"user": "ü1", "when": "1", "what": "茶 a\u2028b"}\n'
        rows += '{"user": "ü2", "when": "2", "what": "茶"}'
    assert [values for _, values in read(write(name, rows.encode(encoding)))] == [
        ("ü1", "1", "茶 a\u2028b"),
        ("ü2", "2", "茶"),
    ]


def test_utf16_that_breaks_off(write):
    path = write("a.csv", "user,when,what\na,1,x\n".encode("utf-16") + b"\x00")
    with pytest.raises(DataError, match=r"a\.csv: begins as UTF-16\S* and is not after line"):
        read(path)


def test_a_header_of_another_encoding_is_named(write):
    path = write("a.csv", "user,when,what,größe\na,1,x,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.csv:1: in the header, invalid utf8: .*iconv -f WIND"):
        read(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("named", [False, True])
def test_delimiters(write, delimiter, named):
    rows = [("user", "when", "what"), ("a", "1", "x, y; z"), ("b", "2", "w")]
    lines = [delimiter.join(f'"{field}"' for field in row) for row in rows]
    text = "\n".join([f"sep={delimiter}"] * named + lines)
    assert [values for _, values in read(write("a.csv", text))] == rows[1:]


def test_a_column_name_that_occurs_twice(write):
    with pytest.raises(DataError, match="what is the name of several columns"):
        read(write("a.csv", "user,when,what,what\na,1,x,y\n"))


def nested(path, columns=("user.id", "when", "what.en.text")):
    (file,) = match_files({"events": path})
    return list(read_records(file, columns, REMEDY))


def test_fields_of_nested_columns(write, tmp_path):
    rows = [
        {"user": {"id": 1}, "when": 1, "what": {"en": {"text": "x"}}},
        {"user": {"id": 2}, "when": 2, "what": None},
    ]
    expected = [(1, (1, 1, "x")), (2, (2, 2, None))]
    assert nested(write("a.jsonl", rows)) == expected
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert nested(str(tmp_path / "a.parquet")) == expected
    # A column of just that name comes first.
    assert nested(write("b.jsonl", [{**rows[0], "user.id": 7}])) == [(1, (7, 1, "x"))]
    for path in (write("c.jsonl", rows), str(tmp_path / "a.parquet")):
        with pytest.raises(DataError, match=r"has no column user\.name; it has: "):
            nested(path, ("user.name", "when", "what"))


def test_columns_in_the_path_of_a_hive_layout(write, tmp_path):
    folder = "logs/user=a%20b/when=2024-01-31"
    expected = [("a b", "2024-01-31", "x")]
    pq.write_table(pa.table({"what": ["x"]}), write(f"{folder}/a.parquet", b""))
    for path in (
        f"{tmp_path}/{folder}/a.parquet",
        write(f"{folder}/a.jsonl", [{"what": "x"}]),
        write(f"{folder}/a.csv", "what\nx\n"),
    ):
        assert [values for _, values in read(path)] == expected


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", "b"], pa.binary()),
        pa.array(["a", "b"], pa.large_binary()),
        pa.array([b"a", b"b"], pa.binary(1)),
        pa.array(["a", "b"]).dictionary_encode(),
    ],
)
def test_types_of_text_in_parquet(tmp_path, column):
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"user": column, "when": [1, 2], "what": column}), path)
    found = [(parse_user_id(user), parse_text(what)) for _, (user, _, what) in raw(path)]
    assert found == [("a", "a"), ("b", "b")]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([7, 8], pa.decimal128(38, 0)), ["7", "8"]),
        (pa.array([7, 8], pa.decimal256(40, 2)), ["7", "8"]),
        (pa.array([7.0, 8.0]), ["7", "8"]),
        (pa.array([7, 2**64 - 1], pa.uint64()), ["7", str(2**64 - 1)]),
    ],
)
def test_types_of_ids_in_parquet(tmp_path, column, expected):
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"user": column, "when": [1, 2], "what": ["x", "y"]}), path)
    assert [parse_user_id(user) for _, (user, _, _) in raw(path)] == expected


def raw(path):
    (file,) = match_files({"events": path})
    return read_records(file, COLUMNS, REMEDY)
