"""The command that asks a server about one user."""

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


@pytest.mark.parametrize(
    ("timestamps", "message"),
    [
        (["5"], "--timestamps has 1 values for 2 texts; give one for every text"),
        (["5", "soon"], "--timestamps: bad timestamp: 'soon'. Write Unix seconds or ISO 8601"),
        (["5", "1700000000000"], "It looks like milliseconds: divide it by 1000."),
    ],
)
def test_bad_moments(shared_server, capsys, timestamps, message):
    assert _query(shared_server, "--timestamps", *timestamps) == exit_codes.USAGE
    assert message in " ".join(capsys.readouterr().err.split())
