"""Some users of many, where all would take long and tell little more."""


def evenly(users, most: int):
    """Takes every n-th user, n so small as `most` allows.

    >>> evenly([0, 1, 2, 3, 4], most=2)
    [0, 3]

    Args:
        users: List or array; of parallel ones the same users are taken.
        most: The number of users that may be taken at most.

    Returns:
        The users that were taken, in their order; all of them where they are no more than `most`.
    """
    step = -(-len(users) // most) or 1
    return users[::step]
