import pytest

from ingestion.examples import activity_groups


@pytest.mark.parametrize(
    ("boundaries", "groups"),
    [
        ((5, 10, 20), ("00-04", "05-09", "10-19", "20+")),
        ((1, 2, 100), ("000-000", "001-001", "002-099", "100+")),
    ],
)
def test_activity_groups_sort_as_text(boundaries, groups):
    assert activity_groups(boundaries) == groups == tuple(sorted(groups))
