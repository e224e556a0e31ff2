"""The comparison with the last blessed model: which rule refuses what, and in which words."""

import pytest

from audit.config import Gate
from audit.gate import compare_with_baseline, is_refused, read_comparison, write_comparison
from tests.audit.audited import TASKS, made_predictions


def _gate(**values):
    defaults = {"classes": TASKS, "min_auc": {}, "max_auc_drop": 0.02, "level": 0.95}
    return Gate(**{**defaults, "comparison": "interval", **values})


def test_a_large_loss_is_refused_by_the_interval():
    compared = compare_with_baseline(made_predictions(loss=0.8), _gate())
    assert is_refused(compared, _gate())
    likes = compared["likes"]
    assert likes["difference"] < -0.02
    assert likes["high"] < 0
    assert likes["p_holm"] >= likes["p_value"]
    assert likes["sentence"].startswith("likes: auc is 0.")
    assert "more than chance: refused by the paired interval" in likes["sentence"]


def test_a_loss_that_may_be_chance_passes_by_the_interval_and_not_by_the_point():
    predictions = made_predictions(users=60, seed=3, loss=0.15)
    by_interval = compare_with_baseline(predictions, _gate(max_auc_drop=0.0))
    by_point = compare_with_baseline(predictions, _gate(max_auc_drop=0.0, comparison="point"))
    uncertain = [
        task for task, each in by_interval.items() if each["difference"] < 0 < each["high"]
    ]
    assert uncertain
    for task in uncertain:
        assert by_interval[task]["passed"]
        assert "may be chance: passed by the paired interval" in by_interval[task]["sentence"]
        assert not by_point[task]["passed"]
        assert "refused by the point difference" in by_point[task]["sentence"]
    # By the point it is TFMA that refuses.
    assert not is_refused(by_point, _gate(comparison="point"))


def test_a_gain_passes_and_without_a_limit_everything_does():
    better = compare_with_baseline(made_predictions(loss=-0.5), _gate())
    assert all(each["passed"] for each in better.values())
    assert "above the last blessed model's" in better["likes"]["sentence"]
    worse = compare_with_baseline(made_predictions(loss=0.8), _gate(max_auc_drop=None))
    assert all(each["passed"] for each in worse.values())
    assert "nothing is asked of it" in worse["likes"]["sentence"]


def test_without_a_baseline_nothing_is_compared(tmp_path):
    compared = compare_with_baseline(made_predictions(baseline=False), _gate())
    assert compared == {}
    assert not is_refused(compared, _gate())
    write_comparison(compared, str(tmp_path))
    assert read_comparison(str(tmp_path)) == {}


@pytest.mark.parametrize("level", [0.8, 0.99])
def test_the_level_is_the_configurations(level):
    compared = compare_with_baseline(made_predictions(), _gate(level=level))["likes"]
    usual = compare_with_baseline(made_predictions(), _gate())["likes"]
    assert (compared["high"] > usual["high"]) == (level > 0.95)
    assert f"{level:.0%} interval" in compared["sentence"]
