"""No room, no inodes, no right to write: real small disks, where this machine permits them."""

import json

import disks
import pytest
import small_runs


@pytest.fixture
def small_disks(in_child, tmp_path):
    """Skips where a mount namespace is not permitted."""
    if in_child(disks.is_permitted, str(tmp_path / "disk")):
        pytest.skip("mount namespaces are not permitted here (they need root)")


@pytest.mark.parametrize(
    ("options", "read_only", "reason"),
    [
        # Room for pipeline.json alone: the run's config.json does not fit.
        ("size=4k", False, "No space left on device (or no more files: `df -i` tells)"),
        # The disk's root, pipeline.json, .lock, runs and the run's folder: all that there may be.
        ("nr_inodes=5", False, "No space left on device (or no more files: `df -i` tells)"),
        ("size=1m", True, "Read-only file system"),
    ],
)
@pytest.mark.usefixtures("small_disks")
def test_the_command_says_what_is_wrong_with_the_disk(
    in_child, tmp_path, options, read_only, reason
):
    small_runs.prepare(tmp_path)
    assert in_child(disks.command, str(tmp_path), options, read_only) == 0
    said = json.loads((tmp_path / "said").read_text())
    assert said["code"] == 2
    assert said["text"] == (
        f"error: {tmp_path}/output cannot be used as output folder: {reason}. Mend that, or "
        "choose another --output.\n"
    )
    assert (said["left"] == []) == read_only


@pytest.mark.slow
@pytest.mark.usefixtures("small_disks")
def test_a_disk_that_is_full_at_each_component_then_has_room(in_child, tmp_path):
    small_runs.prepare(tmp_path)
    assert in_child(disks.full_at_each_component, str(tmp_path), timeout=600) == 0, (
        tmp_path / "log"
    ).read_text()[-2000:]
    *told, served = json.loads((tmp_path / "full").read_text())
    for component, full, code, said in told:
        if not full:
            assert (component, code) == (component, 0)
        elif code:
            assert code == 1
            assert "The disk is full, or takes no more files" in said, component
    for full in ("bytes", "files"):
        failed = {component for component, what, code, _ in told if what == full and code}
        assert failed == set(small_runs.COMPONENTS), full
    assert served[3] == "1"
