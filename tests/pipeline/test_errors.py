"""Every exception whose message is for people is a `UserError`, whatever room it is made in."""

import ast
import builtins
import pathlib

_ROOT = pathlib.Path(__file__).parents[2]
_ROOMS = ("audit", "components", "ingestion", "trainer", "serving", "pipeline", "kubeflow")

_INTERNAL = {
    "BadValue": "of one record; what is shown is counted in `DataError` and in the report",
    "BadVersionError": "of the development server, as `StatusError`",
    "_LineTooLong": "of one line; it is counted as a bad line",
    "StatusError": "of the development server; what is shown is the status of an answer",
    "StepError": "of one step run locally; what is shown is the `Outcome`",
    "Terminated": "ends a command as Ctrl-C does",
}
"""Exceptions that are caught by the project itself, and what becomes of them."""


def _classes(folders):
    """Name -> names of the bases, of all classes in all files below some folders."""
    classes = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                classes.setdefault(node.name, set()).update(bases)
    return classes


def _ancestors(name, classes):
    found, waiting = set(), [name]
    while waiting:
        above = classes.get(waiting.pop(), set()) - found
        found |= above
        waiting += above
    return found


def _is_exception(name):
    known = getattr(builtins, name, None)
    if isinstance(known, type):
        return issubclass(known, BaseException)
    return name.endswith(("Error", "Exception"))


def _exceptions(folders):
    """Name of each exception -> whether it is a `UserError`."""
    classes = _classes(folders)
    ancestors = {name: _ancestors(name, classes) for name in classes}
    return {
        name: "UserError" in above
        for name, above in ancestors.items()
        if any(_is_exception(each) for each in above)
    }


def test_messages_for_people_are_user_errors():
    exceptions = _exceptions([_ROOT / room for room in (*_ROOMS, "contract")])
    # `UserError` itself has only Python's above it.
    others = {name for name, is_user_error in exceptions.items() if not is_user_error}
    assert others == {"UserError", *_INTERNAL}
    assert len(exceptions) > 12


def test_an_exception_that_is_none_is_found(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text(
        "class UserError(Exception): pass\n"
        "class Told(errors.UserError): pass\n"
        "class Lost(errors.SomeError): pass\n"
        "def f():\n"
        "    class Inner(KeyError): pass\n"
        "class Plain(dict): pass\n"
    )
    (tmp_path / "room" / "b.py").write_text("class Deep(Told): pass\n")
    assert _exceptions([tmp_path / "room"]) == {
        "UserError": False,
        "Told": True,
        "Lost": False,
        "Inner": False,
        "Deep": True,
    }
