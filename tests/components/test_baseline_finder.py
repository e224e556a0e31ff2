"""The model that a candidate is compared with, found without ML Metadata."""

import json
import shutil

import pytest
from tfx.types import standard_artifacts

from audit.config import AuditConfig
from audit.trust import carry
from components.baseline_finder import Executor
from serving.releases.baseline import find_baseline
from serving.releases.model_digest import model_digest
from tests.audit.audited import Audited, made_predictions
from tests.audit.signing import make_keys


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
    path = find_baseline(str(served.folder), candidate, lambda version, digest: ())
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
            {"model": [model]},
            {"baseline": [baseline]},
            {"serving_dir": str(served.folder), "config": "{}"},
        )
        return (tmp_path / "baseline").read_text()

    assert found() == str(served.folder / "5")
    (candidate / "saved_model.pb").write_text("old")
    assert found() == ""


def test_a_version_counts_if_its_audit_holds(served, tmp_path, caplog):
    private, public = make_keys(tmp_path)
    candidate = tmp_path / "candidate" / "Format-Serving"
    candidate.mkdir(parents=True)
    (candidate / "saved_model.pb").write_text("new")
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "candidate")
    served.push(4, "before audits")

    def audited_push(number, **config):
        own = Audited(tmp_path / str(number), made_predictions(), config=AuditConfig(**config))
        own.make()
        version = served.folder / str(number)
        shutil.copytree(own.sources.model, version)
        carry(own.folder, str(version))
        card = {"digest": model_digest(str(version))}
        (version / "model_card.json").write_text(json.dumps(card))

    audited_push(5, signing_key=private)
    audited_push(6)

    def found(**config):
        caplog.clear()
        baseline = standard_artifacts.String()
        baseline.uri = str(tmp_path / "baseline")
        config = AuditConfig(**config).model_dump_json()
        Executor().Do(
            {"model": [model]},
            {"baseline": [baseline]},
            {"serving_dir": str(served.folder), "config": config},
        )
        return (tmp_path / "baseline").read_text().rpartition("/")[2]

    assert found() == "6"
    assert found(public_keys=[public]) == found(signing_key=private) == "5"
    assert "The audit of" in caplog.text
    assert "6 does not hold; it is passed over: the audit is not signed" in caplog.text
    for number in (5, 6):
        record = served.folder / str(number) / "audit" / "audit.json"
        record.write_text(record.read_text().replace("Ranks", "Ranks"[::-1]) + " ")
    assert found() == "4"
    assert "audit.json was changed: its SHA-256 is not provenance.intoto.json's" in caplog.text
    assert "4 was pushed before versions carried their audit" in caplog.text
    # Who asks for signatures takes nothing that nobody signed.
    assert found(public_keys=[public]) == ""
