"""The model that a candidate is compared with."""

from tfx.types import standard_artifacts

from components.baseline_strategy import LatestOtherBlessedModelStrategy


def _model(number):
    artifact = standard_artifacts.Model()
    artifact.id = number
    return artifact


def _blessing(number, model, blessed=1):
    artifact = standard_artifacts.ModelBlessing()
    artifact.id = number
    artifact.set_int_custom_property("current_model_id", model)
    artifact.set_int_custom_property("blessed", blessed)
    return artifact


def _baseline(models, blessings, candidate):
    result = LatestOtherBlessedModelStrategy().resolve_artifacts(
        None,
        {
            "model": [_model(number) for number in models],
            "model_blessing": blessings,
            "candidate": [_model(candidate)],
        },
    )
    assert [artifact.id for artifact in result["candidate"]] == [candidate]
    return [artifact.id for artifact in result["model"]]


def test_the_first_model_has_no_baseline():
    assert _baseline([1], [], candidate=1) == []


def test_a_blessed_candidate_is_not_its_own_baseline():
    assert _baseline([1], [_blessing(10, 1)], candidate=1) == []


def test_models_that_were_not_blessed_do_not_count():
    blessings = [_blessing(10, 1), _blessing(11, 2, blessed=0)]
    assert _baseline([1, 2, 3], blessings, candidate=3) == [1]


def test_the_latest_blessing_counts_not_the_latest_model():
    blessings = [_blessing(10, 2), _blessing(11, 1)]
    assert _baseline([1, 2, 3], blessings, candidate=3) == [1]
