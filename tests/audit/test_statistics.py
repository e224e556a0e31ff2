"""Bootstrap, calibration, Holm, intervals of shares, and the figures of a task."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, brier_score_loss, confusion_matrix

from audit.statistics import bootstrap as bootstrap_module
from audit.statistics import task_metrics as task_metrics_module
from audit.statistics.bootstrap import bootstrap, percentile_estimate
from audit.statistics.calibration import (
    brier_losses,
    calibration_errors,
    confidence,
    reliability,
)
from audit.statistics.holm import holm
from audit.statistics.task_metrics import compare_models, task_metrics


def _users(count, classes, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes)) + 1.5 * np.eye(classes)[truth]
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), truth


def test_reliability_by_hand():
    claimed, came_true = np.array([0.05, 0.05, 0.95, 1.0]), np.array([0, 1, 1, 1])
    curve = reliability(claimed, came_true)
    assert [each.users for each in curve] == [2, 2]
    assert [each.predicted for each in curve] == pytest.approx([0.05, 0.975])
    assert [each.observed for each in curve] == [0.5, 1.0]
    # Two users are 0.45 off, two 0.025; the second weighting has the third user alone.
    weights = np.array([[1, 1, 1, 1], [0, 0, 1, 0]])
    np.testing.assert_allclose(
        calibration_errors(claimed, came_true, weights), [(0.45 + 0.025) / 2, 0.05]
    )


def test_brier_is_scikit_learns():
    probabilities, classes = _users(50, 2)
    assert brier_losses(probabilities, classes).mean() == pytest.approx(
        brier_score_loss(classes, probabilities[:, 1])
    )
    # 0.3^2 + 0.1^2 + 0.2^2
    assert brier_losses(np.array([[0.7, 0.1, 0.2]]), np.array([0])) == pytest.approx([0.14])


def test_of_several_classes_the_likeliest_is_what_is_claimed():
    claimed, came_true = confidence(np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]), np.array([1, 0]))
    assert claimed.tolist() == [0.5, 0.8]
    assert came_true.tolist() == [1.0, 0.0]


def test_holm_by_hand():
    # Times 4, 3, 2, 1 by rank, never falling.
    adjusted = holm({"a": 0.02, "b": 0.01, "c": 0.03, "d": 0.9})
    assert adjusted == pytest.approx({"a": 0.06, "b": 0.04, "c": 0.06, "d": 0.9})
    assert list(adjusted) == ["a", "b", "c", "d"]
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}


def test_the_bootstrap_is_the_same_in_pieces(monkeypatch):
    values = np.random.default_rng(1).random(40)

    def means(weights):
        return (weights @ values / 40)[:, None]

    whole = bootstrap(means, 40, draws=50, seed=3)
    monkeypatch.setattr(bootstrap_module, "_CELLS", 40 * 7)
    np.testing.assert_allclose(bootstrap(means, 40, draws=50, seed=3), whole, rtol=1e-12)
    assert whole[0] == pytest.approx(values.mean())
    assert not np.array_equal(bootstrap(means, 40, draws=50, seed=4), whole)


def test_the_bootstrap_agrees_with_a_loop_over_users():
    """An independent implementation draws users' indices, not weights."""
    probabilities, classes = _users(120, 3, seed=5)
    right = probabilities.argmax(axis=1) == classes
    metrics = task_metrics(probabilities, classes, seed=1)
    rng = np.random.default_rng(6)
    drawn = [right[rng.integers(0, 120, 120)].mean() for _ in range(4000)]
    assert metrics.accuracy.value == pytest.approx(accuracy_score(classes, probabilities.argmax(1)))
    assert metrics.accuracy[1:3] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.012)
    assert metrics.confusion == confusion_matrix(classes, probabilities.argmax(1)).tolist()
    assert metrics.class_users == np.bincount(classes).tolist()


def test_95_of_100_bootstrap_intervals_hold_the_true_share():
    """1,000 draws of 200 users, of whom 70 % have the property."""
    rng = np.random.default_rng(7)
    held = 0
    for seed in range(1000):
        hits = (rng.random(200) < 0.7).astype(float)
        runs = rng.binomial(200, hits.mean(), 400) / 200  # what resampling 0 and 1 amounts to
        if seed < 30:
            # The bootstrap itself draws from that very distribution.
            own = bootstrap(lambda w, hits=hits: (w @ hits / 200)[:, None], 200, 400, seed)[1:, 0]
            assert stats.ks_2samp(own, runs).pvalue > 1e-4
        estimate = percentile_estimate(np.concatenate([[hits.mean()], runs]))
        held += estimate.low <= 0.7 <= estimate.high
    assert held / 1000 == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("classes", [2, 3])
def test_of_many_users_the_normal_intervals_are_the_bootstraps(classes, monkeypatch):
    probabilities, truth = _users(1500, classes, seed=8)
    drawn = task_metrics(probabilities, truth)
    monkeypatch.setattr(task_metrics_module, "LARGE", 1000)
    normal = task_metrics(probabilities, truth)
    for name in ("auc", "accuracy", "brier", "calibration_error"):
        ours, theirs = getattr(normal, name), getattr(drawn, name)
        assert ours.value == pytest.approx(theirs.value)
        assert ours[1:3] == pytest.approx(theirs[1:3], abs=0.008 if "error" in name else 0.004)


def test_an_interval_of_the_calibration_error_holds_the_error():
    """Of well calibrated users the draws are all worse than the users themselves."""
    rng = np.random.default_rng(12)
    claimed = rng.random(300)
    truth = (rng.random(300) < claimed).astype(int)
    error = task_metrics(np.stack([1 - claimed, claimed], axis=1), truth).calibration_error
    assert 0 <= error.low < error.value < error.high < 0.15


def test_models_are_compared_on_the_same_users():
    probabilities, truth = _users(300, 3, seed=9)
    worse = 0.2 * probabilities + 0.8 * _users(300, 3, seed=10)[0]
    compared = compare_models(probabilities, worse, truth)
    assert compared.difference.low > 0
    assert compared.p_value < 0.001
    assert compare_models(probabilities, probabilities, truth).p_value == 1
    runs = _paired_bootstrap(probabilities, worse, truth)
    assert compared.difference[1:3] == pytest.approx(np.quantile(runs, [0.025, 0.975]), abs=0.01)


def _paired_bootstrap(probabilities, others, truth):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(11)
    differences = []
    for _ in range(300):
        drawn = rng.integers(0, len(truth), len(truth))
        areas = [
            roc_auc_score(truth[drawn], each[drawn], multi_class="ovr")
            for each in (probabilities, others)
        ]
        differences.append(areas[0] - areas[1])
    return differences


def test_what_no_draw_defines_is_left_out():
    runs = np.array([0.5, math.nan, 0.4, 0.6])
    assert percentile_estimate(runs, level=0.5)[1:3] == pytest.approx((0.45, 0.55))
