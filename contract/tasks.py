"""Which names a task may have: it names a feature of the examples and an output of the model."""

from collections.abc import Collection

from contract.event_channels import EVENT_CHANNELS
from contract.features import ACTIVITY, BEHAVIORS, HISTORY, TARGET, USER_ID, weight_name
from contract.signatures import USER_VECTOR, USER_VECTOR_FULL

RESERVED_TASKS = (
    *(USER_ID, BEHAVIORS, ACTIVITY, USER_VECTOR, USER_VECTOR_FULL, HISTORY, TARGET),
    *(name for each in EVENT_CHANNELS for name in (each.feature, each.history, each.target)),
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
