import pytest

from ingestion.activity import activity_groups, quartiles


@pytest.mark.parametrize(
    ("boundaries", "groups"),
    [
        ((5, 10, 20), ("00-04", "05-09", "10-19", "20+")),
        ((1, 2, 100), ("000-000", "001-001", "002-099", "100+")),
        ((7,), ("0-6", "7+")),
        ((), ("0+",)),
    ],
)
def test_activity_groups_sort_as_text(boundaries, groups):
    assert activity_groups(boundaries) == groups == tuple(sorted(groups))


@pytest.mark.parametrize(
    ("users", "boundaries"),
    [
        # Eight users of 1 to 8 behaviours: two a group.
        (dict.fromkeys(range(1, 9), 1), (3, 5, 7)),
        # 82 of 100 have more than 20.
        ({3: 6, 8: 6, 15: 6, 30: 30, 60: 30, 200: 22}, (30, 60, 200)),
        # Half of the users are of one number, and fill two groups.
        ({1: 30, 2: 50, 9: 20}, (2, 9)),
        ({4: 75, 5: 25}, (5,)),
        ({4: 10, 5: 90}, (5,)),
        ({6: 120}, ()),
        ({}, ()),
    ],
)
def test_quartiles(users, boundaries):
    assert quartiles(users) == boundaries
