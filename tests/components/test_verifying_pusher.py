"""The pusher: pushes what was blessed, nothing else, and not twice."""

import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from tfx.types import standard_artifacts

from components.tunable_trainer import HYPERPARAMETERS_PROPERTY
from components.verifying_pusher import OUTCOME_FILE, Executor, TamperedModelError
from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest
from serving.releases.releases import Releases

_DAY = 24 * 3600

_PUSHING_PROCESS = """
import json, pathlib, runpy, sys

push = runpy.run_path(sys.argv[1])["Push"](pathlib.Path(sys.argv[2]))
for line in sys.stdin:
    push.serving_dir, content = json.loads(line)
    (push.saved_model / "saved_model.pb").write_text(content)
    push.bless()
    try:
        print(push().get_string_custom_property("pushed_version"), flush=True)
    except Exception as error:
        print(" ".join(repr(error).split()), flush=True)
"""


class Push:
    """One model on its way to a serving directory."""

    def __init__(self, folder):
        self.serving_dir = str(folder / "serving")
        self.saved_model = folder / "model" / "Format-Serving"
        self.saved_model.mkdir(parents=True)
        (self.saved_model / "saved_model.pb").write_bytes(b"graph")
        self.model = standard_artifacts.Model()
        self.model.uri = str(folder / "model")
        self.blessing = standard_artifacts.ModelBlessing()
        self.blessing.uri = str(folder / "blessing")
        self.audit = None
        self._archive = folder / "pushed"
        self._number = 0

    def bless(self):
        self.blessing.set_int_custom_property("blessed", 1)
        self.blessing.set_string_custom_property(
            MODEL_DIGEST_PROPERTY, model_digest(str(self.saved_model))
        )

    def __call__(self, **custom_config):
        self._number += 1
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(self._archive / str(self._number))
        Executor().Do(
            {
                "model": [self.model],
                "model_blessing": [self.blessing],
                **({"audit": [self.audit]} if self.audit else {}),
            },
            {"pushed_model": [pushed]},
            {
                "serving_dir": self.serving_dir,
                "custom_config": json.dumps(custom_config),
            },
        )
        return pushed

    @property
    def versions(self):
        return sorted(os.listdir(self.serving_dir)) if os.path.isdir(self.serving_dir) else []


def _outcome(pushed):
    with open(os.path.join(pushed.uri, OUTCOME_FILE)) as file:
        return json.load(file)


@pytest.fixture
def push(tmp_path):
    return Push(tmp_path)


def test_a_blessed_model_is_pushed(push):
    push.bless()
    pushed = push()
    assert pushed.get_int_custom_property("pushed") == 1
    (version,) = push.versions
    path = os.path.join(push.serving_dir, version)
    assert pushed.get_string_custom_property("pushed_destination") == path
    assert model_digest(path) == model_digest(str(push.saved_model))
    assert _outcome(pushed) == {"outcome": "pushed", "destination": path}


def test_a_model_that_is_not_blessed_is_not_pushed(push):
    pushed = push()
    assert pushed.get_int_custom_property("pushed") == 0
    assert push.versions == []
    assert _outcome(pushed) == {"outcome": "refused", "destination": None}


def test_a_model_changed_after_its_blessing_is_refused(push):
    push.bless()
    (push.saved_model / "saved_model.pb").write_bytes(b"another graph")
    with pytest.raises(TamperedModelError, match="changed after it was blessed"):
        push()
    assert push.versions == []


def test_the_same_model_is_not_pushed_twice(push):
    push.bless()
    first = push()
    again = push()
    assert len(push.versions) == 1
    assert again.get_int_custom_property("pushed") == 1
    assert again.get_string_custom_property("pushed_version") == first.get_string_custom_property(
        "pushed_version"
    )
    destination = first.get_string_custom_property("pushed_destination")
    assert _outcome(again) == {"outcome": "already served", "destination": destination}


def test_versions_appear_at_once_and_complete(push, monkeypatch):
    for index in range(50):
        (push.saved_model / f"part{index}").write_bytes(b"x" * 1000)
    push.bless()
    expected = {path.name for path in push.saved_model.iterdir()} | {"model_card.json"}
    incomplete, end = [], threading.Event()

    def poll():
        looks = 0
        while not end.is_set():
            for name in push.versions:
                if name.isdigit():
                    found = set(os.listdir(os.path.join(push.serving_dir, name)))
                    looks += 1
                    if found != expected:
                        incomplete.append(found)
        return looks

    with concurrent.futures.ThreadPoolExecutor() as executor:
        poller = executor.submit(poll)
        try:
            for number in range(20):
                (push.saved_model / "saved_model.pb").write_bytes(b"%d" % number)
                push.bless()
                push()
        finally:
            end.set()
        # Raises what the poller died of.
        assert poller.result() > 0
    assert incomplete == []
    assert len(push.versions) == 20


def _staged(push, name, age):
    """A half copied model of another push, last written to `age` seconds ago."""
    folder = os.path.join(push.serving_dir, name, "17", "variables")
    os.makedirs(folder)
    for file, seconds in (("first", age + 5 * _DAY), ("last", age)):
        path = os.path.join(folder, file)
        with open(path, "w"):
            os.utime(path, (time.time() - seconds,) * 2)
    return name


def test_what_a_died_push_left_is_removed(push):
    push.bless()
    _staged(push, ".pushing", 2 * _DAY)
    _staged(push, ".pushing-6f1e", 2 * _DAY)
    push()
    assert all(name.isdigit() for name in push.versions)


