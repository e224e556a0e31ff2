"""Chooses the files of the distribution; hatchling runs it, and it is not installed.

The package `contract` lies beside `serving` in a checkout, so outside the folder that is built. An
archive of the sources may hold nothing from outside, so there it lies inside.
"""

from __future__ import annotations

import pathlib
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HOOK = pathlib.Path(__file__).name


class ClientFiles(BuildHookInterface):
    """Adds the modules of `serving.client` and `contract`, with their markers of types."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Is called before the build.

        Args:
            version: "standard" or "editable".
            build_data: Its `force_include` is filled: file to place.

        Raises:
            FileNotFoundError: If this is neither a checkout nor an archive of the sources.
        """
        client = pathlib.Path(self.root)
        contract = self._contract(client)
        files: dict[str, str] = build_data["force_include"]
        if self.target_name == "sdist":
            files.update(_modules(contract, "contract"))
        elif version == "standard":  # An editable install needs no file but the path.
            # Neither `serving` nor `contract` gets an __init__.py: they are then namespace
            # packages, which give way to the regular packages of a checkout, wherever it is on
            # the path. Were one of them regular, an installed `contract` could be imported by a
            # checkout's `serving`, or the other way round.
            files.update(_modules(client, "serving/client"))
            files.update(_modules(contract, "contract"))
            del files[str(contract / "__init__.py")], files[str(client / _HOOK)]

    def _contract(self, client: pathlib.Path) -> pathlib.Path:
        for folder in (client / "contract", client.parents[1] / "contract"):
            if (folder / "signatures.py").is_file():
                return folder
        raise FileNotFoundError(
            "The package `contract` is missing. The client is built in a checkout of the whole "
            "project: pip install ./serving/client."
        )


def _modules(folder: pathlib.Path, place: str) -> dict[str, str]:
    return {
        str(file): f"{place}/{file.name}"
        for file in sorted(folder.iterdir())
        if file.suffix == ".py" or file.name == "py.typed"
    }
