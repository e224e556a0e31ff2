"""Records read many at once are those that are read one by one."""

import json
import re

import hypothesis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from ingestion import event_columns, readers
from ingestion.batches import Batch
from ingestion.config import Columns
from ingestion.errors import BadValue, DataError
from ingestion.files import match_files
from ingestion.pieces import Piece
from ingestion.readers import read_batches, read_records
from ingestion.rows import EventRows
from ingestion.timestamp_texts import read_times
from ingestion.timestamps import UnixSeconds, parse_timestamp

_ROWS = EventRows(Columns(user_id="user", timestamp="when", text="what"), html_entities=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("batches")


def _seen(line, row):
    try:
        event = _ROWS(row)
    except BadValue as bad:
        return line, bad.reason, bad.detail
    certain = isinstance(event.timestamp, UnixSeconds)
    return line, event.user_id, float(event.timestamp), certain, event.text


def one_by_one(file):
    return [_seen(*record) for record in read_records(file, _ROWS.columns, _ROWS.remedy)]


def at_once(file):
    """Returns the same, and how many events were read as columns."""
    found, columnar = [], 0
    for batch in read_batches(Piece(file), _ROWS.columns, _ROWS.remedy):
        if not isinstance(batch, Batch):
            found.append(_seen(*batch))
            continue
        events, others = _ROWS.batch(batch)
        columnar += len(events.users)
        found += zip(
            events.lines.tolist(),
            events.users.to_pylist(),
            events.timestamps.tolist(),
            (~events.numbers).tolist(),
            events.texts.to_pylist(),
            strict=True,
        )
        found += [_seen(int(batch.lines[place]), batch.values(int(place))) for place in others]
    return sorted(found), columnar


def both(path):
    (file,) = match_files({"events": str(path)})
    try:
        expected = one_by_one(file)
    except DataError as error:
        with pytest.raises(DataError, match=f"^{re.escape(str(error))}$"):
            at_once(file)
        return 0
    found, columnar = at_once(file)
    assert found == expected
    return columnar


_IDS = (
    st.sampled_from(["u1", "007", " u ", "", "\u3000", "\x1f", "ü", "a@b.c", "1.0"])
    | st.integers()
    | st.floats()
    | st.none()
    | st.text(max_size=4)
)
_TIMES = (
    st.sampled_from(
        [
            "2024-01-31",
            "2024-02-30",
            "2024-01-31T12:00:00Z",
            "2024/01/31 12:00:00.5+05:30",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:30:00+01:00",
            "1734630897.25",
            "soon",
            "",
            " 7 ",
            "20240131",
            "1e9",
            "+5",
            "-1",
            "-0",
            -0.0,
            "2024-01-31T24:00:00",
            "0001-01-01",
            "٣",
            1734630897,
            1734630897.5,
            -1,
            True,
            10**30,
            1e308,
            "1706702400123",
            "1706702400.",
            ".5",
        ]
    )
    | st.integers(0, 2**40)
    | st.datetimes().map(str)
    | st.none()
    | st.text("0123456789-:TZ. +/", max_size=22)
)
_TEXTS = (
    st.sampled_from(
        [" x ", "\u00a0y\u2003", "a &amp; b", "&#32;", "&amp;quot;", "", " ", "茶", "\x85"]
    )
    | st.text(max_size=6)
    | st.integers()
    | st.none()
)
_RECORDS = st.fixed_dictionaries({"user": _IDS, "when": _TIMES, "what": _TEXTS})
_EASY = st.fixed_dictionaries(
    {
        "user": st.sampled_from(["u1", "u2"]),
        "when": st.integers(0, 2**32),
        "what": st.sampled_from(["x", "y z"]),
    }
)

_JSON_LINES = (
    _EASY.map(lambda record: json.dumps(record).encode())
    | _RECORDS.map(lambda record: json.dumps(record).encode())
    | _RECORDS.map(lambda record: json.dumps(record, ensure_ascii=False).encode(errors="replace"))
    | st.sampled_from(
        [
            b"",
            b" ",
            b"\r",
            b"{",
            b"}",
            b'{"user": "a", "when": 1, "what": "x"}{"user": "b", "when": 1, "what": "y"}',
            b'{"user": "a", "when": 1,',
            b'"what": "x"}',
            b'{"user": "a", "user": "b", "when": 1, "what": "x"}',
            b'{"user": "a", "when": NaN, "what": "x"}',
            b'{"user": "a", "when": 1, "what": "x", "more": Inf}',
            b'{"user": "a", "when": 1, "what": "x", "more": Infinity}',
            b'{"user": "a", "when": 01, "what": "x"}',
            b'{"user": "a", "when": 1, "what": "x", "deep": ' + b"[" * 1500 + b"]" * 1500 + b"}",
            b'{"user": "a", "when": 1, "what": "x", "more": {"user": ["b", {"when": 2}]}}',
            b'{"user": "a", "when": 1, "what": "\\ud83d\\ude00 \\ud83d"}',
            b'{"user": "a", "when": 1, "what": "\\ud83d\\ude00"}',
            b'{"user": "a", "when": 1, "what": "\xff"}',
            b'{"user": "a", "when": 1, "what": "x\x00"}',
            b'{"user": "a", "when": 1, "what": "x"}\x00',
            b'{"user": "a", "when": 1, "what": "x\x01"}',
            b'{"user": "a", "when": 1, "what": "x"} ',
            b'\xef\xbb\xbf{"user": "a", "when": 1, "what": "x"}',
            b'{"\\u0075ser": "a", "when": 1, "what": "x"}',
            b'{"what": "x"}',
            b"{}",
            b"[]",
            b"null",
            b"{" + b"x" * 300 + b"}",
        ]
    )
)


@pytest.mark.parametrize("extension", ["jsonl", "jsonl.gz"])
@hypothesis.given(
    lines=st.lists(_JSON_LINES, min_size=1, max_size=12),
    first=st.sampled_from([b'{"user": "a", "when": 1, "what": "x"}', b""]),
    end=st.sampled_from([b"\n", b"\r\n"]),
    last=st.booleans(),
)
@hypothesis.settings(max_examples=100, deadline=None)
def test_jsonl(folder, extension, lines, first, end, last):
    _write(folder / f"a.{extension}", end.join([first, *lines, b"{}"]) + end * last)
    both(folder / f"a.{extension}")


def _write(path, content):
    import gzip

    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)


