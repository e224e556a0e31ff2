"""The calculator: what it adds up, what it says breaks first, and what it refuses."""

import json

import pytest
import yaml

from pipeline.__main__ import main
from pipeline.config import PipelineConfig
from pipeline.estimate.constants import constants
from pipeline.estimate.limits import limits
from pipeline.estimate.model import estimate
from pipeline.estimate.size import Machine, Size


@pytest.fixture
def config_file(tmp_path):
    file = tmp_path / "my.yaml"
    content = {"data": {"events": "e.jsonl", "labels": "l.csv"}, "tasks": {"parent": None}}
    file.write_text(yaml.safe_dump({"name": "shop", **content}))
    return str(file)


def _config(**sections):
    data = {"events": "e.jsonl", "labels": "l.csv"}
    return PipelineConfig.model_validate(
        {"name": "shop", "data": data, "tasks": {"parent": {}}, **sections}
    )


def test_costs_are_those_of_a_start_of_users_and_of_behaviours():
    known = constants()
    found = estimate(_config(), Size(1_000_000, 50), known)
    transform = known.cpu["Transform"]
    seconds = transform.start + 1e6 * transform.user + 5e7 * transform.event
    assert found.cpu_hours["Transform"] == pytest.approx(seconds / 3600)
    # An epoch is of the users that are trained on and of those that it is validated on.
    assert found.training_gpu_hours == pytest.approx(10 * 8e5 / 1616 / 3600)
    assert found.trainer_bytes == 0
    larger = estimate(_config(), Size(2_000_000, 50), known)
    assert larger.shuffle_bytes == pytest.approx(2 * found.shuffle_bytes, rel=0.01)


def test_training_grows_with_the_vocabulary_and_with_the_hops_that_have_a_loss():
    def hours(**sections):
        return estimate(_config(**sections), Size(10**6, 50), constants()).training_cpu_hours

    paper = hours()
    assert hours(text={"vocabulary_size": 500_000}) > 5 * paper
    assert hours(encoder={"supervised_hops": "last"}) < 0.5 * paper
    assert hours(encoder={"precision": "bfloat16"}) < paper


def test_more_users_break_other_things():
    def first(users, machine=Machine(), **sections):  # noqa: B008 - frozen
        found = estimate(_config(**sections), Size(users, 50), constants())
        top, *others = limits(found, machine)
        assert all(top.share >= other.share for other in others)
        return top

    assert first(10_000).share < 1
    assert first(1_000_000_000).share > 1
    # Word2Vec takes all training users' words at once.
    held = first(64_000_000, Machine(disk=1e15, hours=1e4), encoder={"preset": "medium"})
    assert held.name == "memory of the trainer"
    assert "preset: paper" in held.remedy


def test_the_command_prints_what_json_holds(config_file, capsys):
    size = ["--users", "1000000", "--behaviors", "50"]
    assert main(["estimate", config_file, *size, "--json", "--cpu-hour-price", "0.05"]) == 0
    found = json.loads(capsys.readouterr().out)
    whole = sum(found["estimate"]["cpu_hours"].values())
    assert found["money"]["data steps of a run"] == pytest.approx(0.05 * whole)
    assert found["constants"]["gpu_users"]["value"] == 1616
    assert main(["estimate", config_file, *size]) == 0
    text = capsys.readouterr().out
    assert "1,000,000 users, 50,000,000 behaviours, 5.0 GB of logs" in text
    assert "the paper's own speed" in text
    assert "No prices were given" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--users", "0", "--behaviors", "5"], "--users 0: at least 1 is needed"),
        (["--users", "9", "--behaviors", "nan"], "--behaviors nan: at least 1"),
        (["--users", "9", "--behaviors", "5", "--labelled", "2"], "a share is at most 1"),
        (["--users", "9", "--behaviors", "5", "--gpu-hour-price", "-1"], "price is below 0"),
    ],
)
def test_sizes_and_prices_that_cannot_be_are_refused(config_file, capsys, options, message):
    assert main(["estimate", config_file, *options]) == 2
    assert message in capsys.readouterr().err
