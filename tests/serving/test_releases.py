"""Labels, rollback and retention, the commands for them, and several of them at once."""

import concurrent.futures
import contextlib
import errno
import json
import os
import subprocess
import sys
import time

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

import serving.releases.lock
from serving.__main__ import main
from serving.releases.journal import read_journal
from serving.releases.releases import ReleaseError, Releases


@pytest.fixture
def model_dir(tmp_path):
    folder = tmp_path / "shop"
    for number in (1, 2, 3):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "saved_model.pb").write_bytes(b"")
    (folder / "4").mkdir()
    return folder


@pytest.fixture
def releases(model_dir):
    return Releases(str(model_dir))


def _state(releases):
    """Served versions and labels, as TF Serving reads them."""
    with open(releases.config_file) as file:
        config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("shop", "/models/shop")
    assert model.model_platform == "tensorflow"
    return list(model.model_version_policy.specific.versions), dict(model.version_labels)


def test_the_first_version_gets_the_labels_the_next_do_not(releases):
    releases.serve(1)
    assert _state(releases) == ([1], {"stable": 1, "canary": 1})
    releases.serve(2)
    assert _state(releases) == ([1, 2], {"stable": 1, "canary": 1})
    releases.serve(3)
    assert _state(releases) == ([1, 3], {"stable": 1, "canary": 1})


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda releases: releases.move_label("stable", 2), 2),
        (lambda releases: releases.rollback(), 2),
    ],
)
def test_the_first_version_gets_the_labels_whoever_has_it_served(releases, change, number):
    """As after a push that died before its version was served."""
    change(releases)
    assert _state(releases) == ([number], {"stable": number, "canary": number})


def test_a_version_is_tried_made_stable_and_taken_back(releases):
    releases.serve(1)
    releases.serve(2)
    assert releases.move_label("canary", 2)
    assert _state(releases) == ([1, 2], {"stable": 1, "canary": 2})
    assert releases.move_label("stable", 2)
    assert _state(releases) == ([1, 2], {"stable": 2, "canary": 2, "previous": 1})
    # A newer version that nobody tried yet goes first.
    releases.serve(3)
    assert releases.rollback() == (2, True)
    assert _state(releases) == ([2], {"stable": 2, "canary": 2})


def test_rollback_to_the_previous_stable_version_loads_nothing(releases):
    releases.serve(1)
    releases.serve(2)
    releases.move_label("stable", 2)
    assert releases.rollback() == (1, True)
    assert _state(releases) == ([1], {"stable": 1, "canary": 1})


def test_a_label_never_points_to_what_is_not_loaded(releases):
    # TF Serving would refuse the whole configuration.
    releases.serve(3)
    assert not releases.move_label("stable", 1)
    assert _state(releases) == ([1, 3], {"stable": 3, "canary": 3})
    assert releases.move_label("stable", 1)
    assert _state(releases) == ([1, 3], {"stable": 1, "canary": 3, "previous": 3})


def test_rollback_without_a_previous_one_takes_the_older_on_disk_in_two_steps(releases):
    releases.serve(3)
    assert releases.rollback() == (2, False)
    assert _state(releases) == ([2, 3], {"stable": 3, "canary": 3})


def test_nothing_to_go_back_to(releases):
    releases.serve(1)
    with pytest.raises(ReleaseError, match="no version before 1"):
        releases.rollback()


@pytest.mark.parametrize(
    ("label", "number", "message"),
    [
        ("beta", 1, "labels are stable and canary, not beta"),
        ("stable", 7, "no version 7, only 1, 2, 3"),
        ("stable", 4, "no version 4"),
    ],
)
def test_mistakes(releases, label, number, message):
    with pytest.raises(ReleaseError, match=message):
        releases.move_label(label, number)


def test_a_broken_configuration_is_not_overwritten(releases):
    with open(releases.config_file, "w") as file:
        file.write("model_config_list {")
    with pytest.raises(ReleaseError, match="no ModelServerConfig"):
        releases.serve(1)


def test_other_models_of_the_file_are_kept(releases, model_dir):
    releases.serve(1)
    other = Releases(str(model_dir.parent / "other"))
    (model_dir.parent / "other" / "9").mkdir(parents=True)
    (model_dir.parent / "other" / "9" / "saved_model.pb").write_bytes(b"")
    other.serve(9)
    assert [version.is_served for version in releases.versions()] == [True, False, False]
    assert other.versions()[0].labels == ("stable", "canary")


