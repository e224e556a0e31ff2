import pytest

from components.behavior_example_gen.examples import activity_groups, check_task_names


@pytest.mark.parametrize(
    ("boundaries", "groups"),
    [
        ((5, 10, 20), ("00-04", "05-09", "10-19", "20+")),
        ((1, 2, 100), ("000-000", "001-001", "002-099", "100+")),
    ],
)
def test_activity_groups_sort_as_text(boundaries, groups):
    assert activity_groups(boundaries) == groups == tuple(sorted(groups))


def test_task_names_must_not_clash():
    check_task_names(["likes", "region"])
    with pytest.raises(ValueError, match="features likes_weight would stand"):
        check_task_names(["likes", "likes_weight"])
    with pytest.raises(ValueError, match="features activity, user_id would"):
        check_task_names(["user_id", "activity"])
