import json

import pytest

from ingestion import report
from ingestion.config import (
    FractionDivision,
    IngestionConfig,
    LossLimits,
    Task,
    Window,
    WindowsDivision,
)
from ingestion.errors import BadValue, DataError
from ingestion.statistics import Shard, Statistics

CONFIG = IngestionConfig(division=FractionDivision())
TASKS = {"likes": Task()}


def good():
    """Statistics of a run that is fine, labelled."""
    statistics = Statistics(
        users=120,
        labelled_users=110,
        earliest=0.0,
        latest=1704067200.0,
        sample_user="ann",
        sample_labelled_user="1",
        examples={"train": 70, "validation": 10, "eval": 20},
    )
    statistics.events.records = 10_000
    statistics.labels.records = 110
    statistics.count_class("likes", "validation", "0", 10)
    for split in ("train", "eval"):
        statistics.count_class("likes", split, "0", 15)
        statistics.count_class("likes", split, "1", 5)
    return statistics


def failure(statistics, config=CONFIG, tasks=TASKS):
    with pytest.raises(DataError) as caught:
        report.check(statistics, config, tasks)
    return str(caught.value)


def test_merging_adds_up():
    def part(path, lines, user, earliest):
        statistics = Statistics(
            users=2,
            truncated_users=1,
            earliest=earliest,
            latest=earliest,
            sample_user=user,
            skipped_users={"every label missing": 3},
            examples={"eval": 1},
            shards=[Shard(split="eval", bucket=int(earliest), path=path)],
        )
        statistics.events.records = 100
        for line in lines:
            statistics.events.add_bad(path, line, BadValue("missing_text"))
        statistics.count_class("likes", "eval", "1")
        return statistics

    merged = []
    for order in (1, -1):
        total = Statistics()
        for other in [part("b", [9, 8, 7], "z", 2), part("a", [100, 5, 20], "y", 1)][::order]:
            total.merge(other)
        merged.append(total)
    assert merged[0] == merged[1]
    assert [(bad.file, bad.line) for bad in total.events.first_bad] == [
        ("a", 5),
        ("a", 20),
        ("a", 100),
        ("b", 7),
        ("b", 8),
    ]
    assert total.events.records == 200
    assert total.events.bad == {"missing_text": 6}
    assert (total.users, total.truncated_users) == (4, 2)
    assert (total.earliest, total.latest, total.sample_user) == (1, 2, "y")
    assert total.skipped_users == {"every label missing": 6}
    assert total.examples == {"eval": 2}
    assert total.classes == {"likes": {"eval": {"1": 2}}}
    assert [shard.path for shard in total.shards] == ["a", "b"]
    assert Statistics.model_validate_json(total.model_dump_json()) == total
    assert Statistics() == Statistics.model_validate({}) != total


def test_a_good_run_passes():
    report.check(good(), CONFIG, TASKS)
    report.check(good(), CONFIG, {})
    assert not report.reading_failed(good(), 0.001)


def test_bad_lines_up_to_the_limit_pass():
    statistics = good()
    for line in range(10):
        statistics.events.add_bad("/logs/a.jsonl", line + 1, BadValue("missing_text"))
    report.check(statistics, CONFIG, TASKS)
    statistics.events.add_bad("/logs/a.jsonl", 70, BadValue("bad_timestamp", "soon"))
    assert report.reading_failed(statistics, CONFIG.max_bad_fraction)
    message = failure(statistics)
    assert "11 of 10,000 lines of events are bad (bad timestamp = 1, missing text = 10)" in message
    assert "more than the allowed fraction 0.001" in message
    assert "/logs/a.jsonl:1: missing text. Give every behaviour a text" in message
    assert message.endswith("Fix them, or raise `data.max_bad_fraction`.")


def test_bad_label_rows_have_their_own_limit():
    statistics = good()
    statistics.labels.records = 100
    statistics.labels.add_bad("/l.csv", 3, BadValue("unknown_class", detail="likes=2"))
    message = failure(statistics)
    assert "1 of 100 lines of labels are bad (unknown class = 1)" in message
    assert "/l.csv:3: unknown class: likes=2. Correct the label, or add its class" in message


