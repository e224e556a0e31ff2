"""The area under the curve, of one weighting of users and of many."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from audit.statistics.auc import task_auc, weighted_auc
from audit.statistics.bootstrap import resampling_weights


def test_auc_by_hand():
    # Of the two pairs, one is in order and one is tied.
    scores, positive = np.array([0.1, 0.4, 0.4]), np.array([False, False, True])
    assert weighted_auc(scores, positive, np.ones((1, 3))) == pytest.approx([0.75])


def test_a_weight_counts_as_so_many_users():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, size=40) / 9, rng.random(40) < 0.3
    weights = rng.integers(0, 4, size=(5, 40))
    repeated = [roc_auc_score(positive.repeat(row), scores.repeat(row)) for row in weights]
    np.testing.assert_allclose(weighted_auc(scores, positive, weights), repeated)


def test_one_class_alone_has_no_area():
    assert np.isnan(weighted_auc(np.array([0.1, 0.2]), np.array([True, True]), np.ones((1, 2))))


def test_several_classes_are_averaged_one_against_the_rest():
    rng = np.random.default_rng(0)
    probabilities, classes = rng.dirichlet([1, 1, 1], size=60), rng.integers(0, 3, size=60)
    known = rng.random(60) < 0.7
    area = task_auc(probabilities, classes, known, np.ones((1, 60)))
    expected = roc_auc_score(classes[known], probabilities[known], multi_class="ovr")
    assert area == pytest.approx([expected])


def test_a_binary_task_is_measured_by_its_second_class():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    area = task_auc(probabilities, np.array([1, 0, 0]), np.ones(3, bool), np.ones((1, 3)))
    assert area == pytest.approx([0.0])


def test_resamples_draw_as_many_users_as_there_are():
    weights = resampling_weights(users=7, resamples=3)
    np.testing.assert_array_equal(weights[0], np.ones(7))
    np.testing.assert_array_equal(weights.sum(axis=1), [7, 7, 7, 7])
