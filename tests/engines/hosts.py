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
        PermissionError: This machine forbids it, or this process is not alone on its network.
    """
    if not _alone():
        # What is meant for a host that has gone would leave the machine.
        raise PermissionError("this process reaches other networks; use `make test-engines`")
    with contextlib.ExitStack() as stack:
        _ip("link", "add", _BRIDGE, "type", "bridge")
        stack.callback(_ip, "link", "del", _BRIDGE)
        _ip("addr", "add", f"{_NETWORK}.254/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        yield [_namespace(index, stack) for index in range(number)]


def _namespace(index, stack):
    """A host, which goes when the stack is closed, or this process ends."""
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"]
    holder = stack.enter_context(subprocess.Popen(command))
    stack.callback(holder.kill)
    network = pathlib.Path(f"/proc/{holder.pid}/ns/net")
    while network.readlink() == pathlib.Path("/proc/self/ns/net").readlink():
        if holder.poll() is not None:
            raise PermissionError("unshare --net failed")
        time.sleep(0.01)
    enter = ("nsenter", f"--net={network}")
    link, address = f"host{index}", f"{_NETWORK}.{index + 1}"
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
    _ip("link", "set", link, "master", _BRIDGE, "up")
    _ip("addr", "add", f"{address}/24", "dev", "eth0", enter=enter)
    _ip("link", "set", "eth0", "up", enter=enter)
    _ip("link", "set", "lo", "up", enter=enter)
    return Host(address, enter)


def _alone():
    """Whether this process has no route to anywhere; the first line is the heading."""
    routes = pathlib.Path("/proc/self/net/route")
    return routes.exists() and len(routes.read_text().splitlines()) <= 1


def _ip(*arguments, enter=()):
    if not shutil.which("ip"):
        raise PermissionError("the command ip is missing")
    done = subprocess.run([*enter, "ip", *arguments], capture_output=True, text=True)
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
