"""The command that asks a server about one user."""

import json

import pytest

from contract import exit_codes
from serving.__main__ import main


def _query(server, *arguments):
    return main(["query", server.target, "boots", "maps", "--model", "letters", *arguments])


def test_without_moments(shared_server, capsys):
    assert _query(shared_server) == exit_codes.OK
    # (2, 9, 1) is 9.274 long.
    assert "user vector: 3 numbers, norm 9.274 (letters version 1)" in capsys.readouterr().out


def test_with_moments(shared_server, capsys):
    arguments = ("--timestamps", "0", "1970-01-01T00:01:00Z")
    assert _query(shared_server, *arguments) == exit_codes.OK
    # (2, 9, 1 + 60) is 61.693 long.
    assert "norm 61.693" in capsys.readouterr().out


def test_the_model_card_names_the_classes(shared_server, tmp_path, capsys):
    version = tmp_path / "1"
    version.mkdir()
    (version / "saved_model.pb").touch()
    (version / "model_card.json").write_text('{"tasks": {"short": ["NO", "YES"]}}')
    assert _query(shared_server, "--model-dir", str(tmp_path)) == exit_codes.OK
    # 9 letters are short.
    assert "NO 0.000  YES 1.000" in capsys.readouterr().out
    assert _query(shared_server, "--model-dir", str(tmp_path), "--json") == exit_codes.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["tasks"] == {"short": {"NO": 0.0, "YES": 1.0}}
    assert answer["user_vector"] == [2.0, 9.0, 1.0]
    version.rename(tmp_path / "7")
    assert _query(shared_server, "--model-dir", str(tmp_path)) == exit_codes.USAGE
    assert "has no version 1, which the server has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("timestamps", "message"),
    [
        (["5"], "--timestamps has 1 values for 2 texts; give one for every text"),
        (["5", "soon"], "--timestamps: bad timestamp: 'soon'. Write Unix seconds or ISO 8601"),
        (["5", "1700000000000"], "1700000000000 looks like milliseconds, or finer"),
    ],
)
def test_bad_moments(shared_server, capsys, timestamps, message):
    assert _query(shared_server, "--timestamps", *timestamps) == exit_codes.USAGE
    assert message in " ".join(capsys.readouterr().err.split())
