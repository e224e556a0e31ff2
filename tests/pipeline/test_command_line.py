"""The command line, without TensorFlow."""

import subprocess
import sys

import pytest

from pipeline.__main__ import main
from tests.audit.signing import make_keys


@pytest.mark.parametrize("command", ["check", "run"])
def test_missing_input_is_named_before_anything_starts(tmp_path, capsys, command):
    path = tmp_path / "my.yaml"
    path.write_text("name: a\ndata: {events: none.jsonl, labels: none.csv}\ntasks: {t: }\n")
    arguments = [command, str(path)] + (
        ["--output", str(tmp_path / "o")] if command == "run" else []
    )
    assert main(arguments) == 2
    error = "".join(capsys.readouterr().err.split())
    assert f"data:Nofileofeventsmatches{tmp_path}/none.jsonl" in error


def _configuration(folder, section):
    (folder / "e.jsonl").write_text("{}\n")
    path = folder / "my.yaml"
    path.write_text(
        f"name: a\ndata: {{events: e.jsonl, labels: e.jsonl}}\ntasks: {{t: }}\n{section}\n"
    )
    return path


def test_a_missing_dictionary_is_named(tmp_path, capsys):
    path = _configuration(tmp_path, "text: {language: zh, jieba: {user_dictionary: words.txt}}")
    assert main(["check", str(path)]) == 2
    error = "".join(capsys.readouterr().err.split())
    assert f"text.jieba.user_dictionary:nofilematches{tmp_path}/words.txt" in error


def test_a_missing_password_is_named(tmp_path, capsys):
    path = _configuration(
        tmp_path,
        "metadata: {type: mysql, host: h, port: 3306, database: d, user: u, password_env: NOPE_X}",
    )
    assert main(["check", str(path)]) == 2
    assert "environment variable NOPE_X is not set" in capsys.readouterr().err


def test_a_key_that_cannot_sign_is_named_before_the_run(tmp_path, capsys):
    path = _configuration(tmp_path, "audit: {signing_key: team.pem, public_keys: [old.pub.pem]}")
    make_keys(tmp_path, password=b"x")
    assert main(["check", str(path)]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "audit.signing_key:" in error
    assert "protected by a password" in error
    assert "audit.public_keys: The key" in error


def test_options_explains_every_section(capsys):
    assert main(["options"]) == 0
    output = capsys.readouterr().out
    for key in ("max_bad_fraction", "vocabulary_size", "hops", "hidden_units", "min_auc", "runner"):
        assert key in output


def test_options_say_what_may_stand_there(capsys):
    assert main(["options"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    for text in (
        "division: How behaviours are divided into history and target. By its method: windows, "
        "fraction, random_cut.",
        "aggregator: What makes a user vector of a user's behaviours. [multi_hop | ",
        "[random | word2vec | lsa | word2vec+lsa] (default: random)",
        "metadata: By its type: sqlite, mysql, postgresql.",
        "max_auc_drop: ",
        "preset: Starts from a named configuration; keys beside it win over it. [paper | small",
        "small from 0 users",
        "# preset small: scale_attention: true, start_as_mean: true",
        "(default: null)",
    ):
        assert text in output


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["options"]])
def test_light_commands_import_no_tensorflow(arguments):
    code = (
        "import sys; from pipeline.__main__ import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'tfx', 'apache_beam', 'keras') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip().endswith("[]"), result


def test_mistakes_are_shown_letter_by_letter(tmp_path, capsys):
    """Square brackets are markup to the library that prints."""
    path = tmp_path / "my.yaml"
    path.write_text("name: My Shop\ndata: {events: a, labels: b}\ntasks: {t: }\n")
    assert main(["run", str(path), "--output", str(tmp_path / "o")]) == 2
    assert "match pattern '^[a-z][a-z0-9_-]{0,62}$'" in capsys.readouterr().err
