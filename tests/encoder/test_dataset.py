"""Tests of the batches for training."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from contract.event_channels import TIME
from trainer.encoder import dataset
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import (
    measure,
    read_users,
    sentences,
    training_batches,
    user_events,
)

USERS = [
    ([[1, 2], [3]], [[4, 4], [5, 4]]),
    ([[6]], [[7, 8, 9]]),
    ([[1]], []),
    ([], [[2]]),
]


def rows(batches):
    """Users as (history without padding, target word counts)."""
    return [
        (
            [[int(word) for word in behavior if word] for behavior in history if behavior.any()],
            # Weights of the paper are log(1 + count).
            {int(i): round(float(np.expm1(w)), 4) for i, w in zip(ids, weights, strict=True) if i},
        )
        for x in batches.as_numpy_iterator()
        for history, ids, weights in zip(
            x["history"], x["target_ids"], x["target_weights"], strict=True
        )
    ]


def test_users_without_a_target_are_left_out(write_users):
    path, spec = write_users(USERS)
    batches = training_batches(path, spec, EncoderConfig(), training=False)
    assert rows(batches) == [
        ([], {2: 1}),
        ([[6]], {7: 1, 8: 1, 9: 1}),
        ([[1, 2], [3]], {4: 3, 5: 1}),
    ]


def test_batches_are_padded_with_zeros(write_users):
    users = [([[1, 2], [3]], [[4, 4], [5, 4]]), ([[6], [6], [6]], [[7, 8, 9]])]
    path, spec = write_users(users)
    batches = training_batches(path, spec, EncoderConfig(batch_size=2), training=False)
    (batch,) = batches.as_numpy_iterator()
    np.testing.assert_array_equal(
        batch["history"], [[[1, 2], [3, 0], [0, 0]], [[6, 0], [6, 0], [6, 0]]]
    )
    np.testing.assert_array_equal(batch["target_ids"], [[4, 5, 0], [7, 8, 9]])
    np.testing.assert_allclose(batch["target_weights"], np.log1p([[3, 1, 0], [1, 1, 1]]))


def test_users_of_a_batch_are_of_like_length(write_users):
    lengths = [1, 5, 0, 17, 4, 16, 2]
    path, spec = write_users([([[1]] * length, [[2]]) for length in lengths])

    def batches(training):
        users = training_batches(path, spec, EncoderConfig(batch_size=2), training=training)
        return [
            [int(user.any(axis=1).sum()) for user in batch["history"]]
            for batch in users.as_numpy_iterator()
        ]

    expected = [[0, 1], [2, 4], [5, 16], [17]]
    assert batches(training=False) == expected
    shuffled = batches(training=True)
    assert shuffled != expected
    assert sorted(shuffled) == expected


def test_keeps_the_behaviors_next_to_the_cut(write_users):
    path, spec = write_users([([[1], [2], [3]], [[4], [5], [6]])])
    batches = training_batches(path, spec, EncoderConfig(), max_behaviors=2, training=False)
    # The target is as Transform left it: of the paper's nothing is cut.
    assert rows(batches) == [([[2], [3]], {4: 1, 5: 1, 6: 1})]


def test_a_target_that_is_cut_anew_is_no_longer_than_a_history(write_users):
    path, spec = write_users([([[1]], [[2], [3], [4], [5]])])
    config = EncoderConfig(random_cut=True)
    ((history, target),) = rows(
        training_batches(path, spec, config, max_behaviors=1, training=False)
    )
    assert (len(history), len(target)) == (1, 1)


def test_random_cut_draws_every_point_anew(write_users):
    user = ([[1], [2]], [[3], [4]])
    path, spec = write_users([user] * 300)
    config = EncoderConfig(random_cut=True)
    batches = training_batches(path, spec, config, training=True)
    first, second = rows(batches), rows(batches)
    assert first != second
    cuts = [len(history) for history, _ in first]
    assert set(cuts) == {1, 2, 3}
    assert min(np.bincount(cuts)[1:]) > 60
    for history, target in first:
        words = [word for (word,) in history]
        assert words + sorted(target) == [1, 2, 3, 4]


def test_random_cut_leaves_out_users_of_one_behavior(write_users):
    path, spec = write_users([*USERS, ([], [])])
    batches = training_batches(path, spec, EncoderConfig(random_cut=True), training=True)
    assert len(rows(batches)) == 2


def test_validation_does_not_change_between_epochs(write_users):
    path, spec = write_users([([[1], [2]], [[3], [4]])] * 50)
    batches = training_batches(path, spec, EncoderConfig(random_cut=True), training=False)
    first = rows(batches)
    assert len({len(history) for history, _ in first}) == 3
    assert rows(batches) == first


def test_training_is_shuffled_and_reproducible(write_users):
    path, spec = write_users([([[i]], [[i]]) for i in range(1, 51)])
    config = EncoderConfig()
    batches = training_batches(path, spec, config, training=True)
    first, second = rows(batches), rows(batches)
    assert first != second
    assert sorted(first, key=str) == sorted(second, key=str)
    again = training_batches(path, spec, config, training=True)
    assert [rows(again), rows(again)] == [first, second]
    other = training_batches(path, spec, EncoderConfig(seed=1), training=True)
    assert rows(other) != first


def test_what_is_left_out_is_reproducible(write_users):
    """Several workers that train one model make the same batches."""
    path, spec = write_users([([[i, i + 1], [i + 2], [3]], [[i]]) for i in range(1, 201)])
    config = EncoderConfig(behavior_dropout=0.3, word_dropout=0.3)

    def two_epochs():
        batches = training_batches(path, spec, config, training=True)
        return rows(batches), rows(batches)

    first, second = two_epochs()
    assert two_epochs() == (first, second)
    assert sorted(first, key=str) != sorted(second, key=str)
    kept = [len(history) for history, _ in first]
    # Of three behaviours each stays with 0.7, and loses all words with 0.09 or 0.3.
    assert 1.4 < np.mean(kept) < 2.1


def test_sentences_are_users_words_in_order(write_users):
    path, spec = write_users(USERS)
    assert sentences(path, spec) == [[1, 2, 3, 4, 4, 5, 4], [6, 7, 8, 9], [1], [2]]


def test_names_missing_features(write_users):
    path, spec = write_users(USERS)
    del spec["target"]
    with pytest.raises(ValueError, match="target"):
        training_batches(path, spec, EncoderConfig(), training=True)


def test_measure(write_users):
    path, spec = write_users(USERS)
    assert measure(path, spec) == (4, 2)
    path, spec = write_users([([], [[2]])])
    assert measure(path, spec) == (1, 1)


def test_uniform_weights(write_users):
    path, spec = write_users(USERS[:1])
    config = EncoderConfig(target_weights="uniform")
    first = next(training_batches(path, spec, config, training=False).as_numpy_iterator())
    np.testing.assert_array_equal(first["target_ids"], [[4, 5]])
    np.testing.assert_array_equal(first["target_weights"], [[1, 1]])


def test_autoencoder_predicts_the_history(write_users):
    path, spec = write_users(USERS)
    config = EncoderConfig(objective="autoencoder")
    assert rows(training_batches(path, spec, config, training=False)) == [
        ([[6]], {6: 1}),
        ([[1]], {1: 1}),
        ([[1, 2], [3]], {1: 1, 2: 1, 3: 1}),
    ]


def test_identity_predicts_who_it_is(write_users):
    path, spec = write_users(USERS)
    config = EncoderConfig(objective="identity")

    def identities(training):
        batches = training_batches(path, spec, config, training=training)
        return sorted((list(target), history) for history, target in rows(batches))

    assert identities(training=True) == [([1], [[1, 2], [3]]), ([2], [[6]]), ([3], [[1]])]
    # Validation asks the same of what training does not see.
    assert identities(training=False) == [
        ([1], [[4, 4], [5, 4]]),
        ([2], [[7, 8, 9]]),
        ([4], [[2]]),
    ]


def test_large_files_are_not_kept_in_memory(write_users, monkeypatch):
    path, spec = write_users(USERS)
    expected = rows(training_batches(path, spec, EncoderConfig(), training=False))
    monkeypatch.setattr(dataset, "_BYTES_IN_MEMORY", 0)
    batches = training_batches(path, spec, EncoderConfig(), training=False)
    assert rows(batches) == expected
    # The next epoch reads the file again.
    write_users(USERS[1:2])
    assert rows(batches) == expected[1:2]


def test_moments_as_transform_writes_them(run_transform, tmp_path):
    users = [
        {
            "history": [b"a", b"rare", b"a", b"b"],
            "history_timestamps": [1_700_000_001, 1_700_000_002, 1_700_000_003, 1_700_000_004],
            "target": [b"a b"],
            "target_timestamps": [1_800_000_000],
        },
        {"history": [b"rare"], "history_timestamps": [5], "target": [], "target_timestamps": []},
    ]
    transformed, output = run_transform(tmp_path, users, vocabulary_size=2, max_behaviors=1)
    coder = tft.coders.ExampleProtoCoder(output.transformed_metadata.schema)
    path = str(tmp_path / "users.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in transformed:
            writer.write(coder.encode(row))
    spec = output.transformed_feature_spec()
    # Neither unknown words nor the longest history take a moment away.
    (moments,) = user_events(path, spec, [TIME]).values()
    assert [user.tolist() for user in moments] == [
        [1_700_000_001, 1_700_000_002, 1_700_000_003, 1_700_000_004, 1_800_000_000],
        [5],
    ]
    assert moments[0].dtype == np.int64
    assert [len(history) for history, _ in read_users(path, spec).as_numpy_iterator()] == [1, 0]


def test_without_the_channel_there_are_no_moments(write_users):
    with pytest.raises(ValueError, match=r"lacks \['history_timestamps', 'target_timestamps'\]"):
        user_events(*write_users(USERS), [TIME])