_FIELDS = st.text('abc 1"\n\r,;\u00e9&\ufeff\0', max_size=6)
_QUOTED = _FIELDS.map(lambda text: '"' + text.replace('"', '""') + '"')
_CSV_LINES = (
    st.sampled_from(["u1,1734630897,x", "u2,2024-01-31,y z", 'u3,5,"a, ""b"""'])
    | st.tuples(_IDS, _TIMES, _TEXTS).map(lambda row: ",".join(map(str, row)))
    | st.lists(_FIELDS | _QUOTED, min_size=2, max_size=4).map(",".join)
    | st.sampled_from(
        ['"a,1,x', 'a",1,x', 'a,1,"x"y', 'a,1,x"', "a;1;x", '""', " ", ",,", '"', "\r"]
    )
)


@hypothesis.given(
    lines=st.lists(_CSV_LINES, max_size=12),
    header=st.sampled_from(["user,when,what", "what,more,user,when", "sep=,\nuser,when,what"]),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
@hypothesis.settings(max_examples=120, deadline=None)
def test_csv(folder, lines, header, end, last):
    text = end.join([header, *lines]) + end * last
    (folder / "a.csv").write_bytes(text.encode(errors="surrogatepass"))
    both(folder / "a.csv")


@hypothesis.given(
    lines=st.lists(st.binary(max_size=20) | st.sampled_from([b"a,1,x", b'a,1,"x"']), max_size=8)
)
@hypothesis.settings(max_examples=80, deadline=None)
def test_csv_of_any_bytes(folder, lines):
    (folder / "b.csv").write_bytes(b"\n".join([b"user,when,what", *lines]))
    both(folder / "b.csv")


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_blocks_of_every_size(folder, monkeypatch, size):
    """Records that go on in the next block, lines longer than one, and than is allowed."""
    monkeypatch.setattr("ingestion.lines._BLOCK_BYTES", size)
    monkeypatch.setattr(readers, "LINE_BYTES", 300)
    rows = [
        "u1,1,x",
        '"u2",2,"y\nz"',
        "u3,3",
        'u4,4,"' + "w" * 400 + '"',
        'u5,5,"\n\n\n"',
        "u6,6,v",
    ]
    (folder / "c.csv").write_text("\n".join(["user,when,what", *rows * 3, "u7,7,last"]))
    both(folder / "c.csv")
    lines = [json.dumps({"user": f"u{i}", "when": i, "what": "x" * i**2}) for i in range(20)]
    (folder / "c.jsonl").write_text("\n".join([*lines, "", "{", *lines]))
    both(folder / "c.jsonl")


_TYPES = {
    "user": [
        pa.string(),
        pa.large_binary(),
        pa.int64(),
        pa.uint64(),
        pa.float64(),
        pa.bool_(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.decimal128(20, 1),
    ],
    "when": [
        pa.string(),
        pa.int64(),
        pa.float64(),
        pa.float32(),
        pa.timestamp("ns"),
        pa.date32(),
        pa.timestamp("ms", "Asia/Tokyo"),
        pa.bool_(),
        pa.time64("us"),
    ],
    "what": [pa.string(), pa.binary(), pa.large_string(), pa.int32()],
}
_VALUES = {"user": _IDS, "when": _TIMES, "what": _TEXTS}


@st.composite
def _tables(draw):
    columns, rows = {}, draw(st.integers(1, 6))
    for name, types in _TYPES.items():
        kind = draw(st.sampled_from(types))
        values = []
        for value in draw(st.lists(_VALUES[name], min_size=rows, max_size=rows)):
            try:
                values.append(pa.scalar(value, pa.string()).cast(kind).as_py())
            except (pa.ArrowException, UnicodeEncodeError, TypeError, ValueError):
                values.append(
                    draw(st.sampled_from([None, 7])) if pa.types.is_integer(kind) else None
                )
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


@hypothesis.given(table=_tables())
@hypothesis.settings(max_examples=80, deadline=None)
def test_parquet(folder, table):
    pq.write_table(table, folder / "a.parquet", version="2.6", row_group_size=4)
    both(folder / "a.parquet")


def test_text_that_is_none_in_parquet(folder):
    text = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"x"]).buffers())
    pq.write_table(
        pa.table({"user": ["a", "b"], "when": [1, 2], "what": text}), folder / "b.parquet"
    )
    (file,) = match_files({"events": str(folder / "b.parquet")})
    assert at_once(file)[0] == [(1, "invalid_utf8", "b'\\xff'"), (2, "b", 2.0, False, "x")]


