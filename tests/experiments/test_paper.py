"""The paper's tables and figures: their parts by hand, and every command with --small."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from contract.errors import UsageError
from docs.generate_small import PAGE
from experiments import labelled_users
from experiments.__main__ import main
from experiments.paper import figures, setting, svg, tables
from experiments.paper.measure import Rows, task_accuracy
from experiments.paper.rows import LABELS, PACKAGES, ROWS
from experiments.paper.weekly import mean_of
from experiments.paper.write import Grid, markdown
from experiments.representations import Model
from experiments.supervised import bert
from experiments.supervised.rows import with_budgets
from pipeline.config import PipelineConfig
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig

_FEW_ROWS = {"tfidf": "TF-IDF", "bert": "BERT", "sumn-mean": "SUMN-MEAN", "sumn": "SUMN"}
_SVG = "{http://www.w3.org/2000/svg}"


def test_accuracy_leaves_out_whose_label_is_missing():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    known = np.array([True, True, False])
    weights = np.array([[1, 1, 1], [3, 1, 9]])
    accuracy = task_accuracy(probabilities, np.array([0, 0, 1]), known, weights)
    np.testing.assert_allclose(accuracy, [0.5, 0.75])


def test_markdown():
    grid = Grid("Title", ["", "a|b"], [["row", "0.5"]], ["Note."], {})
    assert markdown(grid) == "# Title\n\n|  | a\\|b |\n| --- | --- |\n| row | 0.5 |\n\nNote.\n"


def test_lines_leave_out_what_is_unknown():
    drawing = ElementTree.fromstring(  # noqa: S314
        svg.lines("A <title>", ["1", "2"], {"x": [0.5, 0.7], "y": [float("nan"), 0.6]}, "AUC")
    )
    assert [len(p.get("points").split()) for p in drawing.iter(f"{_SVG}polyline")] == [2, 1]
    assert "A <title>" in [text.text for text in drawing.iter(f"{_SVG}text")]


def test_points_lie_within_the_frame():
    plane = np.array([[-3.0, 0.0], [5.0, 2.0]])
    drawing = ElementTree.fromstring(svg.points("Plane", {"users": plane}))  # noqa: S314
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in drawing.iter(f"{_SVG}circle")]
    assert places[0][0] < places[1][0]
    assert places[0][1] > places[1][1]  # Up is less in SVG.
    assert all(48 <= x <= 432 and 48 <= y <= 272 for x, y in places)


def test_weeks_are_pooled_user_by_user():
    vectors, owners = np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 2])
    np.testing.assert_array_equal(mean_of(vectors, owners, 3), [[2], [0], [5]])


def test_a_preset_of_the_whole_takes_the_place_of_what_is_configured():
    content = {
        "name": "shop",
        "data": {"events": "e.jsonl", "labels": "l.csv", "hold_out_eval": True},
        "tasks": {"likes": {"classes": ["0", "1"]}},
        "text": {"ngrams": 2},
        "encoder": {"preset": "small"},
    }
    config = setting.by_preset(PipelineConfig.model_validate(content), "paper")
    assert (config.encoder, config.heads) == (EncoderConfig(), HeadsConfig(preset="paper"))
    assert not config.data.ingestion.hold_out_eval
    assert (config.text.target_behaviors, config.text.ngrams) == ("all", 2)


def test_without_data_it_says_what_to_give(tmp_path, capsys):
    assert main(["table2", "--output", str(tmp_path)]) == 2
    assert "--data names the data set; --small does without" in capsys.readouterr().err


def _check_the_page(name, written):
    """That what the documentation prints of a command has the form of what it writes."""
    page = PAGE.read_text()
    if re.search(rf"(?m)^Not run for this page: .*`{name}`", page):
        return
    (printed,) = re.findall(rf"(?ms)^## `{name}`\n(.*?)(?=^## |\Z)", page)
    assert f"python -m experiments {name} --small" in printed
    titles = [re.search(r"(?m)^#+ (.*)$", text)[1] for text in (printed, written)]
    headers = [
        next(line for line in text.splitlines() if "|" in line) for text in (printed, written)
    ]
    for ours, theirs in (titles, headers):
        assert re.sub(r"[0-9]+", "#", ours) == re.sub(r"[0-9]+", "#", theirs)


def test_the_documentation_prints_every_row():
    (table,) = re.findall(r"(?ms)^## `table2`\n(.*?)(?=^## |\Z)", PAGE.read_text())
    printed = [line.split("|")[1].strip() for line in table.splitlines() if "|" in line]
    assert printed[2:] == list(LABELS.values())


@pytest.fixture
def run(small_folder, small_config, small_data, monkeypatch):
    """Returns a function that runs a command with --small on a few rows.

    All commands have one folder: what one has measured the next finds.
    """

    def prepare(config, folder):
        assert (config, folder) == (small_config, str(small_folder / "prepared"))
        return small_data

    monkeypatch.setattr(setting, "prepare", prepare)
    monkeypatch.setattr(bert, "LAYERS", 1)
    monkeypatch.setattr(tables, "LABELS", _FEW_ROWS)
    monkeypatch.setattr(figures, "VARIANTS", {"sumn-mean": {"aggregator": "mean"}})
    monkeypatch.setattr(figures, "_HOPS_OF_SMALL", (1,))

    def command(name, *more):
        if name in tables.TABLES:
            more = ("--budgets", "{bert: {rates: 1, epochs: 1}}", *more)
        assert main([name, "--small", "--output", str(small_folder), *more]) == 0
        _check_the_page(name, (small_folder / f"{name}.md").read_text())
        content = json.loads((small_folder / f"{name}.json").read_text())
        with open(small_folder / f"{name}.csv", newline="") as file:
            return content, list(csv.reader(file))

    return command


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        ("{han: 4}", r"write \{ROW: \{rates: 1, epochs: 4\}\}"),
        ("[han]", r"write \{ROW"),
        ("{han: {rates: 0, epochs: 4}}", "han: rates and epochs are whole numbers from 1"),
        ("{sumn: {rates: 1, epochs: 4}}", "a budget is for tfidf-mlp, textcnn, han, bert"),
    ],
)
def test_budgets_that_are_none(budgets, said):
    with pytest.raises(UsageError, match=said):
        with_budgets(setting.read_budgets(budgets))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["table2", "table3", "table4", "table5"])
def test_tables(run, small_folder, name, tmp_path, capsys):
    values = tmp_path / "values.yaml"
    values.write_text(f"{name}: {{users: '7 users', rows: {{sumn: {{mean: 0.8125}}}}}}\n")
    content, cells = run(name, "--paper-values", str(values))
    tasks = {"table3": ["likes_outdoor"], "table5": ["age_range"]}.get(
        name, ["likes_outdoor", "age_range"]
    )
    columns = [*tasks, "mean"]
    own = [cell for column in columns for cell in (column, "paper")]
    assert cells[0] == ["", *own, "SUMN above"]
    assert [row[0] for row in cells[1:]] == list(_FEW_ROWS.values())
    assert cells[-1][-2:] == ["0.8125", ""]
    assert content["metric"] == ("accuracy" if name in ("table4", "table5") else "auc")
    numbers = content["rows"]["tfidf"]["figures"]
    ahead = content["rows"]["tfidf"]["above"]["value"]
    ours = content["rows"]["sumn"]["figures"]["mean"]["value"]
    assert ahead == pytest.approx(ours - numbers["mean"]["value"])
    assert numbers["mean"]["value"] == pytest.approx(np.mean([numbers[t]["value"] for t in tasks]))
    assert numbers["mean"]["low"] <= numbers["mean"]["value"] <= numbers["mean"]["high"]
    assert sum(content["users"].values()) > 200
    printed = capsys.readouterr().out
    assert "The paper: 7 users." in printed
    assert "BERT: 1 learning rate, at most 1 epoch." in printed
    assert content["rows"]["bert"]["budget"] == "1 learning rate, at most 1 epoch"
    assert "budget" not in content["rows"]["tfidf"]
    assert "generated logs, which say nothing of it" in (small_folder / f"{name}.md").read_text()


@pytest.mark.slow
def test_rows_that_are_not_measured_are_named(run, small_folder, monkeypatch):
    run("table2")
    rows = {**_FEW_ROWS, "han": "HAN", "textcnn": "TextCNN", "tfidf-mlp": "MLP"}
    monkeypatch.setattr(tables, "LABELS", rows)
    monkeypatch.setitem(PACKAGES, "han", ("no_such_module", "install it so"))
    left_out = ("--left-out", "textcnn", "a day of one core")
    content, cells = run("rows", *left_out, "--rows", "tfidf", "han")
    why = "no_such_module is not installed: install it so"
    assert content["rows"]["han"] == {"missing": why}
    assert content["rows"]["textcnn"] == {"missing": "a day of one core"}
    # What another command measured is there.
    assert content["rows"]["bert"]["seeds"] == [0]
    assert cells[-1][1] == "not measured"
    text = (small_folder / "rows.md").read_text()
    assert f"HAN: not measured ({why})." in text
    assert "TextCNN: not measured (a day of one core)." in text
    assert "MLP: not measured (name it by --rows tfidf-mlp)." in text


@pytest.fixture
def logs(tmp_path):
    """A folder of events and labels."""
    event = '{"user_id": "a", "timestamp": 1, "text": "boots"}\n'
    (tmp_path / "events.jsonl").write_text(event)
    (tmp_path / "labels.csv").write_text("user_id,likes\na,1\nb,0\n")
    return tmp_path


def test_a_row_is_found_again_only_if_everything_is_the_same(logs, monkeypatch):
    made = []

    def evaluate(data, seed, heads, folder):
        made.append(seed)
        return {"likes": np.full((1, 2), 0.5)}

    evaluate.__module__ = "experiments.representations"
    row = Model("a row", evaluate)

    def measured(seed=0, row=row, text=None):
        monkeypatch.setitem(ROWS, "sumn", row)
        config = labelled_users.configuration(str(logs), text or {})
        before = len(made)
        found = Rows(None, config, logs / "rows", print).probabilities("sumn", seed)
        assert found["likes"].tolist() == [[0.5, 0.5]]
        return len(made) > before

    assert measured()
    assert not measured()
    assert measured(seed=1)
    assert measured(row=row._replace(description="other settings"))
    assert measured(text={"vocabulary_size": 7})
    monkeypatch.setattr(evaluate, "__module__", "experiments.supervised.rows")
    assert measured()
    with open(logs / "labels.csv", "a") as labels:
        labels.write("c,1\n")
    assert measured()
    assert not measured()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["figure2", "figure3", "hops", "weekly", "training-time"])
def test_figures(run, small_folder, name):
    content, cells = run(name)
    assert len(cells) > 1
    if name in ("figure2", "figure3", "hops"):
        ElementTree.parse(small_folder / f"{name}.svg")  # noqa: S314
    if name == "figure2":
        assert len(content["groups"]) == 4
        assert set(content["rows"]) == {"sumn", "sumn-mean", "sumn-max"}
    if name == "figure3":
        assert 0 < content["variance"] <= 1
        # Positives of the binary task, every class of the other.
        assert len(content["points"]) == 4
    if name == "hops":
        assert list(content["hops"]) == ["1"]
    if name == "weekly":
        assert content["weeks"] > 1
        assert content["rows"]["whole"] != content["rows"]["weeks"]
    if name == "training-time":
        assert content["rows"]["sumn-mean"]["epochs"] == 1
