"""A nightly encoding that is killed, again and again, and ends as one that was not."""

import json
import os

import nights
import pyarrow.parquet as pq
import pytest
from injection import KILLED

pytestmark = pytest.mark.slow


def _all(folder):
    """Every row of the vectors, and what is said of them but for the fingerprint's name."""
    rows = pq.read_table(folder).sort_by("user_id").to_pylist()
    return rows, json.loads((folder / "_encoding.json").read_text())


def test_a_nightly_encoding_that_died_again_and_again(in_child, tmp_path):
    folder = str(tmp_path)
    assert in_child(nights.export_model, f"{folder}/1") == 0
    monday = nights.write_events(tmp_path / "monday-events", nights.EVENTS)
    later = [*nights.EVENTS, ("b", 9, "later"), ("f", 10, "new")]
    tuesday = nights.write_events(tmp_path / "tuesday-events", later)
    assert in_child(nights.encode, folder, monday, "monday") == 0
    options = {"previous": f"{folder}/monday", "forget": ("c",)}
    assert in_child(nights.encode, folder, tuesday, "whole", **options) == 0
    # First early, then later: each run finds what those before it have left.
    for die in (3, 12, 20):
        assert in_child(nights.encode, folder, tuesday, "tuesday", die=die, **options) == KILLED
        assert not (tmp_path / "tuesday" / "_encoding.json").exists()
    assert in_child(nights.encode, folder, tuesday, "tuesday", **options) == 0
    rows, summary = _all(tmp_path / "tuesday")
    assert (rows, summary) == _all(tmp_path / "whole")
    assert [row["user_id"] for row in rows] == ["a", "b", "d", "e", "f"]
    assert [row["carried_over"] for row in rows] == [True, False, True, True, False]
    # Neither texts nor half a file stays, which nobody would look for a forgotten user in.
    assert set(os.listdir(tmp_path / "tuesday")) == {"_encoding.json", *summary["files"].values()}
