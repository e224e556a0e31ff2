"""DeLong's variance by hand, against the definition over all pairs, and its intervals' coverage."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from audit.statistics.delong import (
    auc_estimate,
    compare,
    comparison,
    delong_variance,
    placements,
    task_auc_estimate,
    task_influences,
)
from audit.statistics.intervals import influence_variance


def _by_pairs(models, positive):
    """AUCs and their covariance, from the paper's sums over all pairs of users."""
    kernels = []
    for scores in models:
        above, below = scores[positive][:, None], scores[~positive][None, :]
        kernels.append((above > below) + 0.5 * (above == below))
    kernels = np.array(kernels, dtype=float)
    aucs = kernels.mean(axis=(1, 2))
    of_positive = np.cov(kernels.mean(axis=2), ddof=1)
    of_negative = np.cov(kernels.mean(axis=1), ddof=1)
    return aucs, of_positive / positive.sum() + of_negative / (~positive).sum()


def test_by_hand():
    # Positive users 0.8 and 0.3, negative ones 0.5, 0.3 and 0.1. Of the six pairs 4.5 are in order.
    scores, positive = np.array([0.8, 0.5, 0.3, 0.3, 0.1]), np.array([1, 0, 1, 0, 0], bool)
    placed = placements(scores, positive)
    np.testing.assert_allclose(placed.positive, [1, 1.5 / 3])
    np.testing.assert_allclose(placed.negative, [0.5, 0.75, 1])
    assert placed.auc == 0.75
    # Variances 0.125 and 0.0625, of two and of three users.
    assert delong_variance(placed) == pytest.approx(0.125 / 2 + 0.0625 / 3)


@pytest.mark.parametrize("levels", [4, 1000])
def test_ranks_give_what_the_sums_over_pairs_give(levels):
    rng = np.random.default_rng(levels)
    positive = rng.random(90) < 0.3
    models = [rng.integers(0, levels, 90) / levels + 0.3 * positive for _ in range(2)]
    aucs, covariance = _by_pairs(models, positive)
    for scores, auc, variance in zip(models, aucs, np.diag(covariance), strict=True):
        placed = placements(scores, positive)
        assert placed.auc == pytest.approx(auc)
        assert placed.auc == pytest.approx(roc_auc_score(positive, scores))
        assert delong_variance(placed) == pytest.approx(variance)
    compared = compare(*models, positive)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    z = (aucs[0] - aucs[1]) / math.sqrt(variance)
    assert compared.difference.value == pytest.approx(aucs[0] - aucs[1])
    assert compared.p_value == pytest.approx(2 * stats.norm.sf(abs(z)))
    assert compared.difference.high - compared.difference.low == pytest.approx(
        2 * 1.959964 * math.sqrt(variance), rel=1e-6
    )


def test_influences_give_almost_delongs_variance():
    rng = np.random.default_rng(1)
    classes = (rng.random(400) < 0.3).astype(int)
    scores = rng.normal(size=400) + classes
    auc, influences = task_influences(np.stack([-scores, scores], axis=1), classes)
    placed = placements(scores, classes == 1)
    assert auc == pytest.approx(placed.auc)
    assert influences.mean() == pytest.approx(0, abs=1e-12)
    # n instead of n - 1.
    assert influence_variance(influences) == pytest.approx(delong_variance(placed), rel=0.02)


def test_the_macro_average_is_scikit_learns():
    rng = np.random.default_rng(2)
    probabilities, classes = rng.dirichlet([1, 1, 1], size=80), rng.integers(0, 3, size=80)
    estimate = task_auc_estimate(probabilities, classes)
    assert estimate.value == pytest.approx(roc_auc_score(classes, probabilities, multi_class="ovr"))
    assert estimate.low < estimate.value < estimate.high


def test_a_perfect_order_has_an_interval_all_the_same():
    estimate = auc_estimate(np.arange(20), np.arange(20) >= 10)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(0.025 ** (1 / 10))
    reversed_order = auc_estimate(-np.arange(20), np.arange(20) >= 10)
    assert reversed_order.high == pytest.approx(1 - estimate.low)


def test_one_class_alone_is_undefined():
    assert math.isnan(auc_estimate(np.arange(5), np.ones(5, bool)).value)
    assert auc_estimate(np.arange(5), np.arange(5) == 2)[1:3] == (0.0, 1.0)
    assert math.isnan(task_auc_estimate(np.ones((4, 3)) / 3, np.zeros(4, int)).value)


def test_a_model_does_not_differ_from_itself():
    scores, positive = np.random.default_rng(3).random(50), np.arange(50) % 2 == 0
    compared = compare(scores, scores, positive)
    assert compared.difference[:3] == (0, 0, 0)
    assert compared.p_value == 1
    assert comparison(0.1, 0.0, 0.95, "x").p_value == 0


def test_95_of_100_intervals_hold_the_true_value():
    """1,000 draws of 150 users; the AUC of two normals a standard deviation apart is known."""
    rng = np.random.default_rng(4)
    truth = stats.norm.cdf(1 / math.sqrt(2))
    positive = np.arange(150) < 50
    of_auc = of_difference = 0
    for _ in range(1000):
        shared = rng.normal(size=150)
        models = [
            (shared + rng.normal(size=150)) / math.sqrt(2) + positive * shift for shift in (1, 0.8)
        ]
        estimate = auc_estimate(models[0], positive)
        of_auc += estimate.low <= truth <= estimate.high
        difference = compare(*models, positive).difference
        other = stats.norm.cdf(0.8 / math.sqrt(2))
        of_difference += difference.low <= truth - other <= difference.high
    # Three standard errors of a share of 95 % over 1,000 draws are 2.1 %.
    assert of_auc / 1000 == pytest.approx(0.95, abs=0.021)
    assert of_difference / 1000 == pytest.approx(0.95, abs=0.021)


def test_scores_of_float32_lose_nothing():
    generator = np.random.default_rng(0)
    scores, positive = generator.random(500).astype(np.float32), generator.random(500) < 0.3
    placed = placements(scores, positive)
    assert placed.positive.dtype == placed.negative.dtype == np.float64
    assert placed.auc == placements(scores.astype(np.float64), positive).auc
