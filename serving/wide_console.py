"""Tables for people and for pipes."""

from __future__ import annotations

from rich.console import Console

_WIDE = 10_000


def wide_console() -> Console:
    """A console on stdout that cuts nothing off where no terminal limits its width."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)
