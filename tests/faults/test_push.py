"""A push that is killed in any of its writes, or cut off with the power, and what comes after."""

import itertools
import os
import shutil

import pushes
import pytest
from injection import KILLED


def _newest(folder):
    versions = pushes.whole_versions(folder)
    return max(versions), versions[max(versions)]


def _deaths(in_child, folder, *push):
    """Pushes again and again, from the same state, killed in the next write each time."""
    shutil.copytree(folder, f"{folder}-before")
    for number in itertools.count(1):
        code = in_child(pushes.push, folder, *push, number)
        if code == 0:
            assert number > 20
            return
        assert code == KILLED
        yield number
        shutil.rmtree(folder)
        shutil.copytree(f"{folder}-before", folder)


@pytest.fixture
def folder(tmp_path, in_child):
    """Two versions are pushed, the first is stable."""
    folder = str(tmp_path / "folder")
    for content in ("a", "b"):
        assert in_child(pushes.push, folder, content) == 0
    return folder


@pytest.mark.slow
def test_killed_in_each_write_then_pushed_again(in_child, folder):
    before = pushes.whole_versions(folder)
    stable = min(before)
    places = set()
    for _ in _deaths(in_child, folder, "c", 2):
        after = pushes.whole_versions(folder)
        assert set(after.values()) <= {"a", "b", "c"}
        numbers, labels = pushes.served(folder)
        assert labels == {"stable": stable, "canary": stable}
        places.add((len(after), max(numbers) == max(after)))
        assert in_child(pushes.push, folder, "c", 2) == 0
        number, content = _newest(folder)
        assert content == "c"
        assert pushes.served(folder) == ([stable, number], labels)
        # `keep_versions`: the newest two, and what is served.
        assert len(pushes.whole_versions(folder)) == 3
        assert list(pushes.whole_versions(folder).values()).count("c") == 1
    # Before the rename, between it and `serve`, afterwards.
    assert places == {(2, True), (3, False), (3, True)}


def _unserved(in_child, folder):
    """Kills a push after its rename, before its version is served."""
    for _ in _deaths(in_child, folder, "c", None):
        number, content = _newest(folder)
        if content == "c":
            assert number not in pushes.served(folder)[0]
            return number
    raise AssertionError("the push was never between rename and serve")


@pytest.mark.slow
@pytest.mark.parametrize("decision", [("rollback", ()), ("move_label", ("stable", "b"))])
def test_a_later_decision_stands(in_child, folder, decision):
    method, arguments = decision
    versions = {content: number for number, content in pushes.whole_versions(folder).items()}
    _unserved(in_child, folder)
    decision = (folder, method, tuple(versions.get(each, each) for each in arguments))
    assert in_child(pushes.change, *decision) == 0
    decided = pushes.served(folder)
    assert in_child(pushes.push, folder, "c") == 0
    assert pushes.served(folder) == decided
    # It is in place, for whoever wants it.
    number, _ = _newest(folder)
    assert in_child(pushes.change, folder, "serve", (number,)) == 0
    assert number in pushes.served(folder)[0]


@pytest.mark.slow
def test_a_decision_that_was_killed_is_not_turned_round(in_child, folder):
    number = _unserved(in_child, folder)
    kept = f"{folder}-unserved"
    shutil.copytree(folder, kept)
    states = set()
    for die in itertools.count(1):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        code = in_child(pushes.change, folder, "rollback", (), die)
        decided = pushes.served(folder)
        assert in_child(pushes.push, folder, "c") == 0
        numbers, _ = pushes.served(folder)
        if decided != pushes.served(kept):
            # The rollback took effect; the push that comes after it takes nothing back.
            assert (numbers, _) == decided
        states.add(number in numbers)
        if code == 0:
            break
    # Killed before it began, the rollback decided nothing.
    assert states == {True, False}


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    """What a power cut keeps: only what was synced, of names and of contents."""
    synced, steps = set(), []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def identity(path):
        return os.stat(path).st_ino, os.stat(path).st_mtime_ns

    def record_fsync(descriptor):
        fsync(descriptor)
        synced.add(identity(descriptor))
        steps.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))

    def record(move):
        def call(source, target, **options):
            below = [
                os.path.join(path, name) for path, _, names in os.walk(source) for name in names
            ]
            folders = [path for path, _, _ in os.walk(source)]
            lost = [path for path in [source, *below, *folders] if identity(path) not in synced]
            steps.append(("move", str(target), lost))
            move(source, target, **options)

        return call

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "rename", record(rename))
    monkeypatch.setattr(os, "replace", record(replace))
    pushes.push(str(tmp_path), "a")
    base = str(tmp_path / "serving" / "shop")
    (number,) = pushes.whole_versions(str(tmp_path))
    moves = [step for step in steps if step[0] == "move" and step[1].startswith(str(tmp_path))]
    version, config = os.path.join(base, str(number)), str(tmp_path / "serving" / "models.config")
    targets = [target for _, target, _ in moves]
    assert targets == [os.path.join(base, ".to-serve"), version, config]
    assert [lost for _, _, lost in moves] == [[], [], []]
    # After each, the folder with the new name, before the next.
    for move in moves:
        after = steps[steps.index(move) + 1]
        assert after == ("sync", os.path.dirname(move[1]))
