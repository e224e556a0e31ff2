"""Figures as SVG: lines over a few steps, and points."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

_WIDTH, _HEIGHT, _MARGIN, _LEGEND = 480, 320, 48, 150
_COLOURS = ("#1b6ca8", "#d1495b", "#3d8361", "#c58b1a", "#6d4c9f", "#555555")


def lines(
    title: str, steps: Sequence[str], series: Mapping[str, Sequence[float]], unit: str
) -> str:
    """A line for each series over the same steps.

    Args:
        title: Above the figure.
        steps: Names along the horizontal axis.
        series: Name to a number for each step; NaN is left out.
        unit: What the numbers are.

    Returns:
        The SVG document.
    """
    values = np.array([list(each) for each in series.values()], float)
    low, high = _span(values)
    x = np.linspace(_MARGIN, _WIDTH - _MARGIN, len(steps))
    parts = _frame(title, unit, low, high)
    for place, step in zip(x, steps, strict=True):
        parts.append(_text(place, _HEIGHT - _MARGIN + 16, step, "middle"))
    for number, (name, row) in enumerate(zip(series, values, strict=True)):
        y = _y(row, low, high)
        known = ~np.isnan(y)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[known], y[known], strict=True))
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>'
            for a, b in zip(x[known], y[known], strict=True)
        ]
        parts += _legend(number, name)
    return _document(parts)


def points(title: str, series: Mapping[str, np.ndarray]) -> str:
    """Points in the plane, a colour for each series.

    Args:
        title: Above the figure.
        series: Name to float [n, 2].

    Returns:
        The SVG document.
    """
    everything = np.concatenate(list(series.values()))
    (left, right), (low, high) = _span(everything[:, 0]), _span(everything[:, 1])
    parts = _frame(title, "second component", low, high)
    parts.append(_text(_WIDTH / 2, _HEIGHT - _MARGIN + 30, "first component", "middle"))
    for number, (name, plane) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        x = _MARGIN + (plane[:, 0] - left) / (right - left) * (_WIDTH - 2 * _MARGIN)
        y = _y(plane[:, 1], low, high)
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="{colour}" fill-opacity="0.5"/>'
            for a, b in zip(x, y, strict=True)
        ]
        parts += _legend(number, f"{name}, {len(plane):,} users")
    return _document(parts)


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _y(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return _HEIGHT - _MARGIN - (values - low) / (high - low) * (_HEIGHT - 2 * _MARGIN)


def _frame(title: str, unit: str, low: float, high: float) -> list[str]:
    bottom, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    parts = [_text(_MARGIN, 20, title, "start"), _text(_MARGIN, 38, unit, "start")]
    for value in np.linspace(low, high, 5):
        y = float(_y(np.array(value), low, high))
        parts.append(f'<path d="M{_MARGIN} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(_text(_MARGIN - 4, y + 4, f"{value:.3g}", "end"))
    parts.append(f'<path d="M{_MARGIN} {_MARGIN}V{bottom}H{right}" stroke="#333" fill="none"/>')
    return parts


def _legend(number: int, name: str) -> list[str]:
    x, y = _WIDTH - _MARGIN + 16, _MARGIN + 18 * number
    colour = _COLOURS[number % len(_COLOURS)]
    return [
        f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colour}"/>',
        _text(x + 16, y + 9, name, "start"),
    ]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _document(parts: list[str]) -> str:
    size = f'width="{_WIDTH + _LEGEND}" height="{_HEIGHT}"'
    style = 'font-family="sans-serif" font-size="11" fill="#222"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{background}\n{body}\n</svg>\n'
    )
