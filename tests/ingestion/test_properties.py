"""Whatever stands in files and values: nothing but the errors that are meant for it."""

import datetime
import math

import hypothesis
import pytest
from hypothesis import strategies as st

from ingestion import values
from ingestion.errors import BadValue, DataError
from ingestion.files import match_files
from ingestion.readers import read_records
from ingestion.timestamps import parse_timestamp

_COLUMNS = ("user", "when", "what")

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)
_VALUES = _JSON | st.binary() | st.datetimes() | st.dates() | st.decimals()

_LINES = st.lists(
    st.binary(max_size=40)
    | st.sampled_from(
        [
            b'{"user": "a", "when": 1, "what": "x"}',
            b'{"user": "\xff"}',
            b"user,when,what",
            b'a,1,"x',
            b'"',
            b"",
            b"\x00",
            b"\xef\xbb\xbf",
            b"\r",
        ]
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("extension", ["jsonl", "csv", "jsonl.gz", "csv.gz", "parquet"])
@hypothesis.given(lines=_LINES, end=st.sampled_from([b"\n", b"\r\n"]))
@hypothesis.settings(max_examples=150, deadline=None)
def test_any_bytes_are_records_or_an_error_that_names_the_file(folder, extension, lines, end):
    path = folder / f"a.{extension}"
    path.write_bytes(end.join(lines))
    try:
        (file,) = match_files({"events": str(path)})
        records = list(read_records(file, _COLUMNS, "Map the names."))
    except DataError as error:
        said, records = str(error), []
    else:
        said = str(path)
    assert str(path) in said
    numbers = [line for line, _ in records]
    assert numbers == sorted(set(numbers))
    assert all(isinstance(each, BadValue) or len(each) == 3 for _, each in records)


@hypothesis.given(
    lines=st.lists(
        st.binary(max_size=30).filter(lambda line: b"\n" not in line and b"\r" not in line)
        | st.just(b'{"user": "a", "when": 1, "what": "x"}'),
        max_size=10,
    )
)
@hypothesis.settings(max_examples=300, deadline=None)
def test_every_line_that_is_not_blank_is_counted(folder, lines):
    path = folder / "counted.jsonl"
    # The first line has all columns; other lines may be anything.
    lines = [b'{"user": "a", "when": 1, "what": "x"}', *lines]
    path.write_bytes(b"\n".join(lines))
    (file,) = match_files({"events": str(path)})
    counted = [line for line, _ in read_records(file, _COLUMNS, "Map the names.")]
    assert counted == [
        number for number, line in enumerate(lines, 1) if line and not line.isspace()
    ]


@hypothesis.given(_VALUES)
@hypothesis.settings(max_examples=1000)
def test_any_value_is_read_or_refused(value):
    for parse, kind in (
        (values.parse_user_id, str),
        (values.parse_text, str),
        (parse_timestamp, float),
    ):
        try:
            parsed = parse(value)
        except BadValue:
            continue
        assert isinstance(parsed, kind)
        if kind is str:
            assert parsed.strip()
            parsed.encode()
        else:
            assert math.isfinite(parsed)
            assert parsed >= 0


@hypothesis.given(st.integers(0, 10**10), st.sampled_from([str, float, lambda value: value]))
def test_seconds_are_read_as_they_are(seconds, written):
    try:
        read = parse_timestamp(written(seconds))
    except BadValue:
        # Such as 20231114: a date, as some write it, and no moment of 1970.
        read = None
    assert read == seconds or (read is None and seconds < 10**8)


@hypothesis.given(
    st.datetimes(
        min_value=datetime.datetime(1970, 1, 3),
        timezones=st.timezones() | st.just(datetime.timezone.utc),
    )
)
def test_a_moment_is_the_same_however_it_is_written(moment):
    offset = moment.utcoffset()
    hypothesis.assume(offset is not None and offset.seconds % 60 == 0 and not offset.microseconds)
    seconds = moment.timestamp()
    hypothesis.assume(seconds >= 0)
    for text in (moment.isoformat(), moment.isoformat(" "), moment.isoformat().encode()):
        assert parse_timestamp(text) == pytest.approx(seconds, abs=1e-3)


@hypothesis.given(st.integers())
def test_a_number_is_the_same_id_in_every_format(number):
    assert values.parse_user_id(number) == values.parse_user_id(str(number)) == str(number)
