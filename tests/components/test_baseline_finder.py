"""The model that a candidate is compared with, found without ML Metadata."""

import json

import pytest
from tfx.types import standard_artifacts

from components.baseline_finder import Executor
from serving.releases.baseline import find_baseline
from serving.releases.model_digest import model_digest


class _Served:
    """A folder of pushed versions."""

    def __init__(self, folder):
        self.folder = folder

    def push(self, number, content, card=True):
        path = self.folder / str(number)
        path.mkdir(parents=True)
        (path / "saved_model.pb").write_text(content)
        digest = model_digest(str(path))
        if card:
            (path / "model_card.json").write_text(json.dumps({"digest": digest}))
        return digest


@pytest.fixture
def served(tmp_path):
    return _Served(tmp_path / "serving")


def _number(served, candidate="another"):
    path = find_baseline(str(served.folder), candidate)
    return None if path is None else int(path.rpartition("/")[2])


def test_the_first_model_has_no_baseline(served):
    assert _number(served) is None


def test_the_newest_version_is_the_baseline(served):
    for number, content in ((9, "a"), (10, "b")):
        served.push(number, content)
    assert _number(served) == 10


def test_a_candidate_is_not_its_own_baseline(served):
    served.push(9, "a")
    digest = served.push(10, "b")
    assert _number(served, digest) == 9


def test_only_what_is_proven_to_be_blessed_counts(served):
    served.push(7, "a")
    served.push(8, "b", card=False)
    served.push(9, "c")
    (served.folder / "9" / "saved_model.pb").write_text("tampered")
    assert _number(served) == 7


def test_the_component_writes_a_path(served, tmp_path):
    served.push(5, "old")
    candidate = tmp_path / "candidate" / "Format-Serving"
    candidate.mkdir(parents=True)
    (candidate / "saved_model.pb").write_text("new")
    model, baseline = standard_artifacts.Model(), standard_artifacts.String()
    model.uri, baseline.uri = str(tmp_path / "candidate"), str(tmp_path / "baseline")

    def found():
        Executor().Do(
            {"model": [model]}, {"baseline": [baseline]}, {"serving_dir": str(served.folder)}
        )
        return (tmp_path / "baseline").read_text()

    assert found() == str(served.folder / "5")
    (candidate / "saved_model.pb").write_text("old")
    assert found() == ""
