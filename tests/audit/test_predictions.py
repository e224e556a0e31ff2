"""What is written of the evaluated users comes back, in the same bytes, without their ids."""

import dataclasses

import numpy as np
import pytest

from audit.predictions import read_predictions, write_predictions
from audit.pseudonyms import UserKeyError, pseudonym, user_key
from audit.vectors_file import read_vectors, write_vectors
from tests.audit.audited import made_predictions, made_vectors


@pytest.mark.parametrize("baseline", [True, False])
def test_predictions_come_back(tmp_path, baseline):
    predictions = made_predictions(baseline=baseline)
    write_predictions(predictions, str(tmp_path / "first"))
    write_predictions(predictions, str(tmp_path / "second"))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    read = read_predictions(str(tmp_path / "first"))
    assert read.users.tolist() == predictions.users.tolist() == sorted(predictions.users)
    for field in dataclasses.fields(read)[1:]:
        ours, theirs = getattr(read, field.name), getattr(predictions, field.name)
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name])


def test_vectors_come_back(tmp_path):
    vectors = made_vectors(made_predictions())
    write_vectors(vectors, str(tmp_path / "vectors"))
    for ours, theirs in zip(read_vectors(str(tmp_path / "vectors")), vectors, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_order_does_not_matter():
    predictions = made_predictions()
    order = np.random.default_rng(1).permutation(len(predictions.users))
    parts = {
        field.name: {key: values[order] for key, values in getattr(predictions, field.name).items()}
        for field in dataclasses.fields(predictions)[1:]
    }
    mixed = type(predictions)(predictions.users[order], **parts).sorted()
    np.testing.assert_array_equal(mixed.scores["age"], predictions.scores["age"])


def test_a_pseudonym_depends_on_user_and_key(monkeypatch):
    monkeypatch.setenv("AUDIT_KEY", "secret")
    secret, name = user_key("AUDIT_KEY", "shop"), user_key(None, "shop")
    assert (secret, name) == (b"secret", b"shop")
    assert len({pseudonym(user, key) for user in (b"a", b"b") for key in (secret, name)}) == 4


def test_a_missing_key_is_named(monkeypatch):
    monkeypatch.delenv("AUDIT_KEY", raising=False)
    with pytest.raises(UserKeyError, match="AUDIT_KEY is not set"):
        user_key("AUDIT_KEY", "shop")
