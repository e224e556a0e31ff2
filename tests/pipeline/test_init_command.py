"""What `init` writes, `check` accepts."""

import json

import pytest

from pipeline.__main__ import main
from pipeline.config import load_config


def _events(tmp_path, users=4, **names):
    path = tmp_path / "events.jsonl"
    keys = {"user_id": "user_id", "timestamp": "timestamp", "text": "text", **names}
    path.write_text(
        "".join(
            json.dumps({keys["user_id"]: f"u{n}", keys["timestamp"]: 1.7e9, keys["text"]: "boots"})
            + "\n"
            for n in range(users)
            for _ in range(2)
        )
    )
    return path


def _labels(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def _init(tmp_path, capsys, labels, *options, events=None):
    arguments = ["init", "--events", str(events or _events(tmp_path))]
    code = main([*arguments, "--labels", str(_labels(tmp_path, labels)), *options])
    captured = capsys.readouterr()
    if code:
        return captured.err
    path = tmp_path / "my.yaml"
    path.write_text(captured.out)
    assert main(["check", str(path)]) == 0, capsys.readouterr().err
    return load_config(str(path))


def test_tasks_and_their_classes_come_from_the_labels(tmp_path, capsys):
    labels = "user_id,likes,age,note\nu1,0,young,a1\nu2,1,old,\nu3,,old,\nu0,1,mid,\n"
    config = _init(tmp_path, capsys, labels)
    assert list(config.tasks) == ["likes", "age"]
    assert config.tasks["likes"].classes == ("0", "1")
    assert config.tasks["age"].classes == ("mid", "old", "young")
    assert config.name == "users"
    assert config.data.events == str(tmp_path / "events.jsonl")


def test_a_column_of_splits_is_no_task(tmp_path, capsys):
    rows = "u0,0,train\nu1,1,\nu2,0,eval\nu3,1,validation\n"
    config = _init(tmp_path, capsys, f"user_id,likes,split\n{rows}")
    assert (config.data.ingestion.columns.split, list(config.tasks)) == ("split", ["likes"])


def test_a_column_split_of_other_values_is_a_task(tmp_path, capsys):
    config = _init(tmp_path, capsys, "user_id,likes,split\nu0,0,front\nu1,1,train\n")
    assert config.data.ingestion.columns.split is None
    assert config.tasks["split"].classes == ("front", "train")


def test_columns_that_are_no_names_of_tasks(tmp_path, capsys):
    header = "user_id,likes outdoor,is-member,активный,2023,activity,a,a_weight,likes_outdoor"
    labels = f"{header}\nu0,no,0,0,x,1,0,0,b\nu1,yes,1,1,y,2,1,1,c\n"
    config = _init(tmp_path, capsys, labels, "--name", "My_Shop")
    assert config.name == "my_shop"
    columns = {name: task.column_of(name) for name, task in config.tasks.items()}
    assert columns == {
        "likes_outdoor": "likes outdoor",
        "is_member": "is-member",
        "task": "активный",
        "task_2023": "2023",
        "activity_2": "activity",
        "a": "a",
        "a_weight_2": "a_weight",
        "likes_outdoor_2": "likes_outdoor",
    }
    assert config.tasks["likes_outdoor"].classes == ("no", "yes")


@pytest.mark.parametrize("name", ["Été", "9lives", "日本", "A" * 100, "__", "shop"])
def test_any_name_becomes_one(tmp_path, capsys, name):
    config = _init(tmp_path, capsys, "user_id,t\nu0,0\nu1,1\n", f"--name={name}")
    assert config.name == {"shop": "shop", "Été": "ete", "9lives": "users_9lives"}.get(
        name, config.name
    )


def test_classes_that_yaml_would_retype(tmp_path, capsys):
    config = _init(tmp_path, capsys, "user_id,t,u\nu0,NO,010\nu1,SE,12:30\nu2,1.50,1_000\n")
    assert config.tasks["t"].classes == ("1.50", "NO", "SE")
    assert config.tasks["u"].classes == ("010", "12:30", "1_000")


def test_columns_are_found_by_their_usual_names(tmp_path, capsys):
    events = _events(tmp_path, user_id="customerId", timestamp="created_at", text="query")
    config = _init(tmp_path, capsys, "Customer ID,t\nu0,0\nu1,1\n", events=events)
    assert config.data.ingestion.columns.model_dump() == {
        "user_id": "customerId",
        "timestamp": "created_at",
        "text": "query",
        "label_user_id": "Customer ID",
        "split": None,
    }


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ";"), ("utf-16", "\t"), ("utf-8-sig", ",")]
)
def test_csv_is_read_as_the_run_reads_it(tmp_path, capsys, encoding, delimiter):
    events = tmp_path / "events.csv"
    rows = ["user_id,timestamp,text", *(f"u{n % 2},1700000000,boots" for n in range(4))]
    events.write_text("\n".join(rows).replace(",", delimiter), encoding=encoding)
    labels = "user_id,t\nu0,0\nu1,1\n".replace(",", delimiter)
    config = _init(tmp_path, capsys, labels, events=events)
    assert config.tasks["t"].classes == ("0", "1")


