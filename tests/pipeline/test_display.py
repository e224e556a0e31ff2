"""What the user sees of a run, line by line."""

import io
import re
import types

import pytest
from rich.console import Console

from pipeline import display
from pipeline.display import RunDisplay, print_summary


@pytest.fixture
def shown(monkeypatch):
    """Returns a function that shows events and returns the lines that were seen.

    A number among the events lets so many seconds pass. On a terminal a line that was written over
    is one of those that were seen.
    """
    now = 0.0
    monkeypatch.setattr(display, "time", types.SimpleNamespace(monotonic=lambda: now))

    def show(*events, terminal=False):
        nonlocal now
        stream = io.StringIO()
        console = Console(file=stream, width=100, force_terminal=terminal, color_system=None)
        with RunDisplay(console) as run:
            for event in events:
                if isinstance(event, dict):
                    run.show(event)
                else:
                    now += event
        return _lines(stream.getvalue()) if terminal else stream.getvalue().splitlines()

    return show


def _lines(text):
    """The lines of a terminal, one after the other, without those that were drawn again."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    # The wheel that turns is in one of its positions.
    text = re.sub("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "*", text)
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return [line for line, before in zip(lines, ["", *lines], strict=False) if line != before]


def _start(component="Transform", number=9):
    return {"event": "start", "component": component, "number": number, "of": 14}


def _progress(text="5 of 7"):
    return {"event": "progress", "text": text}


def _end(state="ran", component="Transform", seconds=12.34, **more):
    return {"event": "end", "component": component, "seconds": seconds, "state": state, **more}


def _failed(component="Transform"):
    return {"event": "failed", "component": component, "error": "not shown here"}


def test_nothing_is_printed_before_something_ends(shown):
    assert shown() == []
    assert shown(_start(), _progress()) == []


def test_a_component_that_ran(shown):
    assert shown(_start(), 3, _progress("3 of 7"), 3, _progress(), _end()) == [
        "✓   [ 9/14] Transform                       12.3 s  5 of 7"
    ]


def test_progress_is_that_of_its_component(shown):
    lines = shown(_start("Encoder", 10), _progress(), _end(component="Encoder"), _start(), _end())
    assert lines == [
        "✓   [10/14] Encoder                         12.3 s  5 of 7",
        "✓   [ 9/14] Transform                       12.3 s  ",
    ]


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (_end("cached"), "unchanged, earlier result used"),
        (_end("resolved"), "looked up"),
        (_end("skipped"), "not run"),
        (_end("skipped", note="Transform did not end well"), "Transform did not end well"),
    ],
)
def test_earlier_results_are_told_apart(shown, end, text):
    assert shown(_start(), _progress(), end) == [
        f"=   [ 9/14] Transform                               {text}"
    ]


def test_a_failure(shown):
    assert shown(_start(), 61.25, _failed()) == [
        "✗   [ 9/14] Transform                       61.2 s  failed"
    ]


def test_a_component_that_never_started(shown):
    assert shown(_end("skipped", "Pusher")) == [
        "=           Pusher                                  not run"
    ]


def test_several_components_at_once(shown):
    lines = shown(_start("A", 1), 5, _start("B", 2), 5, _failed("A"), 5, _end(component="B"))
    assert lines == [
        "✗   [ 1/14] A                               10.0 s  failed",
        "✓   [ 2/14] B                               12.3 s  ",
    ]


def test_without_a_terminal_progress_is_printed_every_half_minute(shown):
    events = [_start()]
    for number in range(1, 8):
        events += [10, _progress(f"{number} of 7")]
    assert shown(*events) == [
        "... [ 9/14] Transform                               4 of 7",
    ]
    # The next component's half minute begins with it.
    assert shown(_start(), 29, _start("Pusher", 14), 29, _progress()) == []
    assert shown(_start(), 31, _progress("1"), 29, _progress("2"), 2, _progress("3")) == [
        "... [ 9/14] Transform                               1",
        "... [ 9/14] Transform                               3",
    ]


def test_a_terminal_shows_what_runs(shown):
    assert (
        shown(terminal=True)[-1]
        == "*         starting                        0.0 s  loading TensorFlow"
    )
    lines = shown(_start(), 3, _progress(), terminal=True)
    assert lines[-1] == "* [ 9/14] Transform                       3.0 s  5 of 7"


def test_a_terminal_keeps_the_lines_of_what_ended(shown):
    lines = shown(
        _start("Schema", 8),
        _end("cached", "Schema"),
        _start(),
        2,
        _progress(),
        _end(),
        _start("Encoder", 10),
        90,
        _failed("Encoder"),
        terminal=True,
    )
    kept = [line for line in lines if not line.startswith("*")]
    assert kept == [
        "=   [ 8/14] Schema                                  unchanged, earlier result used",
        "✓   [ 9/14] Transform                       12.3 s  5 of 7",
        "✗   [10/14] Encoder                         90.0 s  failed",
    ]


def test_brackets_in_a_text_are_shown_letter_by_letter(shown):
    assert shown(_start(), _progress("[red] of [/]"), _end())[0].endswith("  [red] of [/]")


_METRICS = {"example_count": 50, "sparse_categorical_accuracy": 0.75, "calibration": 1.1}
_PASSED = {**_METRICS, "auc": 0.9, "min_auc": 0.8, "blessed": True}
_FAILED = {**_METRICS, "auc": 0.6, "min_auc": 0.8, "baseline_auc": 0.7, "blessed": False}


def _summary(tasks, reasons, warnings=(), compatibility=None):
    stream = io.StringIO()
    summary = {"pipeline": "shop", "tasks": tasks, "reasons": reasons, "warnings": warnings}
    summary["compatibility"] = compatibility
    print_summary(Console(file=stream, width=100), summary)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


_TABLE = [
    "shop: users of the evaluation split",
    "┏━━━━━━┳━━━━━━━┳━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━━━┓",
    "┃ task ┃ users ┃   AUC ┃ at least ┃ last blessed ┃ accuracy ┃ calibration ┃ verdict ┃",
    "┡━━━━━━╇━━━━━━━╇━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━━━┩",
    "│ docs │    50 │ 0.900 │    0.800 │            - │    0.750 │       1.100 │ passed  │",
    "│ age  │    50 │ 0.600 │    0.800 │        0.700 │    0.750 │       1.100 │ failed  │",
    "└──────┴───────┴───────┴──────────┴──────────────┴──────────┴─────────────┴─────────┘",
]


def test_the_summary_says_what_a_model_means_for_users_of_the_last_ones_vectors():
    change = {
        "previous": {"path": "/serving/shop/7"},
        "aligned": {
            "mean_cosine": 0.98765,
            "neighbours_across": None,
            "old_heads": {"docs": 0.8},
        },
        "new_heads": {"docs": 0.9},
    }
    assert _summary({"docs": _PASSED}, [], compatibility=change)[-1] == (
        "aligned to version 7: mean cosine 0.988, share of the ten nearest found again undefined, "
        "AUC of its heads on the new vectors: docs 0.800 (new head 0.900)"
    )


def test_the_summary_of_a_blessed_model():
    assert _summary({"docs": _PASSED}, []) == [*_TABLE[:5], _TABLE[-1]]


def test_the_summary_says_what_is_undefined():
    assert "undefined" in _summary({"docs": {**_PASSED, "calibration": None}}, [])[4]


def test_the_summary_has_the_warnings_of_the_ingestion():
    lines = _summary({"docs": _PASSED}, [], ["7 of 9 (77.8%) files [copies]"])
    assert lines[-1] == "warning: 7 of 9 (77.8%) files [copies]"


def test_the_summary_names_failed_tasks_and_every_reason():
    reasons = [
        "age: auc is 0.600, at least 0.8 needed",
        "age: auc is 0.100 below the last blessed model's, allowed 0.05 [docs], which is a reason "
        "of more than one line's length",
    ]
    assert _summary({"docs": _PASSED, "age": _FAILED}, reasons) == [
        *_TABLE,
        f"not blessed: {reasons[0]}",
        f"not blessed: {reasons[1]}",
    ]


def test_a_note_takes_the_place_of_the_progress(shown):
    lines = shown(
        _start("Pusher"),
        _progress(),
        _end(component="Pusher", note="pushed as version 7"),
        _start("Pusher"),
        _end("skipped", "Pusher", note="nothing pushed: the model was not blessed"),
    )
    assert lines[0].startswith("✓")
    assert lines[0].endswith("12.3 s  pushed as version 7")
    assert lines[1].startswith("=")
    assert lines[1].endswith("nothing pushed: the model was not blessed")
