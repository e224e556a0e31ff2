"""Figures as SVG inside the page: the same data, the same bytes, and the page's own colours."""

from __future__ import annotations

import contextlib
import io
import re

import matplotlib
from matplotlib.figure import Figure

INK, MUTED, LINE, GOOD, BAD = "#010101", "#020202", "#030303", "#040404", "#050505"
"""Stand for the page's colours, which differ by light and dark; see `_COLOURS`."""

SERIES = ("#060606", "#070707", "#080808", "#090909", "#0a0a0a", "#0b0b0b")
"""Colours of what is told apart; always with a shape or a name beside it."""

_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES)},
}
_STYLE = {
    "svg.hashsalt": "audit",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "legend.frameon": False,
}


def style() -> contextlib.AbstractContextManager[None]:
    """Returns the context in which figures of the page are drawn."""
    context: contextlib.AbstractContextManager[None] = matplotlib.rc_context(_STYLE)
    return context


def to_svg(figure: Figure, name: str, alternative: str) -> str:
    """A figure as an element of the page.

    Args:
        figure: Drawn in `style`.
        name: Tells its ids from those of other figures.
        alternative: What it shows, for those who do not see it.

    Returns:
        `<svg role="img">` with a title, as wide as its place allows.
    """
    stream = io.StringIO()
    with style():
        # matplotlib writes its own name and the time otherwise.
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{name}-", svg)
    for placeholder, colour in _COLOURS.items():
        svg = svg.replace(placeholder, colour)
    title = f'<title id="{name}">{_escaped(alternative)}</title>'
    head, _, rest = svg.partition(">")
    head = re.sub(r'\s(width|height|xmlns\S*|version)="[^"]*"', "", head)
    return f'{head} role="img" aria-labelledby="{name}">{title}{rest}'.rstrip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