def test_retention_keeps_what_is_served(releases, model_dir):
    releases.serve(1)
    assert releases.prune(1) == [2]
    assert releases.numbers() == [1, 3]
    assert sorted(path.name for path in model_dir.iterdir()) == ["1", "3", "4"]


def test_commands(releases, model_dir, capsys):
    releases.serve(2)
    assert main(["label", str(model_dir), "stable=3"]) == 1
    assert "stable has not moved yet: version 3 had to be served" in capsys.readouterr().err
    assert main(["label", str(model_dir), "stable=3"]) == 0
    assert "stable is version 3" in capsys.readouterr().out
    assert main(["versions", str(model_dir)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("3" in line and "yes" in line and "stable" in line for line in lines)
    assert main(["rollback", str(model_dir)]) == 0
    assert "stable is version 2" in capsys.readouterr().out
    assert main(["label", str(model_dir), "stable=9"]) == 2
    assert main(["label", str(model_dir), "stable"]) == 2
    assert main(["versions", str(model_dir / "1")]) == 2
    assert "error:" in capsys.readouterr().err


def test_versions_are_not_cut_off_in_a_pipe(releases, model_dir, capsys):
    task = "likes_" + 150 * "a"
    card = {"metrics": {task: {"auc": 0.75}}, "tasks": {task: ["no", "yes"]}}
    (model_dir / "2" / "model_card.json").write_text(json.dumps(card))
    releases.serve(2)
    assert main(["versions", str(model_dir)]) == 0
    assert f"{task} 0.750" in capsys.readouterr().out
    assert main(["versions", str(model_dir), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["version"] for each in found] == [1, 2, 3]
    assert found[1]["card"] == card
    assert found[1]["served"]
    assert found[1]["labels"] == ["stable", "canary"]


_CHANGING_PROCESS = """
import sys
from serving.releases.releases import Releases

releases = Releases(sys.argv[1])
lost = 0
print("ready", flush=True)
sys.stdin.readline()
for number in [1, 2] * 30:
    releases.serve(number)
    moved = releases.move_label("stable", number)
    version = next(each for each in releases.versions() if each.number == number)
    lost += not (moved and version.is_served and "stable" in version.labels)
print(lost, flush=True)
"""

_LOCKING_PROCESS = """
import sys
from serving.releases.releases import Releases

with Releases(sys.argv[1]).lock():
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def _process(code, model_dir):
    """A process that is ready, and begins or ends when it gets a line."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(model_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def _models(folder, names):
    for name in names:
        for number in ("1", "2"):
            (folder / name / number).mkdir(parents=True)
            (folder / name / number / "saved_model.pb").write_bytes(b"")
    return [folder / name for name in names]


def _names(config_file):
    """The models that the configuration has, which must be readable at every moment."""
    if not os.path.exists(config_file):
        return set()
    with open(config_file) as file:
        config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
    return {model.name for model in config.model_config_list.config}


def test_two_processes_lose_nothing_of_each_other(tmp_path):
    first, second = _models(tmp_path, ["shop", "news"])
    config_file = tmp_path / "models.config"
    with _process(_CHANGING_PROCESS, first) as one, _process(_CHANGING_PROCESS, second) as two:
        for process in (one, two):
            process.stdin.write("\n")
            process.stdin.flush()
        looks, seen = 0, set()
        while None in (one.poll(), two.poll()):
            names = _names(config_file)
            assert names >= seen
            seen |= names
            looks += 1
        assert (one.wait(), two.wait()) == (0, 0)
        assert (one.stdout.read(), two.stdout.read()) == ("0\n", "0\n")
    assert looks > 10
    assert seen == {"shop", "news"}
    assert read_journal(str(tmp_path))[1] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".models.config.lock",
        "models.config",
        "news",
        "releases.jsonl",
        "shop",
    ]


def test_two_threads_lose_nothing_of_each_other(tmp_path):
    first, second = (Releases(str(path)) for path in _models(tmp_path, ["shop", "news"]))

    def change(releases):
        for number in [1, 2] * 10:
            releases.serve(number)
            assert releases.move_label("stable", number)
            assert releases.prune(2) == []

    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        list(executor.map(change, [first, second]))
    assert _names(first.config_file) == {"shop", "news"}


def test_several_changes_under_one_lock(releases, model_dir, monkeypatch):
    monkeypatch.setattr(serving.releases.lock, "TIMEOUT_SECONDS", 1)
    with releases.lock(), Releases(str(model_dir)).lock():
        releases.serve(1)
        releases.serve(3)
        assert releases.move_label("stable", 3)
        assert releases.rollback() == (1, True)
        assert releases.prune(1) == [2]
    assert _state(releases) == ([1], {"stable": 1, "canary": 1})


@pytest.mark.parametrize(
    "change",
    [
        lambda releases: releases.serve(2),
        lambda releases: releases.move_label("canary", 2),
        lambda releases: releases.rollback(),
        lambda releases: releases.prune(1),
    ],
)
def test_a_lock_that_another_process_keeps(releases, model_dir, monkeypatch, change):
    releases.serve(1)
    monkeypatch.setattr(serving.releases.lock, "TIMEOUT_SECONDS", 0.2)
    with _process(_LOCKING_PROCESS, model_dir) as process:
        with pytest.raises(ReleaseError) as caught:
            change(releases)
        message = str(caught.value)
        assert f"{releases.config_file} is locked by another push, label or rollback" in message
        assert f", process {process.pid}, since 20" in message
        assert "not free within 0.2 seconds; nothing was changed" in message
        assert "Wait for that process or end it" in message
        assert _state(releases) == ([1], {"stable": 1, "canary": 1})
        assert [version.is_served for version in releases.versions()] == [True, False, False]
        # However the process ends, its lock does not outlive it.
        process.kill()
        process.wait()
        releases.serve(2)
    assert _state(releases) == ([1, 2], {"stable": 1, "canary": 1})


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks(releases, monkeypatch, caplog, code):
    serving.releases.lock._warn.cache_clear()

    def flock(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    releases.serve(1)
    with releases.lock():
        releases.serve(2)
    assert _state(releases) == ([1, 2], {"stable": 1, "canary": 1})
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"a file system without locks ({os.strerror(code)})" in record.getMessage()


def test_another_error_of_the_lock_is_not_passed_over(releases, monkeypatch):
    def flock(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(OSError, match="Input/output error"):
        releases.serve(1)
    assert not os.path.exists(releases.config_file)


def test_a_mistake_leaves_no_lock_file(tmp_path):
    for folder in (tmp_path / "missing" / "shop", tmp_path / "shop"):
        with pytest.raises(ReleaseError, match="has no version 1, only none"):
            Releases(str(folder)).serve(1)
    with pytest.raises(ReleaseError, match="has no version before 0"):
        Releases(str(tmp_path / "missing" / "shop")).rollback()
    assert Releases(str(tmp_path / "missing" / "shop")).prune(1) == []
    assert list(tmp_path.iterdir()) == []


def test_what_died_writers_left_is_removed(releases, model_dir):
    releases.serve(1)
    old, young = (model_dir.parent / f".models.config-{name}" for name in ("old", "young"))
    for path in (old, young):
        path.write_text("model_config_list {")
    two_days_ago = time.time() - 2 * 24 * 3600
    for path in (old, model_dir.parent / ".models.config.lock"):
        os.utime(path, (two_days_ago, two_days_ago))
    (model_dir / ".deleting-7" / "variables").mkdir(parents=True)
    lock = (model_dir.parent / ".models.config.lock").stat().st_ino
    releases.serve(2)
    releases.prune(9)
    assert not old.exists()
    assert young.exists()
    assert (model_dir.parent / ".models.config.lock").stat().st_ino == lock
    assert sorted(path.name for path in model_dir.iterdir()) == ["1", "2", "3", "4"]


def test_a_failed_write_leaves_the_old_configuration_and_nothing_else(
    releases, model_dir, monkeypatch
):
    releases.serve(1)
    names = sorted(os.listdir(model_dir.parent))

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            releases.serve(2)
    assert sorted(os.listdir(model_dir.parent)) == names
    assert _state(releases) == ([1], {"stable": 1, "canary": 1})
