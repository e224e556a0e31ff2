"""Hosts of a cluster: network namespaces with addresses of their own, and a shared disk."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
from concurrent import futures
from dataclasses import dataclass

_NETWORK = "10.213.77"
_BRIDGE = "engines0"


@dataclass(frozen=True)
class Host:
    """Where a process runs.

    Attributes:
        address: Its IP address.
        enter: What a command must begin with to run there.
    """

    address: str
    enter: tuple[str, ...] = ()


HERE = Host("127.0.0.1")


@contextlib.contextmanager
def namespaces(number):
    """Makes hosts that share nothing but the disk; this process is one more, on the same network.

    Raises:
        PermissionError: This machine forbids it.
    """
    names = [f"engine{index}" for index in range(number)]
    _remove(names)  # What a run that was killed has left.
    try:
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{_NETWORK}.254/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for index, name in enumerate(names):
            _ip("netns", "add", name)
            _ip("link", "add", f"{name}a", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"{name}a", "master", _BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{_NETWORK}.{index + 1}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield [
            Host(f"{_NETWORK}.{index + 1}", ("ip", "netns", "exec", name))
            for index, name in enumerate(names)
        ]
    finally:
        _remove(names)


def _remove(names):
    links = [*(("link", "del", f"{name}a") for name in names), ("link", "del", _BRIDGE)]
    for command in [*links, *(("netns", "del", name) for name in names)]:
        with contextlib.suppress(PermissionError):
            _ip(*command)


def _ip(*arguments):
    if not shutil.which("ip"):
        raise PermissionError("the command ip is missing")
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Processes:
    """Starts processes that end with this one, and ends them and their children.

    Attributes:
        folder: Where their logs go.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._running = {}
        # Children end with the thread that started them: one that lasts.
        self._starter = futures.ThreadPoolExecutor(1)

    def start(self, name, host, command, **environment):
        """Starts a command on a host; what it prints goes to `<name>.log`."""
        with open(self.folder / f"{name}.log", "a") as log:
            self._running[name] = self._starter.submit(
                subprocess.Popen,
                ["setpriv", "--pdeathsig", "KILL", *host.enter, *map(str, command)],
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            ).result()

    def kill(self, name):
        """What kill -9 does, to a process and its children."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_all(self):
        for name in list(self._running):
            self.kill(name)

    def wait_for(self, what, name, seconds=300):
        """Waits until a function gives something true.

        Raises:
            RuntimeError: The process ended, or the time is over; with the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not (found := what()):
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                log = (self.folder / f"{name}.log").read_text()
                raise RuntimeError(f"{name} did not start:\n{log[-3000:]}")
            time.sleep(0.2)
        return found
