"""What was lost, and when it is told."""

import pytest

from ingestion import report
from ingestion.config import Limits, LossLimits
from ingestion.errors import DataError
from ingestion.losses import check_losses, losses, warnings
from ingestion.statistics import FileStatistics, Statistics

DEFAULT = LossLimits()
NONE = LossLimits(**dict.fromkeys(LossLimits.model_fields, Limits()))


def file(path, content="1", records=5, kind="events"):
    return FileStatistics(kind=kind, path=path, size=1, records=records, content=content)


def statistics(**fields):
    made = Statistics(users=100, labelled_users=100, **fields)
    made.events.records = 1000
    return made


def test_nothing_lost():
    assert losses(statistics(files=[file("a", "1"), file("b", "2")])) == []
    # The bytes of labels may be those of events.
    assert losses(statistics(files=[file("a"), file("b", kind="labels")])) == []


@pytest.mark.parametrize(
    ("fields", "warns", "stops"),
    [
        ({"duplicate_events": 50}, False, False),
        ({"duplicate_events": 51}, True, False),
        ({"duplicate_events": 500}, True, True),
        ({"labels_without_events": 5}, False, False),
        ({"labels_without_events": 6}, True, False),
        ({"labels_without_events": 91}, True, True),
        ({"similar_ids": 1, "similar_pair": ("09950", "9950")}, True, False),
        ({"similar_ids": 2, "similar_pair": ("09950", "9950")}, True, True),
        ({"skipped_users": {"no label row": 99}}, False, False),
        ({"files": [file("a", str(i)) for i in range(9)] + [file("b", "3")]}, True, False),
        ({"files": [file("a.jsonl"), file("a (1).jsonl")]}, True, True),
        ({"files": [file("a", "", 0), file("b", "", 0), file("c")]}, True, False),
        ({"files": [file("a", "", 0), file("c")]}, False, False),
    ],
)
def test_default_limits(fields, warns, stops):
    found = statistics(**fields)
    assert len(losses(found)) == 1
    assert bool(warnings(found, DEFAULT)) == warns
    assert not warnings(found, NONE)
    check_losses(found, NONE)
    if stops:
        with pytest.raises(DataError, match=r"allowed\. .* raise `data\.losses\.\w+\.stop`"):
            check_losses(found, DEFAULT)
    else:
        check_losses(found, DEFAULT)


def test_messages():
    found = statistics(
        similar_ids=50,
        similar_pair=("09950", "9950"),
        files=[file("a.jsonl"), file("a (1).jsonl")],
    )
    first, second = warnings(found, DEFAULT)
    assert first == (
        "1 of 2 (50.0%) files hold the bytes of another one, a (1).jsonl those of a.jsonl. Remove "
        "the copies."
    )
    assert "50 of 100 (50.0%) labelled users have events only under an id that differs" in second
    assert "'09950' in the events is '9950' in the labels. Write the ids alike." in second


def test_labels_are_no_concern_where_none_are_read():
    found = Statistics(users=9, skipped_users={"no label row": 9})
    assert losses(found) == []


def test_the_progress_line_tells_what_was_read_and_lost(caplog):
    found = statistics(
        files=[file("a"), file("b"), file("c", "", 0)],
        earliest=0.0,
        latest=86400.0,
        labels_without_events=3,
        duplicate_events=7,
        timestamp_units={1: "date_key"},
    )
    caplog.set_level("INFO", logger="progress")
    report.log(found, DEFAULT)
    assert caplog.messages[-1] == (
        "1,000 events of 100 users, 3 files, 1970-01-01 to 1970-01-02, timestamps read as date "
        "key, 7 duplicate events, 1 identical files, 1 empty files, 3 labels without events"
    )


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"numbers": 9, "years": 9}, "look like years. Write `data.timestamp_unit: date_key`"),
        ({"numbers": 9, "months": 9}, "look like months, as 202311. Write `data.timestamp_unit:"),
        ({"numbers": 9, "excel_days": 9}, "Excel's serial days. Write `data.timestamp_unit: exc"),
        ({"numbers": 9, "years": 8}, None),
    ],
)
def test_small_numbers_that_could_be_something_else(shapes, message):
    found = statistics(small_numbers=shapes)
    if message is None:
        report.check_reading(found, 0.001)
        return
    with pytest.raises(DataError) as caught:
        report.check_reading(found, 0.001)
    assert message in str(caught.value)