def test_broken_files_come_first():
    statistics = good()
    statistics.failures = [f"file {i} is broken" for i in range(7)]
    assert report.reading_failed(statistics, 1.0)
    assert failure(statistics).splitlines() == [
        *(f"file {i} is broken" for i in range(5)),
        "... and 2 more files.",
    ]


def test_no_user_left():
    statistics = Statistics(users=3, skipped_users={"fewer than two behaviors": 3})
    statistics.events.records = 3
    message = failure(statistics, tasks={})
    assert "No user is left of 3: fewer than two behaviors = 3." in message


def test_every_line_bad():
    statistics = Statistics()
    statistics.events.records = 1
    statistics.events.add_bad("a", 1, BadValue("missing_text"))
    message = failure(statistics, IngestionConfig(max_bad_fraction=1), {})
    assert "No user: all 1 lines of events are bad (missing text = 1)" in message


def test_windows_that_select_nobody():
    windows = WindowsDivision(
        method="windows",
        history=Window(start="2024-01-01", end="2024-02-01"),
        target=Window(start="2024-02-01", end="2024-03-01"),
        inference=Window(start="2024-01-15", end="2024-03-01"),
    )
    statistics = good()
    statistics.examples.clear()
    statistics.skipped_users["no behavior in the history window"] = 120
    message = failure(statistics, IngestionConfig(division=windows), {})
    assert "no behavior in the history window = 120" in message
    assert "range from 1970-01-01T00:00:00Z to 2024-01-01T00:00:00Z" in message
    assert "history [2024-01-01T00:00:00Z, 2024-02-01T00:00:00Z)" in message
    assert "inference [2024-01-15T00:00:00Z, 2024-03-01T00:00:00Z)" in message
    assert "`data.division`" in message


def test_labels_of_nobody():
    statistics = good()
    statistics.labels_without_events = 110
    message = failure(statistics)
    assert "None of the 110 labelled users has events" in message
    assert "like 'ann' in the events and like '1' in the labels" in message
    assert "`data.columns`" in message


def test_an_empty_split():
    statistics = good()
    statistics.examples = type(statistics.examples)(train=3, eval=1)
    message = failure(statistics)
    assert message.startswith("No user falls into validation: 4 users give an example (eval = 1,")
    assert "at least about 50" in message


@pytest.mark.parametrize("split", ["train", "eval"])
def test_a_class_without_users(split):
    statistics = good()
    del statistics.classes["likes"][split]["1"]
    message = failure(statistics)
    assert f"Task likes has no {split} user of class 1 (0 = 15, 1 = 0)" in message


def test_a_class_may_be_absent_from_validation():
    statistics = good()
    assert set(statistics.classes["likes"]["validation"]) == {"0"}
    report.check(statistics, CONFIG, TASKS)


def test_no_label_at_all_in_validation():
    statistics = good()
    del statistics.classes["likes"]["validation"]
    assert "Task likes has no labelled validation user" in failure(statistics)


def test_the_file_holds_counts_but_not_temporary_paths():
    statistics = good()
    statistics.shards = [Shard(split="eval", bucket=0, path="/tmp/x")]
    written = json.loads(report.to_json(statistics, LossLimits()))
    assert written["examples"] == {"train": 70, "validation": 10, "eval": 20}
    assert written["classes"]["likes"]["eval"] == {"0": 15, "1": 5}
    assert "shards" not in written


def test_the_log_names_counts_and_bad_lines(caplog):
    statistics = good()
    statistics.truncated_users = 2
    statistics.labels_without_events = 7
    statistics.events.add_bad("/a.jsonl", 4, BadValue("bad_text", 3))
    caplog.set_level("INFO", logger="ingestion")
    report.log(statistics, LossLimits())
    assert "10,000 event records read, 1 bad (bad text = 1)" in caplog.messages
    assert "skipped /a.jsonl:4: bad text: 3. Write the text of a behaviour" in caplog.text
    assert "120 users; examples: eval = 20, train = 70, validation = 10" in caplog.messages
    assert "users cut to their most recent behaviors: 2" in caplog.messages
    assert "7 of 110 (6.4%) labelled users have no events" in caplog.messages
    assert "likes, eval: 0 = 15, 1 = 5" in caplog.messages
