"""The pusher: pushes what was blessed, nothing else, and not twice."""

import os

import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.model_digest import MODEL_DIGEST_PROPERTY, model_digest
from components.verifying_pusher import Executor, TamperedModelError, newest_version


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

    def __call__(self):
        self._number += 1
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(self._archive / str(self._number))
        destination = pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=self.serving_dir)
        )
        Executor().Do(
            {"model": [self.model], "model_blessing": [self.blessing]},
            {"pushed_model": [pushed]},
            {"push_destination": proto_utils.proto_to_json(destination), "custom_config": None},
        )
        return pushed

    @property
    def versions(self):
        return os.listdir(self.serving_dir) if os.path.isdir(self.serving_dir) else []


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


def test_newest_version_is_the_highest_complete_number(tmp_path):
    assert newest_version(str(tmp_path / "missing")) is None
    for name in ("9", "10", "11", "notes"):
        (tmp_path / name).mkdir()
    assert newest_version(str(tmp_path)) is None
    for name in ("9", "10", "notes"):
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert newest_version(str(tmp_path)) == str(tmp_path / "10")