def test_columns_can_be_named(tmp_path, capsys):
    events = _events(tmp_path, user_id="k1", timestamp="k2", text="k3")
    labels = "k4,t\nu0,0\nu1,1\n"
    error = _init(tmp_path, capsys, labels, events=events)
    assert "no column looks like the user's id; it has: k1, k2, k3. Name it: --user-id" in error
    named = ["--user-id", "k1", "--timestamp", "k2", "--text", "k3"]
    error = _init(tmp_path, capsys, labels, *named, events=events)
    assert "labels.csv: no column looks like the user's id; it has: k4, t." in error
    config = _init(tmp_path, capsys, labels, *named, "--label-user-id", "k4", events=events)
    assert config.data.ingestion.columns.label_user_id == "k4"
    error = _init(tmp_path, capsys, labels, "--user-id", "k9", events=events)
    assert "--user-id: " in error
    assert "has no column k9; it has: k1, k2, k3" in error


def test_users_are_counted_for_the_preset(tmp_path, capsys):
    labels = _labels(tmp_path, "user_id,t\nu0,0\nu1,1\n")
    assert main(["init", "--events", str(_events(tmp_path, 7)), "--labels", str(labels)]) == 0
    output = capsys.readouterr().out
    assert "# For 7 users with 14 events" in output
    assert "  preset: small\n" in output


def test_the_language_is_told_by_the_texts(tmp_path, capsys):
    labels = "user_id,likes\nu0,0\nu1,1\n"
    logs = tmp_path / "logs"
    logs.mkdir()
    # The last file counts as much as the first.
    for number, text in enumerate(["登山鞋 防水", "iphone 充电线", "running boots"]):
        path = _events(tmp_path)
        path.rename(logs / f"{number}.jsonl")
        lines = (logs / f"{number}.jsonl").read_text().replace("boots", text)
        (logs / f"{number}.jsonl").write_text(lines)
    assert _init(tmp_path, capsys, labels, events=logs).text.language == "mixed"
    capsys.readouterr()
    assert _init(tmp_path, capsys, labels).text.language == "en"


def test_labels_that_count_as_missing_are_mentioned(tmp_path, capsys):
    labels = _labels(tmp_path, "user_id,t\nu0,none\nu1,some\nu2,many\n")
    assert main(["init", "--events", str(_events(tmp_path)), "--labels", str(labels)]) == 0
    assert "[none] count as no label" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["init", "check"])
def test_a_folder_with_events_and_labels_is_one_mistake_for_all(tmp_path, capsys, command):
    _events(tmp_path)
    labels = _labels(tmp_path, "user_id,t\nu0,0\nu1,1\n")
    path = tmp_path.parent / f"{tmp_path.name}.yaml"
    path.write_text(f"name: a\ndata: {{events: {tmp_path}, labels: {labels}}}\ntasks: {{t: }}\n")
    arguments = {
        "init": ["init", "--events", str(tmp_path), "--labels", str(labels)],
        "check": ["check", str(path)],
    }
    assert main(arguments[command]) == 2
    assert str(labels) in capsys.readouterr().err


def test_data_that_check_refuses_is_refused(tmp_path, capsys):
    events = tmp_path / "events.jsonl"
    events.write_text('{"user_id": "u0", "timestamp": "soon", "text": "boots"}\n')
    error = _init(tmp_path, capsys, "user_id,t\nu0,0\nu1,1\n", events=events)
    assert "bad timestamp in 1 of the 1 rows looked at" in error


def test_labels_without_a_task(tmp_path, capsys):
    error = _init(tmp_path, capsys, "user_id,constant\nu0,x\nu1,x\n")
    assert "no column of constant has between 2 and 50 different values" in error


def _typed(tmp_path, **columns):
    """Events with more columns: name to a function of the event's number."""
    path = tmp_path / "typed.jsonl"
    lines = (
        {
            **{"user_id": f"u{n % 4}", "timestamp": n, "text": "boots"},
            **{name: value(n) for name, value in columns.items()},
        }
        for n in range(20)
    )
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


_LABELS = "user_id,likes\nu0,0\nu1,1\n"


def test_types_and_values_are_found_where_there_is_no_doubt(tmp_path, capsys):
    events = _typed(
        tmp_path,
        event_type=lambda n: ["view", "buy"][n % 2],
        price=lambda n: n / 2 if n % 3 else None,
        # As `value` and `type` are called, but the same everywhere, or no number.
        kind=lambda n: "event",
        score=lambda n: "high",
    )
    ingestion = _init(tmp_path, capsys, _LABELS, events=events).data.ingestion
    # The timestamps are running numbers.
    assert ingestion.channels == ("type", "value")
    assert (ingestion.columns.type, ingestion.columns.value) == ("event_type", "price")


def test_of_several_columns_none_is_taken_but_all_are_named(tmp_path, capsys):
    events = _typed(tmp_path, price=lambda n: n, rating=lambda n: n % 5, type=lambda n: n % 2)
    config = _init(tmp_path, capsys, _LABELS, events=events)
    assert config.data.ingestion.channels == ("type",)
    text = (tmp_path / "my.yaml").read_text()
    assert "# [price, rating] may each be read as the events' value: name one in" in text
    capsys.readouterr()
    config = _init(tmp_path, capsys, _LABELS, "--value", "rating", events=events)
    assert config.data.ingestion.channels == ("type", "value")
    assert config.data.ingestion.columns.value == "rating"
    assert "may each" not in (tmp_path / "my.yaml").read_text()
    capsys.readouterr()
    refused = _init(tmp_path, capsys, _LABELS, "--type", "what", events=events)
    assert "--type: " in refused
    assert "has no column what; it has: user_id, timestamp, text, price" in refused
