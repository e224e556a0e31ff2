"""Which users are drawn; the curve itself is measured beside the table of quality."""

import numpy as np
import pytest

from experiments.few_labels import draw, main
from experiments.labelled_users import LabelledUsers, PreparedData
from pipeline.config import ConfigError
from trainer.encoder.config import EncoderConfig


def _users(first, number):
    """Every user has one word, the user's own number; half like it, every 40th is rare."""
    ids = np.arange(first, first + number)
    known = np.ones(number, "float32")
    known[0] = 0.0
    return LabelledUsers(
        [[[user]] for user in ids],
        {},
        [[f"text {user}"] for user in ids],
        {"likes": (ids % 2, known), "rare": ((ids % 40 == 0).astype(int), known)},
    )


def _data():
    splits = [_users(0, 400), _users(400, 60), _users(500, 10)]
    return PreparedData({"likes": 2, "rare": 2}, EncoderConfig(), None, [], [], *splits)


def test_an_eighth_is_for_validation_and_labels_stay_with_their_users():
    data = _data()
    drawn, tasks = draw(data, 80, seed=0)
    assert (len(drawn.train.word_ids), len(drawn.validation.word_ids)) == (70, 10)
    for users in (drawn.train, drawn.validation):
        ids = np.array(users.word_ids).ravel()
        assert len(set(ids)) == len(ids)
        np.testing.assert_array_equal(users.labels["likes"][0], ids % 2)
        assert users.texts == [[f"text {user}"] for user in ids]
    assert drawn.evaluation is data.evaluation
    # Of 80 users some 2 are rare, which is too few.
    assert tasks == ["likes"]
    assert list(drawn.tasks) == ["likes"]
    assert draw(data, 400, seed=0)[1] == ["likes", "rare"]


def test_a_seed_draws_its_own_users():
    ids = [
        np.array(draw(_data(), 80, seed)[0].train.word_ids).ravel().tolist() for seed in (0, 0, 1)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_more_than_there_are():
    with pytest.raises(ConfigError, match=r"train has 400 labelled users, and 438 are needed"):
        draw(_data(), 500, seed=0)


def test_a_folder_without_events_is_named(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "has none of events.jsonl.gz" in capsys.readouterr().err
