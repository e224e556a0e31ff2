"""The record: what it holds, that it keeps to its schema, and what changes it."""

import copy
import json
import os

import jsonschema
import pytest

from audit import origin
from audit.origin import code_section
from audit.predictions import read_predictions
from audit.record import InvalidRecordError, check_record, read_record, schema, to_json
from audit.statement import read_subjects
from serving.releases.model_digest import model_digest, sha256_of
from tests.audit.audited import TASKS, USERS, Audited, made_predictions


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_record_answers_what_an_auditor_asks(made):
    audited, record = made, made.record
    assert read_record(audited.folder) == json.loads(to_json(record))
    assert record["model"]["digest"] == model_digest(audited.sources.model)
    assert set(record["model"]["files"]) == {"saved_model.pb", "variables/data"}
    assert record["baseline"]["digest"] == model_digest(audited.sources.baseline)
    assert record["data"]["files"][0]["content"].startswith("blake2b:")
    assert record["data"]["records"]["events"] == {
        "read": 1000,
        "bad": 2,
        "reasons": {"invalid_json": 2},
    }
    assert record["data"]["earliest"].startswith("2024-01-01")
    assert record["code"]["digests"] == {"Transform": "0123456789abcdef"}
    assert record["code"]["lock_sha256"]
    assert record["software"]["tfx"]
    assert record["hardware"]["cores"] >= 1
    assert record["subject"]["owner"] == "Team <ml@shop>"
    assert record["evaluation"]["users"] == USERS
    for task in TASKS:
        section = record["tasks"][task]
        assert section["auc"]["low"] < section["auc"]["value"] < section["auc"]["high"]
        assert section["tfma"]["auc"] == pytest.approx(section["auc"]["value"])
        assert section["baseline"]["sentence"] in record["verdict"]["reasons_for"]
        assert sum(map(sum, section["confusion"])) == section["users"]
    assert record["verdict"]["blessed"]


def test_an_image_says_which_commit_it_was_made_of(monkeypatch):
    monkeypatch.setattr(origin, "_git", lambda *_: None)
    monkeypatch.delenv("SOURCE_COMMIT", raising=False)
    assert (code_section()["commit"], code_section()["dirty"]) == (None, None)
    monkeypatch.setenv("SOURCE_COMMIT", "c0ffee")
    assert (code_section()["commit"], code_section()["dirty"]) == ("c0ffee", False)
    monkeypatch.setenv("SOURCE_COMMIT", "c0ffee-dirty")
    assert (code_section()["commit"], code_section()["dirty"]) == ("c0ffee", True)


def test_a_refused_model_has_an_audit_too(tmp_path):
    record = Audited(tmp_path, made_predictions(loss=0.8)).make()
    assert not record["verdict"]["blessed"]
    assert any("refused by the paired interval" in r for r in record["verdict"]["reasons_against"])


def test_without_a_baseline(tmp_path):
    record = Audited(tmp_path, made_predictions(baseline=False)).make()
    assert record["baseline"] is None
    assert record["tasks"]["likes"]["baseline"] is None


def test_small_groups_have_no_number_in_the_record(tmp_path):
    audited = Audited(tmp_path, made_predictions())
    users = read_predictions(f"{audited.sources.evaluation}/predictions.parquet").users.tolist()
    audited.groups = {"country": dict.fromkeys(users[:12], "LI") | dict.fromkeys(users[20:], "CH")}
    slices = audited.make()["tasks"]["likes"]["slices"]
    assert list(slices) == ["activity", "country"]
    large, small = slices["country"]
    assert large["users"] > 100
    assert small == {"name": "LI", "suppressed": "below 30 users, or 5 of a class"}


def test_the_statement_names_every_file(made):
    audited, record = made, made.record
    subjects = read_subjects(audited.folder)
    own = {name for name in subjects if not name.startswith("model/")}
    assert own | {"provenance.intoto.json"} == set(os.listdir(audited.folder))
    for name in own:
        assert subjects[name] == sha256_of(os.path.join(audited.folder, name))
    assert {n.removeprefix("model/"): d for n, d in subjects.items() if n not in own} == record[
        "model"
    ]["files"]


def test_the_same_inputs_give_the_same_record(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    audits = [Audited(folder, made_predictions()) for folder in folders]
    texts = [to_json(each.make()).replace(str(each.root), "") for each in audits]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("schema_version",), "2.0", "schema_version"),
        (("verdict", "blessed"), "yes", r"verdict\.blessed"),
        (("model", "files", "saved_model.pb"), "0", r"model\.files"),
        (("tasks", "likes", "auc", "low"), None, r"tasks\.likes\.auc"),
        (("gate", "comparison"), "luck", r"gate\.comparison"),
        (("surprise",), 1, "surprise"),
    ],
)
def test_what_is_no_record_is_refused(made, path, value, said):
    record = copy.deepcopy(made.record)
    section = record
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(InvalidRecordError, match=said):
        check_record(record)