def test_what_another_push_is_still_copying_stays(push):
    push.bless()
    live = {_staged(push, ".pushing", 60), _staged(push, ".pushing-6f1e", 3600)}
    os.makedirs(os.path.join(push.serving_dir, ".pushing-just-begun"))
    push()
    hidden = {name for name in push.versions if not name.isdigit()}
    assert hidden == live | {".pushing-just-begun"}
    assert os.listdir(os.path.join(push.serving_dir, ".pushing-6f1e", "17", "variables"))


def test_a_push_that_fails_leaves_nothing(push, monkeypatch):
    push.bless()

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("serving.releases.publish.write_model_card", fail)
        with pytest.raises(OSError, match="disk full"):
            push()
    assert push.versions == []
    push()
    assert len(push.versions) == 1


def test_a_clock_set_back_and_a_number_that_is_taken(push, monkeypatch):
    numbers = []
    for content, now in ((b"1", 5000.5), (b"2", 1000.5), (b"3", 1000.5), (b"4", 6000.5)):
        # A folder without a model, perhaps of a copy by hand.
        os.makedirs(os.path.join(push.serving_dir, "6000", "variables"), exist_ok=True)
        (push.saved_model / "saved_model.pb").write_bytes(content)
        push.bless()
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            pushed = push()
        numbers.append(pushed.get_string_custom_property("pushed_version"))
        with open(os.path.join(push.serving_dir, numbers[-1], "model_card.json")) as file:
            assert str(json.load(file)["version"]) == numbers[-1]
    assert numbers == ["5000", "5001", "5002", "6001"]


class _PushingProcess:
    """Another process that pushes what it is told to."""

    def __init__(self, folder):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PUSHING_PROCESS, __file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, serving_dir, content):
        self._process.stdin.write(json.dumps([str(serving_dir), content]) + "\n")
        self._process.stdin.flush()

    def version(self):
        """The version that was pushed; the error's text if there is none."""
        line = self._process.stdout.readline().strip()
        return int(line) if line.isdigit() else line

    def end(self):
        self._process.communicate()


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Two processes, that have loaded TFX."""
    folders = [tmp_path_factory.mktemp("process") for _ in range(2)]
    processes = [_PushingProcess(folder) for folder in folders]
    for process, folder in zip(processes, folders, strict=True):
        process.start(folder / "serving", "first")
    try:
        for process in processes:
            assert isinstance(process.version(), int)
        yield processes
    finally:
        for process in processes:
            process.end()


def _push_at_once(processes, serving_dir, contents):
    for process, content in zip(processes, contents, strict=True):
        process.start(serving_dir, content)
    versions = [process.version() for process in processes]
    assert [version for version in versions if not isinstance(version, int)] == []
    return versions


@pytest.mark.slow
def test_two_processes_push_to_one_folder(processes, tmp_path):
    serving_dir = tmp_path / "serving"
    releases = Releases(str(serving_dir))
    pushed = {}
    for number in range(25):
        contents = [f"{number} {name}" for name in "ab"]
        versions = _push_at_once(processes, serving_dir, contents)
        pushed.update(zip(versions, contents, strict=True))
        served = [version.number for version in releases.versions() if version.is_served]
        # The first of all is stable; the newest is tried.
        assert served == [min(pushed), max(pushed)]
    assert len(pushed) == 50
    assert sorted(os.listdir(serving_dir)) == sorted(map(str, pushed))
    for version in releases.versions():
        with open(os.path.join(version.path, "saved_model.pb")) as file:
            assert file.read() == pushed[version.number]
        assert version.card["version"] == version.number
        assert version.card["digest"] == model_digest(version.path)


@pytest.mark.slow
def test_two_processes_push_the_same_model_once(processes, tmp_path):
    serving_dir = tmp_path / "serving"
    for number in range(25):
        first, second = _push_at_once(processes, serving_dir, [f"{number}"] * 2)
        assert first == second
    assert len(os.listdir(serving_dir)) == 25


def test_model_card(push):
    push.bless()
    configuration = {
        "name": "shop",
        "tasks": {"parent": {"classes": ["0", "1"]}},
        "text": {"language": "en"},
    }
    pushed = push(configuration=configuration)
    path = pushed.get_string_custom_property("pushed_destination")
    with open(os.path.join(path, "model_card.json")) as file:
        card = json.load(file)
    assert card["name"] == "serving"
    assert str(card["version"]) == os.path.basename(path)
    assert card["digest"] == model_digest(path) == model_digest(str(push.saved_model))
    assert card["tasks"] == {"parent": ["0", "1"]}
    assert card["tokenizer"] == {"language": "en"}
    assert card["configuration"] == configuration
    assert card["lineage"]["model"]["uri"] == push.model.uri
    assert {"tensorflow", "keras", "tfx"} <= set(card["software"])


def test_old_versions_are_deleted_but_not_those_that_are_served(push):
    numbers = []
    for content in (b"1", b"2", b"3", b"4"):
        (push.saved_model / "saved_model.pb").write_bytes(content)
        push.bless()
        pushed = push(keep_versions=2)
        numbers.append(pushed.get_string_custom_property("pushed_version"))
    # The first push became stable.
    assert push.versions == [numbers[0], numbers[2], numbers[3]]


def test_the_card_has_the_hyperparameters_of_the_run(push):
    push.bless()
    configuration = {"tasks": {}, "heads": {"learning_rate": 0.1, "seed": 3}}
    push.model.set_string_custom_property(
        HYPERPARAMETERS_PROPERTY, json.dumps({"heads": {"learning_rate": 0.2}})
    )
    pushed = push(configuration=configuration)
    path = pushed.get_string_custom_property("pushed_destination")
    with open(os.path.join(path, "model_card.json")) as file:
        card = json.load(file)
    assert card["configuration"]["heads"] == {"learning_rate": 0.2, "seed": 3}
