"""A worker of Beam that is killed, as by the kernel for want of memory, in its work."""

import os
import pathlib
import signal
import threading
import time

import pytest
import small_runs

pytestmark = pytest.mark.slow

_WORKERS = {
    "args": [
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=1",
        "--sdk_container_image=none",
    ]
}
_PROGRAM = b"apache_beam.runners.worker.sdk_worker_main"
_LOADED_PAGES = 300 * 2**20 // os.sysconf("SC_PAGE_SIZE")
"""Of a worker that has got its work, and has loaded TFX for it."""


def _workers_of(folder):
    """The processes of this test's workers."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            mine = f"OF_TEST={folder}".encode() in (process / "environ").read_bytes().split(b"\0")
            # Not the shell that starts it.
            if mine and command[2:3] == [_PROGRAM]:
                yield int(process.name), int((process / "statm").read_text().split()[1])
        except OSError:
            continue


def _kill_one(folder, killed):
    deadline = time.monotonic() + 120
    while not killed and time.monotonic() < deadline:
        for worker, pages in _workers_of(folder):
            if pages > _LOADED_PAGES:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
        time.sleep(0.05)


def test_a_killed_worker_is_said_and_the_next_run_goes_on(in_child, tmp_path):
    folder, killed = str(tmp_path), []
    last = "LabelledExampleGen"
    small_runs.prepare(tmp_path, beam=_WORKERS)
    killer = threading.Thread(target=_kill_one, args=(folder, killed), daemon=True)
    killer.start()
    assert in_child(small_runs.run, folder, last, OF_TEST=folder) == 1
    assert killed
    said = small_runs.failure(folder)
    assert said.startswith(f"{last}: A worker of Beam ended before its work was done")
    assert "perhaps killed for want of memory" in said
    assert not list(_workers_of(folder))
    # Where Beam runs is no part of what a result depends on.
    small_runs.prepare(tmp_path)
    assert in_child(small_runs.run, folder, last) == 0
    assert small_runs.ran(folder) == {last}
