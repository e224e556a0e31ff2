"""Digests of the project's own code, so that an edit invalidates exactly what depends on it.

TFX's cache compares inputs and parameters. Code behind a dotted path is neither; its digest is
therefore made a parameter.
"""

from __future__ import annotations

import ast
import hashlib
import pathlib

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_PACKAGES = (
    *("audit", "components", "contract", "experiments", "ingestion", "kubeflow", "pipeline"),
    *("serving", "trainer"),
)


def code_digest(*modules: str) -> str:
    """Digest of modules and of all modules of this project that they import, near or far.

    Args:
        *modules: Dotted names of modules of this project, such as `trainer.heads.training`.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: If there is no such module in this project.
    """
    for module in modules:
        if _source(module) is None:
            raise ValueError(f"{module} is no module of {', '.join(_PACKAGES)}.")
    found: dict[str, bytes] = {}
    waiting = [*modules]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None or name in found:
            continue
        source = path.read_bytes()
        found[name] = b"".join([source, *_data_of(path)])
        waiting += _imports(source, name, is_package=path.name == "__init__.py")
    digest = hashlib.sha256()
    for name, content in sorted(found.items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _source(module: str) -> pathlib.Path | None:
    """The file of a module of this project; None for everything else."""
    if module.split(".")[0] not in _PACKAGES:
        return None
    path = _ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _data_of(path: pathlib.Path) -> list[bytes]:
    """The files beside a module that have its name: `page.html.jinja` of `page.py`."""
    return [
        each.read_bytes() for each in sorted(path.parent.glob(f"{path.stem}.*")) if each != path
    ]


def _imports(source: bytes, module: str, is_package: bool) -> list[str]:
    """Names that a module imports; `from a import b` may mean the module a.b, so both count."""
    names = []
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join(filter(None, [*parts[: len(parts) - node.level + 1], base]))
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    # Importing a.b.c runs a and a.b too.
    return [
        ".".join(parts[:n])
        for parts in (x.split(".") for x in names)
        for n in range(1, len(parts) + 1)
    ]
