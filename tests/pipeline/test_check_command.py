"""`check` names the mistakes of the file and of the data at once."""

import pytest

from pipeline import data_check
from pipeline.__main__ import main
from pipeline.data_sample import count_users, files_to_look_at
from trainer.encoder.config import PRESETS, EncoderConfig
from trainer.encoder.preset_choice import PRESETS_BY_SIZE, is_the_letter, preset_for

_EVENT = '{{"user_id": "{}", "timestamp": {}, "text": "{}"}}\n'


@pytest.fixture
def write(tmp_path):
    def write(config="", events=None, labels="user_id,t\nu0,0\nu1,1\n"):
        if events is None:
            events = _EVENT.format("u0", 1700000000, "boots") + _EVENT.format("u1", 1, "maps")
        (tmp_path / "events.jsonl").write_text(events)
        (tmp_path / "labels.csv").write_text(labels)
        path = tmp_path / "my.yaml"
        text = "name: a\ndata: {events: events.jsonl, labels: labels.csv}\ntasks: {t: }\n"
        path.write_text(config or text)
        return str(path)

    return write


def test_valid(write, capsys):
    assert main(["check", write()]) == 0
    captured = capsys.readouterr()
    assert "valid; pipeline a, tasks t" in captured.out
    warning = " ".join(captured.err.split())
    assert "the events are of 2 users with 2 events. Write `encoder: {preset: small}`" in warning


def test_every_mistake_of_the_file_and_of_the_data(write, capsys):
    path = write(
        "name: My Shop\ndata: {events: events.jsonl, labels: labels.csv}\n"
        "tasks:\n  t: {classes: [NO, SE]}\n  u: {classes: [a]}\nheads: {patience: 0}\n",
        _EVENT.format("u0", '"soon"', "boots") + _EVENT.format("", 1, "maps") + "no json\n",
        "user_id,t\nu0,DK\n,NO\n",
    )
    assert main(["check", path]) == 2
    error = capsys.readouterr().err
    for part in (
        "name: 'My Shop' is not allowed",
        "tasks.u.classes",
        "heads.patience: 0",
        "data.events: bad timestamp in 1 of the 3 rows",
        "events.jsonl:2: missing user id",
        "events.jsonl:3: invalid json",
        "labels.csv:2: unknown class: t=DK",
        "labels.csv:3: missing user id",
    ):
        assert part in error


def test_a_missing_column_and_a_class_without_rows(write, capsys):
    config = (
        "name: a\ndata: {events: events.jsonl, labels: labels.csv, columns: {text: query}}\n"
        "tasks: {t: {classes: [0, 1, 2]}}\n"
    )
    assert main(["check", write(config)]) == 2
    error = capsys.readouterr().err
    assert "has no column query; it has: text, timestamp, user_id" in error
    assert "no row of the labels has class '2'" in error


def test_texts_without_a_word(write, capsys):
    assert main(["check", write(events=_EVENT.format("u0", 1, "🎉 !!"))]) == 2
    assert "no text of the 1 rows looked at has a letter or digit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("timestamp", "remedy"), [(2023, "timestamp_unit: date_key"), (45244, "unit: excel_days")]
)
def test_years_and_excel_days_are_no_seconds(write, capsys, timestamp, remedy):
    """As the run itself refuses them."""
    events = "".join(_EVENT.format(user, timestamp, "boots") for user in ("u0", "u1"))
    assert main(["check", write(events=events)]) == 2
    error = capsys.readouterr().err
    assert "data.events: All 2 timestamps are numbers that look like" in error
    assert remedy in error


def test_few_bad_rows_pass(write):
    good = _EVENT.format("u0", 1, "boots") * 999
    assert main(["check", write(events=good + "no json\n")]) == 0


def test_of_a_long_file_a_bad_beginning_is_a_warning(write, capsys):
    bad, good = "no json\n" * 9, _EVENT.format("u0", 1, "boots") * 991
    assert main(["check", write(events=bad + good)]) == 0
    warning = " ".join(capsys.readouterr().err.split())
    assert "data.events: invalid json in 9 of the 1,000 rows looked at" in warning
    assert main(["check", write(events="no json\n" * 200 + good)]) == 2
    assert main(["check", write(events="no json\n" * 9 + _EVENT.format("u0", 1, "x") * 9)]) == 2


def test_a_task_of_another_column(write, capsys):
    config = (
        "name: a\ndata: {events: events.jsonl, labels: labels.csv}\n"
        "tasks: {likes: {column: 'likes outdoor', classes: [no, yes]}}\n"
    )
    assert main(["check", write(config, labels="user_id,likes outdoor\nu0,no\nu1,yes\n")]) == 0
    assert main(["check", write(config)]) == 2
    assert "has no column likes outdoor; it has: user_id, t." in capsys.readouterr().err


def test_counting_is_bounded(write, tmp_path):
    write(events="".join(_EVENT.format(f"u{n % 5}", n, "x") for n in range(10)))
    files = files_to_look_at(str(tmp_path / "events.jsonl"), str(tmp_path / "labels.csv"))
    events = [file for file in files if file.kind == "events"]

    def count(users, behaviors):
        return count_users(
            events, "user_id", enough_users=users, most_behaviors=behaviors, progress=print
        )

    assert count(100, 100) == (5, 10, True)
    assert count(3, 100) == (3, 3, False)
    assert count(100, 7) == (5, 7, False)
    assert str(count(3, 100)) == "at least 3 users with at least 3 events"


def test_many_users_or_a_preset_are_not_warned_about(write, tmp_path, monkeypatch):
    write()
    data = data_check.DataConfig(
        events=str(tmp_path / "events.jsonl"), labels=str(tmp_path / "labels.csv")
    )
    small = EncoderConfig.model_validate({"preset": "small"})
    assert data_check.few_users_warning(small, data, print) is None
    assert data_check.few_users_warning(EncoderConfig(), data, print)
    monkeypatch.setattr(data_check, "FEWEST_FOR_THE_LETTER", 2)
    assert data_check.few_users_warning(EncoderConfig(), data, print) is None


@pytest.mark.parametrize(
    ("users", "behaviors", "preset"),
    [(0, 0, "small"), (19_999, 10**6, "small"), (499_999, 10**7, None), (500_000, 10**7, "paper")],
)
def test_the_preset_goes_by_size(users, behaviors, preset):
    chosen = preset_for(users, behaviors)
    assert chosen == (preset or ("medium" if "medium" in PRESETS else "small"))


def test_users_with_one_behavior_do_not_count():
    assert preset_for(600_000, 600_000) != "paper"
    assert preset_for(600_000, 30_000) == "small"


def test_the_table_rises():
    fewest = [users for users, _ in PRESETS_BY_SIZE]
    assert fewest == sorted(fewest)
    assert is_the_letter(EncoderConfig())
    assert is_the_letter(EncoderConfig.model_validate({"preset": "paper"}))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "has no column value; it has: text, timestamp, user_id. Map the names in"),
        (', "value": "9 EUR"', "events.jsonl:1: bad number: value='9 EUR'. Write a number"),
        (', "value": null', None),
    ],
)
def test_the_column_of_a_channel(write, capsys, rest, message):
    event = _EVENT.replace('"{}"}}', f'"{{}}"{rest}}}}}')
    path = write(
        "name: a\ndata: {events: events.jsonl, labels: labels.csv, channels: [value]}\n"
        "tasks: {t: }\n",
        events=event.format("u0", 1700000000, "boots") + event.format("u1", 1, "maps"),
    )
    code = main(["check", path])
    assert code == (2 if message else 0)
    assert (message or "") in " ".join(capsys.readouterr().err.split())
