"""The pusher: pushes what was blessed, nothing else, and not twice."""

import json
import os
import threading

import pytest
from tfx.types import standard_artifacts

from components.tunable_trainer import HYPERPARAMETERS_PROPERTY
from components.verifying_pusher import Executor, TamperedModelError
from serving.releases.model_digest import MODEL_DIGEST_PROPERTY, model_digest


class _Push:
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
            {"model": [self.model], "model_blessing": [self.blessing]},
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


@pytest.fixture
def push(tmp_path):
    return _Push(tmp_path)


def test_a_blessed_model_is_pushed(push):
    push.bless()
    pushed = push()
    assert pushed.get_int_custom_property("pushed") == 1
    (version,) = push.versions
    path = os.path.join(push.serving_dir, version)
    assert pushed.get_string_custom_property("pushed_destination") == path
    assert model_digest(path) == model_digest(str(push.saved_model))


def test_a_model_that_is_not_blessed_is_not_pushed(push):
    assert push().get_int_custom_property("pushed") == 0
    assert push.versions == []


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


def test_versions_appear_at_once_and_complete(push, monkeypatch):
    for index in range(50):
        (push.saved_model / f"part{index}").write_bytes(b"x" * 1000)
    push.bless()
    expected = {path.name for path in push.saved_model.iterdir()} | {"model_card.json"}
    incomplete, end = [], threading.Event()

    def poll():
        while not end.is_set():
            for name in push.versions:
                if name.isdigit():
                    found = set(os.listdir(os.path.join(push.serving_dir, name)))
                    if found != expected:
                        incomplete.append(found)

    poller = threading.Thread(target=poll)
    poller.start()
    for number in range(20):
        (push.saved_model / "saved_model.pb").write_bytes(b"%d" % number)
        push.bless()
        push()
    end.set()
    poller.join()
    assert incomplete == []
    assert len(push.versions) == 20


def test_what_a_died_push_left_is_removed(push):
    push.bless()
    leftover = os.path.join(push.serving_dir, ".pushing", "17")
    os.makedirs(leftover)
    push()
    assert all(name.isdigit() for name in push.versions)


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
