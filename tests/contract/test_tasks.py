"""Which names a task may have."""

import pytest

from contract.features import weight_name
from contract.tasks import clashing_tasks


def test_the_weight_stands_beside_the_task():
    assert weight_name("age_range") == "age_range_weight"


@pytest.mark.parametrize(
    "name",
    [
        *("user_id", "history", "target", "behaviors", "activity", "user_vector"),
        *("timestamps", "history_timestamps", "target_timestamps", "user_vector_full"),
    ],
)
def test_names_in_use_are_refused(name):
    assert clashing_tasks(["likes", name, "age"]) == [name]


@pytest.mark.parametrize(
    ("tasks", "clashing"),
    [
        ([], []),
        (["likes", "age", "weight", "users"], []),
        # The first one's weight would bear the second one's name.
        (["likes", "likes_weight"], ["likes"]),
        (["likes_weight", "likes"], ["likes"]),
        # A weight alone is a name as any other.
        (["likes_weight"], []),
        # Of a chain each but the last.
        (["a", "a_weight", "a_weight_weight"], ["a", "a_weight"]),
        # In the order of the tasks.
        (["target", "b", "b_weight", "activity"], ["target", "b", "activity"]),
        # Upper and lower case differ.
        (["History", "TARGET"], []),
    ],
)
def test_a_task_stands_for_one_thing(tasks, clashing):
    assert clashing_tasks(tasks) == clashing


def test_a_mapping_of_tasks_will_do():
    assert clashing_tasks({"user_id": object(), "likes": object()}) == ["user_id"]
