"""Asks for known vulnerabilities of the pinned packages, with pip-audit, which uv fetches.

Exit code 1 if there are some; 0 with a word where the service cannot be reached.
"""

from __future__ import annotations

import pathlib
import socket
import subprocess
import sys

_SERVICE = "api.osv.dev"
_PIP_AUDIT = "pip-audit==2.10.1"


def main(uv: str) -> int:
    """Audits the locks for the Python that runs this; returns the exit code."""
    try:
        socket.create_connection((_SERVICE, 443), timeout=20).close()
    except OSError as error:
        print(f"No audit: {_SERVICE}, which lists vulnerabilities, cannot be reached ({error}).")
        return 0
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    audit = [uv, "tool", "run", "--quiet", "--python", python, _PIP_AUDIT, "--progress-spinner=off"]
    audit += ["--vulnerability-service=osv", "--disable-pip", "--no-deps", "--requirement"]
    for lock in sorted(pathlib.Path(__file__).resolve().parents[1].glob("requirements*.txt")):
        if code := subprocess.run([*audit, str(lock)]).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
