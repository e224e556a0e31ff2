"""The development server as a process of its own, to be measured."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parent.parent


class Server:
    """`python -m serving serve` as a process of its own."""

    def __init__(self, model_dir: str, *arguments: str):
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "serving", "serve", model_dir),
                *("--port=0", "--rest-api-port=0", *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=_ROOT,
        )
        for line in self.process.stdout or ():
            if line.startswith("REST"):
                self.rest = line.split()[1].removeprefix("http://").split("/")[0]
            if line.startswith("gRPC"):
                self.target = line.split()[1]
                return
        raise SystemExit(f"The server ended with exit code {self.process.wait()}.")

    def megabytes(self) -> float:
        """Resident memory."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """Of the processor, so far."""
        fields = (
            pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        )
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error) -> None:
        self.process.terminate()
        self.process.communicate()
