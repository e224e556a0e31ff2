"""The log of releases: what it says, and that whatever is done to it is found."""

import json

import pytest

from serving.releases import journal
from serving.releases.journal import JOURNAL_FILE, append, read_journal
from serving.releases.releases import Releases


@pytest.fixture
def log(tmp_path):
    for number in range(1, 5):
        append(str(tmp_path), "shop", "serve", version=number)
    return tmp_path / JOURNAL_FILE


def test_lines_are_chained(log):
    lines, wrong = read_journal(str(log.parent))
    assert wrong == []
    assert [line["version"] for line in lines] == [1, 2, 3, 4]
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert lines[0]["previous"] == journal.FIRST
    assert lines[2]["previous"] == lines[1]["digest"]
    assert "@" in lines[0]["who"]
    assert lines[0]["time"].endswith("+00:00")


def _rewrite(log, change):
    lines = log.read_text().splitlines()
    log.write_text("".join(f"{line}\n" for line in change(lines)))
    return read_journal(str(log.parent))[1]


def _changed(lines, place):
    line = json.loads(lines[place])
    line["version"] = 9
    return [*lines[:place], json.dumps(line), *lines[place + 1 :]]


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_changed_line_is_found(log, place):
    (wrong,) = _rewrite(log, lambda lines: _changed(lines, place))
    assert wrong == f"line {place + 1} of {JOURNAL_FILE} was changed: its digest is another"


def test_a_changed_line_with_a_digest_of_its_own_is_found(log):
    def forge(lines):
        line = json.loads(_changed(lines, 1)[1])
        line["digest"] = journal._digest(line)
        return [lines[0], json.dumps(line), *lines[2:]]

    assert _rewrite(log, forge) == [f"line 3 of {JOURNAL_FILE} does not follow the line before it"]


def test_a_missing_line_and_another_order_are_found(log):
    text = log.read_text()
    assert any("line 2" in each for each in _rewrite(log, lambda lines: [lines[0], *lines[2:]]))
    log.write_text(text)
    wrong = _rewrite(log, lambda lines: [lines[1], lines[0], *lines[2:]])
    assert f"line 1 of {JOURNAL_FILE} does not follow the line before it" in wrong
    log.write_text(text)
    assert (
        _rewrite(log, lambda lines: ["{", *lines[1:]])[0] == f"line 1 of {JOURNAL_FILE} is no entry"
    )


def test_an_unfinished_line_is_removed_and_told(log):
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"number": 5, "ti')
    assert read_journal(str(log.parent))[1] == [f"the last line of {JOURNAL_FILE} is unfinished"]
    append(str(log.parent), "shop", "label", version=4)
    assert log.read_bytes().startswith(whole)
    lines, wrong = read_journal(str(log.parent))
    assert wrong == []
    assert lines[-1]["bytes_of_an_unfinished_line_removed"] == 17


def test_no_log_is_none(tmp_path):
    assert read_journal(str(tmp_path)) == ([], [])


def test_every_release_is_told(tmp_path):
    model_dir = tmp_path / "shop"
    for number in range(1, 4):
        (model_dir / str(number)).mkdir(parents=True)
        (model_dir / str(number) / "saved_model.pb").write_bytes(b"graph")
        card = {"digest": f"{number}", "lineage": {"audit": {"sha256": f"audit {number}"}}}
        (model_dir / str(number) / "model_card.json").write_text(json.dumps(card))
    releases = Releases(str(model_dir))
    for number in (1, 2, 3):
        releases.serve(number)
    releases.move_label("stable", 3)
    releases.rollback()
    releases.prune(1)
    lines, wrong = read_journal(str(tmp_path))
    assert wrong == []
    told = [(line["action"], line["version"]) for line in lines]
    assert told[:4] == [("serve", 1), ("serve", 2), ("serve", 3), ("label", 3)]
    assert ("rollback", 1) in told or ("rollback", 2) in told
    assert told[-1][0] == "prune"
    assert (lines[1]["model_digest"], lines[1]["audit_sha256"]) == ("2", "audit 2")
    changed = [line for line in lines if "served" in line]
    assert (changed[-1]["served"], changed[-1]["labels"]) == releases.state()
    assert changed[0]["labels"] == {"stable": 1, "canary": 1}


def test_a_change_that_is_not_in_the_log_is_told_when_the_next_one_is(tmp_path):
    model_dir = tmp_path / "shop"
    for number in (1, 2):
        (model_dir / str(number)).mkdir(parents=True)
        (model_dir / str(number) / "saved_model.pb").write_bytes(b"graph")
    releases = Releases(str(model_dir))
    releases.serve(1)
    config = tmp_path / "models.config"
    config.write_text(config.read_text().replace('"canary"', '"preview"'))
    releases.serve(2)
    lines, wrong = read_journal(str(tmp_path))
    assert wrong == []
    assert [line["action"] for line in lines] == ["serve", "found", "serve"]
    assert lines[1]["labels"] == {"stable": 1, "preview": 1}
