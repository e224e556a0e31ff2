"""What docs/dependencies.md and the commands about packages say."""

import pathlib
import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tools import audit, licences

_ROOT = pathlib.Path(__file__).parents[2]
_NAMED = ("tfx", "tensorflow", "apache-beam", "kfp")


_INSTALLED = ("requirements.in", "requirements-exports.in", "requirements-experiments.txt")


def _direct(*names):
    lines = [line for name in names for line in (_ROOT / name).read_text().splitlines()]
    return [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]


def test_every_direct_package_is_explained_and_no_other():
    page = (_ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"(?m)^\| ([a-z][a-z0-9, -]+) \|", page.partition("## To run")[2])
    named = {name for row in rows for name in row.split(", ")} - {"package"}
    assert named == {each.name for each in _direct(*_INSTALLED, "requirements-sentences.txt")}


def test_the_versions_of_the_stacks_are_those_of_the_lock():
    page = (_ROOT / "docs" / "dependencies.md").read_text()
    lock = (_ROOT / "requirements.txt").read_text()
    for stack, marker in (("the new", ">="), ("the old", "<")):
        (row,) = re.findall(rf"(?m)^\| {stack} \| (.+) \|$", page)
        for name, said in zip(_NAMED, row.split(" | ")[:4], strict=True):
            (pinned,) = re.findall(
                rf"(?m)^{name}==(\S+) ; python_full_version {marker} '3\.11'$", lock
            )
            assert pinned == said, name


@pytest.mark.parametrize(
    ("name", "terms"), [("gensim", "LGPL"), ("tfx", "Apache"), ("rich", "MIT"), ("uv", "MIT")]
)
def test_licences_are_found(name, terms):
    assert terms in licences.licence(metadata.metadata(name))


def test_the_table_has_every_package(capsys):
    licences.main()
    names = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    here = {
        each.name for each in _direct(*_INSTALLED) if each.marker is None or each.marker.evaluate()
    }
    assert {name.lower() for name in here} - names == set()


def test_an_audit_without_its_service_says_so(monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(audit.socket, "create_connection", refuse)
    assert audit.main("uv") == 0
    assert capsys.readouterr().out == (
        "No audit: api.osv.dev, which lists vulnerabilities, cannot be reached (no route).\n"
    )
