"""What is trusted: an audit that holds, signed by whom it must be, of this very model."""

import json
import os

import pytest

from audit.config import AuditConfig
from audit.keys import read_public_key, trusted_keys
from audit.trust import carry, doubts, doubts_of_version
from tests.audit.audited import Audited, made_predictions
from tests.audit.signing import make_keys


@pytest.fixture
def signed(tmp_path):
    """An audit signed by a team, and the team's public key."""
    private, public = make_keys(tmp_path)
    audited = Audited(tmp_path, made_predictions(), config=AuditConfig(signing_key=private))
    record = audited.make()
    return audited, record["model"]["digest"], [read_public_key(public)]


def test_a_signed_audit_is_trusted(signed):
    audited, digest, keys = signed
    assert list(doubts(audited.folder, digest, keys)) == []
    assert list(doubts(audited.folder, digest, [])) == []


def test_what_a_version_carries_is_enough(signed, tmp_path):
    audited, digest, keys = signed
    version = tmp_path / "serving" / "7"
    carry(audited.folder, str(version))
    assert sorted(os.listdir(version / "audit")) == [
        "audit.json",
        "audit.sig",
        "provenance.intoto.json",
    ]
    assert list(doubts_of_version(str(version), digest, keys)) == []
    record = json.loads((version / "audit" / "audit.json").read_text())
    record["verdict"]["reasons_for"].append("It is nice.")
    (version / "audit" / "audit.json").write_text(json.dumps(record))
    wrong = list(doubts_of_version(str(version), digest, keys))
    assert "audit.json was changed: its SHA-256 is not provenance.intoto.json's" in wrong
    assert "audit.json was changed after it was signed" in wrong


def test_a_version_from_before_audits_is_trusted_where_no_key_is_asked(signed, tmp_path):
    _, digest, keys = signed
    assert list(doubts_of_version(str(tmp_path / "5"), digest, [])) == []
    (wrong,) = doubts_of_version(str(tmp_path / "5"), digest, keys)
    assert wrong.startswith("there is no audit.json in ")


def test_an_unsigned_audit_is_trusted_where_no_key_is_asked(tmp_path, signed):
    _, _, keys = signed
    audited = Audited(tmp_path / "unsigned", made_predictions())
    digest = audited.make()["model"]["digest"]
    assert list(doubts(audited.folder, digest, [])) == []
    (wrong,) = doubts(audited.folder, digest, keys)
    assert wrong == "the audit is not signed: there is no audit.sig"


def test_whatever_else_is_wrong_is_a_doubt(signed, tmp_path):
    audited, digest, keys = signed
    (wrong,) = doubts(audited.folder, "0" * 64, keys)
    assert wrong == f"it is the audit of another model: {digest[:16]}"
    (wrong,) = doubts(audited.folder, digest, [read_public_key(make_keys(tmp_path, "x")[1])])
    assert "is by a foreign key" in wrong
    os.remove(f"{audited.folder}/audit.sig")
    (wrong,) = doubts(audited.folder, digest, [])
    assert wrong == "audit.sig is missing: the signature was removed"
    with open(f"{audited.folder}/audit.sig", "w") as file:
        file.write("{}")
    (wrong,) = doubts(audited.folder, digest, keys)
    assert wrong.startswith("audit.sig is no signature")
    with open(f"{audited.folder}/audit.json", "w") as file:
        file.write("{")
    (wrong,) = doubts(audited.folder, digest, keys)
    assert wrong.startswith("audit.json is no JSON")


def test_the_audit_of_a_refused_model_is_no_recommendation(tmp_path):
    audited = Audited(tmp_path, made_predictions(loss=0.8))
    digest = audited.make()["model"]["digest"]
    assert list(doubts(audited.folder, digest, [])) == ["the model was refused"]


def test_the_signing_keys_own_half_is_trusted(tmp_path):
    private, public = make_keys(tmp_path)
    _, other = make_keys(tmp_path, "other")
    numbers = [
        key.public_numbers()
        for key in trusted_keys(AuditConfig(signing_key=private, public_keys=(other,)))
    ]
    assert numbers == [read_public_key(path).public_numbers() for path in (other, public)]
    assert trusted_keys(AuditConfig()) == []
