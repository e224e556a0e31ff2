"""Names of the features of tf.Examples.

Of any user, to train the representation: `USER_ID`, `HISTORY`, `TARGET`. Of a labelled user, to
train and evaluate heads, and of a request: `BEHAVIORS`, with `USER_ID`, `ACTIVITY` and, for every
task, its own name and that of its weight beside it.

What `data.channels` names stands beside the texts, one for one: `contract.event_channels`.
"""

USER_ID = "user_id"
"""bytes[1]; also the column of the user's id in tables of labels and of vectors."""

HISTORY = "history"
"""bytes[n], texts, oldest first: what the representation is trained from."""

TARGET = "target"
"""bytes[m], texts, oldest first: the later behaviours that it is trained to predict."""

BEHAVIORS = "behaviors"
"""bytes[n], texts, oldest first: what a user is represented from."""

ACTIVITY = "activity"
"""bytes[1], the group of the number of behaviours, by which metrics are sliced."""

_WEIGHT = "_weight"


def weight_name(task: str) -> str:
    """Returns the name of the feature that is 1.0 where the task's label is there, else 0.0.

    >>> weight_name("parent")
    'parent_weight'
    """
    return task + _WEIGHT
