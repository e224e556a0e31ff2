"""The documentation: short where it must be, current, and without a link into nothing."""

import itertools
import json
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml
from markdown_it import MarkdownIt

from docs import generate_results
from docs.generate_configuration import EXAMPLE, PAGE, configuration_page
from docs.generate_results import PAGES, results_page
from pipeline.config import load_config

_ROOT = pathlib.Path(__file__).parents[2]
_PAGES = [*sorted(_ROOT.glob("*.md")), *sorted((_ROOT / "docs").glob("*.md"))]
_PARSER = MarkdownIt("commonmark").enable("table")


def _inline_tokens(page):
    for block in _PARSER.parse(page.read_text(encoding="utf-8")):
        yield from block.children or ()


def _links(page):
    """The targets of a page's links and pictures."""
    targets = [token.attrs.get("href", token.attrs.get("src")) for token in _inline_tokens(page)]
    return [str(target) for target in targets if target]


def _anchors(page):
    """The anchors that the repository's pages and the site give to a page's headings."""
    blocks = _PARSER.parse(page.read_text(encoding="utf-8"))
    titles = [
        "".join(part.content for part in following.children)
        for block, following in itertools.pairwise(blocks)
        if block.type == "heading_open"
    ]
    return {
        "".join(c for c in title.lower() if c.isalnum() or c in " _-").replace(" ", "-")
        for title in titles
    }


def _broken_links(page):
    broken = []
    for target in _links(page):
        if "://" in target:
            continue  # Nothing outside of the repository is asked.
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.is_file() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    return broken


def _build(source, output):
    """Runs Sphinx as `make docs` does."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    return subprocess.run([*command, source, output], capture_output=True, text=True, check=False)


def test_readme_is_short():
    assert len((_ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 180


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_relative_links_resolve(page):
    assert _broken_links(page) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b_c`, d\n\n[a](#a-b_c-d) [b](#b) [c](page.md) [d](none.md) ![e](none.svg)\n\n"
        "    [not](a.link)\n\n| |\n|---|\n| [f](none.yaml) |\n"
    )
    assert _broken_links(page) == ["#b", "none.md", "none.svg", "none.yaml"]


def test_configuration_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == configuration_page(), (
        "run: python -m docs.generate_configuration"
    )


@pytest.mark.parametrize("name", PAGES)
def test_results_are_those_that_were_measured(name):
    assert (_ROOT / name).read_text(encoding="utf-8") == results_page(name), (
        "run: python -m docs.generate_results"
    )


def test_rows_that_were_not_measured_are_named(monkeypatch, tmp_path):
    figure = {"value": 0.75, "low": 0.7, "high": 0.8}
    measured = {"figures": {"monk": figure, "mean": figure}, "seeds": [0, 1], "seconds": 12.3}
    report = {
        "data": "poetry",
        "date": "2026-11-29",
        "users": {"train": 1770, "validation": 100, "eval": 473},
        "text": {"language": "characters", "ngrams": 2},
        "encoder": {"max_epochs": 4},
        "rows": {
            "tfidf": {**measured, "above": {"value": -0.01, "low": -0.02, "high": 0.001}},
            "sumn": {**measured, "above": None},
            "textcnn": {**measured, "above": None, "budget": "1 learning rate, at most 3 epochs"},
            "bert": {"missing": "keras_hub is not installed"},
        },
    }
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "poetry.json").write_text(json.dumps(report))
    monkeypatch.setattr(generate_results, "RESULTS", tmp_path)
    page = generate_results._rows_of_the_paper()
    assert (
        "| TF-IDF with phrases, logistic regression | 0.750 | 0.750 (0.700 to 0.800) "
        "| -0.010 (-0.020 to +0.001) | 2 | 12 |"
    ) in page
    assert "| SUMN | 0.750 | 0.750 (0.700 to 0.800) |  | 2 | 12 |" in page
    assert "| TextCNN (supervised), 1 learning rate, at most 3 epochs | 0.750 |" in page
    assert "train for at most 4 epochs" in page
    assert "BERT (masked words, then supervised) (keras_hub is not installed)" in page
    # Those without a reason of their own stand together.
    assert "SUMN-ID; SUMN-MEAN; SUMN-MAX" in page
    assert "HAN (supervised); BERT" not in page
    assert page.count("No row was measured.") == 2


def test_a_page_without_marks_is_named(monkeypatch):
    monkeypatch.setitem(PAGES, "CONTRIBUTING.md", {"": "summary"})
    with pytest.raises(ValueError, match=r"CONTRIBUTING\.md lacks the lines <!-- from python"):
        results_page("CONTRIBUTING.md")


def test_configuration_page_has_a_valid_example(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(EXAMPLE)
    assert load_config(str(path)).evaluation.min_auc_of("age_range") == 0.7
    assert EXAMPLE in configuration_page()


def test_site_builds(tmp_path):
    result = _build(_ROOT / "docs", tmp_path)
    assert result.returncode == 0, result.stderr
    pages = {page.with_suffix(".html").name for page in (_ROOT / "docs").glob("*.md")}
    assert pages <= {page.name for page in tmp_path.glob("*.html")}


@pytest.mark.parametrize("link", ["none.md", "index.md#none", "../none.yaml", "#none"])
def test_site_with_a_broken_link_does_not_build(tmp_path, link):
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(_ROOT / "docs" / "conf.py", source)
    (source / "_static").mkdir()
    (source / "_static" / "tables.css").touch()
    (source / "index.md").write_text(f"# Page\n\n[link]({link})\n")
    result = _build(source, tmp_path / "site")
    assert result.returncode != 0
    assert link.split("#")[-1] in result.stderr


def test_makefile_builds_the_site_the_same_way():
    assert "sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build" in (
        _ROOT / "Makefile"
    ).read_text(encoding="utf-8")


def test_every_page_is_in_the_index():
    index = (_ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (_ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in index


def test_yaml_of_the_pages_is_valid():
    for page in _PAGES:
        for block in _PARSER.parse(page.read_text(encoding="utf-8")):
            if block.type == "fence" and block.info.strip() == "yaml":
                yaml.safe_load(block.content)