def test_what_is_plain_is_read_as_columns(folder):
    """The other tests would pass if nothing were."""
    rows = [
        {"user": f"u{i}", "when": str(when) if i % 2 else when, "what": f'say "{i}", &amp; ü '}
        for i, when in enumerate(range(1734630897, 1734640897))
    ]
    for kind, good in ((int, 10_000), (str, 10_000), (lambda when: when + 0.5, 10_000)):
        lines = [json.dumps({**row, "when": kind(int(row["when"]))}) for row in rows]
        (folder / "d.jsonl").write_text("\n".join(lines))
        assert both(folder / "d.jsonl") == good - 1  # The first one shows that the keys are there.
    # One bad line, and a timestamp of another type, cost their neighbours at most.
    lines[5000], lines[7000] = "{", json.dumps({**rows[0], "when": "2024-01-31"})
    (folder / "d.jsonl").write_text("\n".join(lines))
    assert both(folder / "d.jsonl") > 9800
    quoted = ['{user},{when},"say ""{user}"", &amp; ü"'.format(**row) for row in rows]
    quoted[300], quoted[400] = '"u,1,', 'u",2,3'
    (folder / "d.csv").write_text("\n".join(["user,when,what", *quoted]))
    assert both(folder / "d.csv") > 9990
    table = pa.table(
        {
            "user": [row["user"] for row in rows],
            "when": pa.array([int(row["when"]) for row in rows], pa.timestamp("s")),
            "what": [row["what"] for row in rows],
        }
    )
    pq.write_table(table, folder / "d.parquet")
    assert both(folder / "d.parquet") == 10_000


@hypothesis.given(st.lists(st.datetimes().map(str) | _TIMES.filter(lambda v: isinstance(v, str))))
@hypothesis.settings(max_examples=80, deadline=None)
def test_times_as_text(texts):
    times = read_times(pa.array(texts, pa.string()))
    for text, value, number, read in zip(texts, *(each.tolist() for each in times), strict=True):
        if read:
            moment = parse_timestamp(text)
            assert (float(moment), isinstance(moment, UnixSeconds)) == (value, not number)


def test_the_usual_spellings_of_times_are_read_as_columns():
    texts = ["1734630897", "2024-01-31", "2024-01-31T12:00:00", "2024-01-31 12:00:00Z"]
    texts += ["2024-01-31T12:00:00.123456+05:30", "1734630897.5", "2024/01/31 12:00:00,5"]
    assert read_times(pa.array(texts)).read.all()


def test_white_space_is_the_same_to_arrow_and_python():
    every = [chr(code) for code in range(0x10000) if not 0xD800 <= code <= 0xDFFF]
    trimmed = pc.utf8_trim_whitespace(pa.array(every)).to_pylist()
    assert trimmed == [character.strip() for character in every]
    assert event_columns.begin_visibly(pa.array(["x", " x", "", None, "ü"])).tolist() == [
        *(True, False, False, False, False)
    ]
