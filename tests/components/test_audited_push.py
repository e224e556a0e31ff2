"""The pusher takes a model with its audit, if that holds."""

import json
import os
import shutil

import pytest
from tfx.types import standard_artifacts

from audit.config import AuditConfig
from components.verifying_pusher import UntrustedAuditError
from serving.releases.journal import read_journal
from serving.releases.model_digest import model_digest
from tests.audit.audited import Audited, made_predictions
from tests.audit.signing import make_keys
from tests.components.test_verifying_pusher import Push


@pytest.fixture
def push(tmp_path):
    return Push(tmp_path)


def test_a_model_is_pushed_with_its_audit_if_that_holds(push, tmp_path):
    private, public = make_keys(tmp_path)
    own = Audited(tmp_path / "x", made_predictions(), config=AuditConfig(signing_key=private))
    own.make()
    shutil.copytree(own.sources.model, push.saved_model, dirs_exist_ok=True)
    push.audit = standard_artifacts.ModelEvaluation()
    push.audit.uri = own.folder
    push.bless()
    _, other = make_keys(tmp_path, "other")
    with pytest.raises(UntrustedAuditError, match=r"audit\.sig is by a foreign key"):
        push(audit={"public_keys": [other]})
    assert push.versions == []
    pushed = push(audit={"public_keys": [public]})
    path = pushed.get_string_custom_property("pushed_destination")
    assert sorted(os.listdir(os.path.join(path, "audit"))) == [
        "audit.json",
        "audit.sig",
        "provenance.intoto.json",
    ]
    # What tells the digest is no part of it.
    assert model_digest(path) == model_digest(str(push.saved_model))

    # Audited once more: the served version gets the new audit, and the log tells of it.
    own.sources = own.sources._replace(created_at="2026-11-26T10:00:00+00:00")
    own.make()
    again = push(audit={"public_keys": [public]})
    assert again.get_string_custom_property("pushed_destination") == path
    with open(os.path.join(path, "audit", "audit.json")) as file:
        assert json.load(file)["created_at"] == "2026-11-26T10:00:00+00:00"
    assert sorted(os.listdir(path)) == ["audit", "model_card.json", "saved_model.pb", "variables"]
    lines, wrong = read_journal(os.path.dirname(push.serving_dir))
    assert [line["action"] for line in lines] == ["serve", "audit"]
    assert lines[0]["audit_sha256"] != lines[1]["audit_sha256"]
    assert not wrong
    push(audit={"public_keys": [public]})
    assert len(read_journal(os.path.dirname(push.serving_dir))[0]) == 2

    for tampered, said in (
        ("report.html", "report.html was changed: its SHA-256 is not"),
        ("audit.json", "audit.json is no JSON"),
    ):
        with open(f"{own.folder}/{tampered}", "a") as file:
            file.write("x")
        with pytest.raises(UntrustedAuditError, match=said) as refused:
            push()
        assert f"Find out who changed {own.folder}, then have it made anew" in str(refused.value)


def test_the_audit_of_another_model_is_refused(push, tmp_path):
    own = Audited(tmp_path / "x", made_predictions())
    own.make()
    push.audit = standard_artifacts.ModelEvaluation()
    push.audit.uri = own.folder
    push.bless()
    with pytest.raises(UntrustedAuditError, match="it is the audit of another model"):
        push()
    assert push.versions == []
