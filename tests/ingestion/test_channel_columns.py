"""Types and values of events: one by one, many at once, and all the way into examples."""

import csv
import decimal
import json
import math

import hypothesis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from ingestion.batches import Batch
from ingestion.channel_columns import channel_columns
from ingestion.config import Columns, IngestionConfig, Task
from ingestion.errors import BadValue, DataError
from ingestion.examples import labelled_example, unlabelled_example
from ingestion.files import match_files
from ingestion.parquet_batches import to_python
from ingestion.pieces import Piece
from ingestion.readers import read_batches
from ingestion.reading import PieceReader
from ingestion.report import check
from ingestion.rows import EventRows, LabelRows
from ingestion.spill import SpillWriter, UserRecords, read_users
from ingestion.statistics import Statistics
from ingestion.timestamp_units import Clock

_NAN = math.nan
_CHANNELS = ("value", "type")
_TYPE, _VALUE = channel_columns(_CHANNELS)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (" view ", "view"),
        (b"buy", "buy"),
        (None, ""),
        ("  ", ""),
        ("null", "null"),
        (3, "3"),
        (-3.0, "-3"),
        (decimal.Decimal("4.0"), "4"),
        (_NAN, ""),
        (True, "1"),
    ],
)
def test_types(value, name):
    assert _TYPE.parse(value) == name


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (" 19.99 ", 19.99),
        (b"-1e3", -1000),
        ("+.5", 0.5),
        (7, 7),
        (decimal.Decimal("2.5"), 2.5),
        *((nothing, _NAN) for nothing in (None, "", " ", "NaN", "null", _NAN)),
        (decimal.Decimal("NaN"), _NAN),
    ],
)
def test_values(value, number):
    np.testing.assert_equal(_VALUE.parse(value), number)


@pytest.mark.parametrize("value", [1.5, ["view"], {"kind": "view"}, math.inf, 1e300])
def test_what_is_no_type(value):
    with pytest.raises(BadValue, match=r"^bad name: type=.*Write types as strings"):
        _TYPE.parse(value)


@pytest.mark.parametrize(
    "value", ["$5", "1,234.50", "1_000", "inf", "true", "٣", True, [1], math.inf, 1e39, 10**400]
)
def test_what_is_no_value(value):
    with pytest.raises(BadValue, match=r"^bad number: value=.*without signs of currency"):
        _VALUE.parse(value)


_NUMBERS = st.floats() | st.integers(-(2**63), 2**63 - 1).map(float)
_COLUMNS = st.one_of(
    st.lists(
        st.none()
        | st.sampled_from(["view", " buy", "", " ", "\x1f", "-0", "007", "1e3", "1.50", "-7."])
        | st.sampled_from(["nan", "null", "inf", "1_0", "123456789012345678", "٣", "1\n"])
        | _NUMBERS.map(str)
        | st.text(max_size=3)
    ).map(lambda values: pa.array(values, pa.string())),
    st.lists(st.none() | _NUMBERS).map(lambda values: pa.array(values, pa.float64())),
    st.lists(st.none() | st.floats(width=32)).map(lambda values: pa.array(values, pa.float32())),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)).map(
        lambda values: pa.array(values, pa.int64())
    ),
    st.lists(st.none() | st.booleans()).map(lambda values: pa.array(values, pa.bool_())),
    st.lists(st.none()).map(lambda values: pa.array(values, pa.null())),
)


@hypothesis.given(_COLUMNS)
def test_many_at_once_are_what_each_is_by_itself(column):
    for channel in (_TYPE, _VALUE):
        values, plain = channel.read(column)
        assert values.type == channel.kind
        assert not values.null_count
        for value, read, is_plain in zip(
            to_python(column), values.to_pylist(), plain.tolist(), strict=True
        ):
            if is_plain:
                expected = channel.parse(value)
                if channel is _VALUE:
                    expected = np.float32(expected)
                np.testing.assert_equal(read, expected)


def test_usual_columns_are_read_at_once():
    for column in (["view", "buy", None, ""], [1, 2, None, 3], [1.0, None, 2.0, 3.0]):
        assert _TYPE.read(pa.array(column))[1].all()
    for column in (["1", "-2.50", None, ""], [1, 2, None, 3], [1.5, None, 2.0, 3.0]):
        assert _VALUE.read(pa.array(column))[1].all()


_EVENTS = [
    ("b", 3, "tea", "view", 2.5),
    ("a", 2, "maps", None, None),
    ("a", 1, "boots", "view", 0.0),
    ("a", 4, "boots", "buy", -99.5),
]


def _jsonl(path):
    keys = ("user_id", "timestamp", "text", "kind", "price")
    rows = [dict(zip(keys, event, strict=True)) for event in _EVENTS]
    del rows[1]["kind"], rows[1]["price"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def _csv(path):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerows([("price", "kind", "text", "timestamp", "user_id")])
        rows.writerows(event[::-1] for event in _EVENTS)


def _parquet(path):
    names = ["user_id", "timestamp", "text", "kind", "price"]
    columns = [list(column) for column in zip(*_EVENTS, strict=True)]
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), path)


