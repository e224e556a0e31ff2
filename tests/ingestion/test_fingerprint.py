"""The fingerprint changes when the files do, and not otherwise."""

import os

import pytest

from ingestion.errors import DataError
from ingestion.fingerprint import fingerprint_of


@pytest.fixture
def logs(tmp_path):
    for name in ("a.jsonl", "b.jsonl", "labels.csv"):
        (tmp_path / name).write_text(name)
    return tmp_path


def _fingerprint(logs):
    return fingerprint_of([str(logs / "*.jsonl"), str(logs / "labels.csv")])


def _add(logs):
    (logs / "c.jsonl").write_text("c")


def _grow(logs):
    (logs / "a.jsonl").write_text("longer than before")


def _rewrite(logs):
    os.utime(logs / "labels.csv", (1, 1))


def _rename(logs):
    (logs / "a.jsonl").rename(logs / "z.jsonl")


@pytest.mark.parametrize("change", [_add, _grow, _rewrite, _rename])
def test_a_change_is_seen(logs, change):
    before = _fingerprint(logs)
    assert _fingerprint(logs) == before
    change(logs)
    assert _fingerprint(logs) != before


def test_other_files_do_not_count(logs):
    before = _fingerprint(logs)
    (logs / "notes.txt").write_text("")
    assert _fingerprint(logs) == before


def test_no_file_is_an_error(logs):
    with pytest.raises(DataError, match=r"No file matches .*x\.csv\. Mend kubeflow\.events"):
        fingerprint_of([str(logs / "x.csv")])
