"""Which names a task may have: it names a feature of the examples and an output of the model."""

from collections.abc import Collection

from contract.features import (
    ACTIVITY,
    BEHAVIORS,
    HISTORY,
    HISTORY_TIMESTAMPS,
    TARGET,
    TARGET_TIMESTAMPS,
    TIMESTAMPS,
    USER_ID,
    weight_name,
)
from contract.signatures import USER_VECTOR, USER_VECTOR_FULL

RESERVED_TASKS = (
    USER_ID,
    BEHAVIORS,
    TIMESTAMPS,
    ACTIVITY,
    USER_VECTOR,
    USER_VECTOR_FULL,
    HISTORY,
    HISTORY_TIMESTAMPS,
    TARGET,
    TARGET_TIMESTAMPS,
)
"""Names that examples and predictions use already."""


def clashing_tasks(tasks: Collection[str]) -> list[str]:
    """Returns the tasks whose name, or that of whose weight, would stand for two things.

    Args:
        tasks: Names of all tasks.

    >>> clashing_tasks(["likes", "likes_weight", "activity", "parent"])
    ['likes', 'activity']
    """
    taken = {*RESERVED_TASKS, *tasks}
    return [task for task in tasks if task in RESERVED_TASKS or weight_name(task) in taken]
