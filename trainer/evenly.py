"""Some of many, where all would take long and tell little more."""


def evenly(items, most: int):
    """Takes every n-th item, n so small as `most` allows.

    >>> evenly([0, 1, 2, 3, 4], most=2)
    [0, 3]

    Args:
        items: List or array, such as of users; of parallel ones the same are taken.
        most: How many may be taken at most.

    Returns:
        What was taken, in its order; everything where that is no more than `most`.
    """
    step = -(-len(items) // most) or 1
    return items[::step]
