"""Groups of users: their figures, their gaps, and those that are too small to speak of."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from audit.statistics.slices import MIN_CLASS_USERS, MIN_USERS, Group, Suppressed, slices


def _binary(count, seed=0, shift=1.0):
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    scores = 1 / (1 + np.exp(-(rng.normal(size=count) + shift * (classes - 0.5))))
    return np.stack([1 - scores, scores], axis=1), classes


def test_figures_of_a_group_are_those_of_its_users():
    probabilities, classes = _binary(200)
    values = np.array(["a", "b"] * 50 + ["b", "a"] * 50)
    a, b = slices(probabilities, classes, values)
    inside = values == "a"
    assert (a.name, a.users, b.users) == ("a", 100, 100)
    assert a.auc.value == pytest.approx(roc_auc_score(classes[inside], probabilities[inside, 1]))
    guessed = probabilities[:, 1] > 0.5
    truth = classes == 1
    assert a.positive_rate.value == pytest.approx(guessed[inside & truth].mean())
    assert a.false_positive_rate.value == pytest.approx(guessed[inside & ~truth].mean())
    assert a.auc_gap.value == pytest.approx(a.auc.value - b.auc.value)
    assert a.auc_gap.value == pytest.approx(-b.auc_gap.value)
    assert a.positive_rate_gap.value == pytest.approx(a.positive_rate.value - b.positive_rate.value)
    assert a.auc_gap.low < a.auc_gap.value < a.auc_gap.high


def test_a_group_that_fares_worse_is_found():
    good, classes = _binary(400, shift=4.0)
    bad, _ = _binary(400, seed=1, shift=0.0)
    found = slices(
        np.concatenate([good, bad]),
        np.concatenate([classes, classes]),
        np.array(["good"] * 400 + ["bad"] * 400),
    )
    (worse,) = (group for group in found if group.name == "bad")
    assert worse.auc_gap.high < -0.2
    assert worse.positive_rate_gap.high < 0


@pytest.mark.parametrize(
    ("users", "of_class_1"), [(MIN_USERS - 1, 15), (MIN_USERS + 20, MIN_CLASS_USERS - 1)]
)
def test_a_small_group_has_no_number(users, of_class_1):
    rng = np.random.default_rng(2)
    scores = rng.random(users + 100)
    classes = np.concatenate([np.arange(users) < of_class_1, np.arange(100) % 2]).astype(int)
    values = np.array(["small"] * users + ["large"] * 100)
    large, small = slices(np.stack([1 - scores, scores], axis=1), classes, values)
    assert small == Suppressed("small")
    assert isinstance(large, Group)
    # A gap to it would be a number of it.
    assert large.auc_gap is None
    assert large.positive_rate_gap is None


def test_users_without_a_value_are_in_no_group():
    probabilities, classes = _binary(100)
    (group,) = slices(probabilities, classes, np.array(["a"] * 60 + [""] * 40))
    assert group.users == 60


def test_several_classes_have_no_rates():
    rng = np.random.default_rng(3)
    probabilities, classes = rng.dirichlet([1, 1, 1], size=90), np.arange(90) % 3
    a, b = slices(probabilities, classes, np.array(["a", "b"]).repeat(45))
    assert a.positive_rate is None
    assert a.auc.value == pytest.approx(
        roc_auc_score(classes[:45], probabilities[:45], multi_class="ovr")
    )
    assert a.auc_gap.value == pytest.approx(a.auc.value - b.auc.value)