def _one_by_one(piece, columns, remedy):
    for record in read_batches(piece, columns, remedy):
        if isinstance(record, Batch):
            for place, line in enumerate(record.lines.tolist()):
                yield line, record.values(place)
        else:
            yield record


def _users(path, read=read_batches):
    rows = EventRows(Columns(type="kind", value="price"), True, _CHANNELS)
    (file,) = match_files({"events": str(path)})
    writer = SpillWriter(str(path.parent / f"{read.__name__}.arrow"), 1, rows.others)
    *_, found = PieceReader(rows, LabelRows(Columns(), {}), "seconds", read)(Piece(file), writer)
    spilled = writer.close()
    users = list(read_users(spilled.values(), Clock({}, strict=True), _CHANNELS)) if spilled else []
    return users, found.statistics


@pytest.mark.parametrize(
    ("name", "write"), [("e.jsonl", _jsonl), ("e.csv", _csv), ("e.parquet", _parquet)]
)
@pytest.mark.parametrize("read", [read_batches, _one_by_one])
def test_types_and_values_go_with_their_texts(tmp_path, name, write, read):
    write(tmp_path / name)
    (first, second), statistics = _users(tmp_path / name, read)
    assert statistics.events.bad_records == 0
    assert first.texts.to_pylist() == ["boots", "maps", "boots"]
    assert first.others["types"].to_pylist() == ["view", "", "buy"]
    np.testing.assert_equal(first.others["values"].to_pylist(), [0, _NAN, -99.5])
    assert second.others["types"].to_pylist() == ["view"]
    assert statistics.known == {"type": 3, "value": 3}


def test_a_column_that_is_empty_everywhere_is_an_error():
    config = IngestionConfig(channels=_CHANNELS, columns={"value": "price"})
    found = Statistics(known={"type": 4})
    found.events.records = 4
    with pytest.raises(DataError, match=r"column price\. .*`data\.columns\.value`.*`value` out"):
        check(found, config, {})


def test_a_value_that_is_no_number_is_named_with_its_line(tmp_path):
    _csv(tmp_path / "e.csv")
    text = (tmp_path / "e.csv").read_text().replace("-99.5", "99 EUR")
    (tmp_path / "e.csv").write_text(text)
    _, statistics = _users(tmp_path / "e.csv")
    (bad,) = statistics.events.first_bad
    assert str(bad).startswith(f"{tmp_path}/e.csv:5: bad number: value='99 EUR'. Write a number")


def test_a_column_that_is_not_there_is_named_with_what_to_do(tmp_path):
    _csv(tmp_path / "e.csv")
    rows = EventRows(Columns(), True, _CHANNELS)
    (file,) = match_files({"events": str(tmp_path / "e.csv")})
    with pytest.raises(DataError, match=r"has no column type, value; .*out of `data.channels`\.$"):
        list(read_batches(Piece(file), rows.columns, rows.remedy))


def test_events_that_differ_in_type_or_value_are_no_duplicates():
    def of(types, values):
        return UserRecords(
            "u",
            np.array([5.0, 5.0]),
            pa.array(["boots", "boots"], pa.large_string()),
            [],
            others={"types": pa.array(types), "values": pa.array(values, pa.float32())},
        )

    assert of(["view", "view"], [_NAN, _NAN]).count_duplicates() == 1
    assert of(["view", "buy"], [_NAN, _NAN]).count_duplicates() == 0
    assert of(["view", "view"], [_NAN, 1.0]).count_duplicates() == 0


def test_examples_carry_them_cut_as_the_texts():
    import tensorflow as tf

    user = UserRecords(
        "u",
        np.array([1.0, 2.0, 3.0, 4.0]),
        pa.array(["a", "b", "c", "d"], pa.large_string()),
        [(0, 2, json.dumps([[1], None]))],
        others={
            "types": pa.array(["v", "", "é", "w"], pa.large_string()),
            "values": pa.array([1.5, _NAN, 0.0, -2.0], pa.float32()),
        },
    )
    config = IngestionConfig(channels=_CHANNELS, max_behaviors=3)
    unlabelled, labelled = (
        {
            name: list(getattr(feature, feature.WhichOneof("kind")).value)
            for name, feature in tf.train.Example.FromString(example).features.feature.items()
        }
        for example in (
            unlabelled_example(user, config, Statistics()),
            labelled_example(user, config, {"likes": Task()}, Statistics()),
        )
    )
    assert unlabelled["history_types"] == [b"v", b""]
    assert unlabelled["target_types"] == ["é".encode(), b"w"]
    np.testing.assert_equal(unlabelled["history_values"], [1.5, _NAN])
    assert unlabelled["target_values"] == [0.0, -2.0]
    assert labelled["behaviors"] == [b"b", b"c", b"d"]
    assert labelled["types"] == [b"", "é".encode(), b"w"]
    np.testing.assert_equal(labelled["values"], [_NAN, 0.0, -2.0])
    assert "timestamps" not in labelled
