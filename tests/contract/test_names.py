"""No name of the contract is written a second time: elsewhere its constant stands."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

from contract import features, signatures, splits
from contract.splits import SPLITS

_ROOT = pathlib.Path(__file__).parents[2]
_ROOMS = (
    *(
        "audit",
        "benchmarks",
        "components",
        "experiments",
        "ingestion",
        "kubeflow",
        "pipeline",
        "serving",
    ),
    "trainer",
)
_NAMES = {
    value
    for module in (features, signatures, splits)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
}
_WEIGHT = features.weight_name("")
# TFX's name for the folder of a split.
_FOLDERS = {f"Split-{split}" for split in SPLITS}

# What only looks like a name of the contract.
_OTHER_MEANINGS = {
    ("benchmarks/warm_start.py", "examples"): "TFX's name for a folder of artifacts",
    ("serving/__main__.py", "user_vectors"): "a table in a store of vectors",
    ("audit/checks.py", "history"): "a key of `data.division`",
    ("audit/checks.py", "target"): "a key of `data.division`",
    ("audit/training_section.py", "train"): "Keras' name for a folder of TensorBoard's logs",
    ("audit/training_section.py", "validation"): "Keras' name for a folder of TensorBoard's logs",
    ("audit/export/croissant.py", "user_id"): "a key of `data.columns`",
    ("audit/data_section.py", "examples"): "a key of the ingestion's report: users by split",
    ("experiments/datasets/amazon.py", "history"): "a key of `data.division`",
    ("experiments/datasets/amazon.py", "target"): "a key of `data.division`",
    ("experiments/datasets/pan17.py", "train"): "what the paper calls its users",
    ("experiments/datasets/twitter.py", "history"): "a key of `data.division`",
    ("experiments/datasets/twitter.py", "target"): "a key of `data.division`",
    ("benchmarks/audit_scale.py", "examples"): "a key of the ingestion's report: users by split",
    ("experiments/labelled_users.py", "examples"): "TFX's name for what an ExampleGen writes",
    ("pipeline/pipeline.py", "examples"): "TFX's name for what an ExampleGen writes",
    ("serving/dev_server/inference.py", "examples"): "a key of TF Serving's REST requests",
    ("serving/__main__.py", "encode"): "a command",
    ("serving/__main__.py", "target"): "an argument of a command: a server's address",
    ("serving/__main__.py", "user_id"): "an argument of a command",
    ("serving/bulk/vectors.py", "behaviors"): "a column of the vectors' files: a number, no texts",
}


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*.py")):
            yield path.relative_to(_ROOT).as_posix(), ast.parse(path.read_bytes())


def _literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields line and text of every string, docstrings left out; of an f-string, its parts."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str):
                yield node.lineno, node.value
            elif isinstance(node.value, bytes):
                yield node.lineno, node.value.decode(errors="replace")


def _is_of_the_contract(text: str) -> bool:
    return text in _NAMES | _FOLDERS or text.endswith(_WEIGHT)


def _exit_codes(tree: ast.AST) -> Iterator[int]:
    """Yields the lines where an exit code is a number instead of one of `contract.exit_codes`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "SystemExit"):
            if any(_is_number(argument) for argument in node.args):
                yield node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (ast.unparse(target).lstrip("_") for target in targets)
            if _is_number(node.value) and any(name.startswith("EXIT") for name in names):
                yield node.lineno
        elif isinstance(node, ast.FunctionDef) and "exit code" in (ast.get_docstring(node) or ""):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and _is_number(inner.value):
                    yield inner.lineno


def _is_number(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def test_names_are_written_in_the_contract_alone():
    found = [
        f"{path}:{line}: {text!r}"
        for path, tree in _sources()
        for line, text in _literals(tree)
        if _is_of_the_contract(text) and (path, text) not in _OTHER_MEANINGS
    ]
    assert not found, "Import the constant from `contract`:\n" + "\n".join(found)


def test_exceptions_are_still_there():
    found = {(path, text) for path, tree in _sources() for _, text in _literals(tree)}
    assert found >= _OTHER_MEANINGS.keys()


def test_exit_codes_are_those_of_the_contract():
    found = [f"{path}:{line}" for path, tree in _sources() for line in _exit_codes(tree)]
    assert not found, "Import `contract.exit_codes`:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('x = 1\nname = "user_vector"', 2),
        ('def f():\n    """history"""\n    return {"history": 1}', 3),
        ('f"{task}_weight"', 1),
        ('x = "likes_weight"', 1),
        ('x = b"behaviors"', 1),
        ('path / "Split-eval"', 1),
    ],
)
def test_a_second_name_is_found(source, line):
    literals = list(_literals(ast.parse(source)))
    assert [n for n, text in literals if _is_of_the_contract(text)] == [line]


@pytest.mark.parametrize("source", ['"""history"""', "history = f(user_id=target)", '"a history"'])
def test_docstrings_identifiers_and_prose_are_no_names(source):
    literals = _literals(ast.parse(source))
    assert not [text for _, text in literals if _is_of_the_contract(text)]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("sys.exit(2)", [1]),
        ("raise SystemExit(1)", [1]),
        ("_EXIT_USAGE = 2", [1]),
        ("EXIT: int = 2", [1]),
        ('def f():\n    """Returns the exit code."""\n    return 2', [3]),
        ('def f():\n    """Returns the number."""\n    return 2', []),
        ("sys.exit(main())", []),
        ('sys.exit("It failed.")', []),
        ("sys.exit(exit_codes.FAILED)", []),
    ],
)
def test_a_number_for_an_exit_code_is_found(source, lines):
    assert list(_exit_codes(ast.parse(source))) == lines
