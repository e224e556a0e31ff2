"""Code digests change with what a module depends on, and with nothing else."""

import pytest

from pipeline import code_digest as module
from pipeline.code_digest import code_digest


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, content in {
        "trainer/__init__.py": "",
        "trainer/a.py": "from trainer import b\nimport os\n",
        "trainer/b.py": "from .deep.c import thing\n",
        "trainer/deep/__init__.py": "",
        "trainer/deep/c.py": "thing = 1\n",
        "trainer/other.py": "x = 1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    return tmp_path


def test_an_edit_far_down_changes_the_digest(project):
    before = code_digest("trainer.a")
    (project / "trainer/deep/c.py").write_text("thing = 2\n")
    assert code_digest("trainer.a") != before


def test_an_edit_of_a_package_changes_the_digest(project):
    before = code_digest("trainer.a")
    (project / "trainer/deep/__init__.py").write_text("y = 1\n")
    assert code_digest("trainer.a") != before


def test_an_edit_elsewhere_does_not(project):
    before = code_digest("trainer.a")
    (project / "trainer/other.py").write_text("x = 2\n")
    assert code_digest("trainer.a") == before


def test_unknown_modules_are_refused(project):
    with pytest.raises(ValueError, match=r"trainer\.nope is no module of"):
        code_digest("trainer.nope")


def test_heads_do_not_depend_on_the_encoder():
    """So that an edit of the encoder's code re-runs the heads by its result alone."""
    source = module._source("trainer.heads.run")
    assert not any(
        name.startswith("trainer.encoder")
        for name in module._imports(source.read_bytes(), "trainer.heads.run", False)
    )


def test_an_edit_of_a_file_that_a_module_reads_changes_the_digest(project):
    before = code_digest("trainer.a")
    (project / "trainer/b.html.jinja").write_text("<p>")
    assert code_digest("trainer.a") != before
