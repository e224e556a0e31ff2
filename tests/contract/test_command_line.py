"""How all command lines look and end."""

import pytest

from contract import exit_codes
from contract.command_line import CommandLine
from contract.errors import UsageError, UserError


class _NotBlessedError(UserError):
    """Has an exit code of its own."""

    exit_code = exit_codes.NOT_BLESSED


def _run(arguments, run):
    """Runs a command line of two commands, `greet NAME` and `leave`, that both call `run`."""
    command_line = CommandLine("python -m greetings", "Greets.\n\n  python -m greetings greet you")
    greet = command_line.add("greet", run, "greet a person", epilog="Names are\n  free.")
    greet.add_argument("name", help="whom")
    command_line.add("leave", run, "leave", description="Goes away for good.")
    return command_line.main(arguments)


def _raising(error):
    def run(args):
        raise error

    return run


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_commands_exit_code_is_returned(code):
    assert _run(["leave"], lambda args: code) == code


def test_a_command_gets_its_arguments():
    names = []
    assert _run(["greet", "Ada"], lambda args: names.append(args.name) or 0) == 0
    assert names == ["Ada"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["greet"], "the following arguments are required: name"),
        (["dance"], "invalid choice: 'dance'"),
        (["leave", "--now"], "unrecognized arguments: --now"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        _run(arguments, _raising(AssertionError("must not run")))
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "usage: python -m greetings" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [(UserError("No data."), 1), (UsageError("No data."), 2), (_NotBlessedError("No data."), 3)],
)
def test_an_error_for_people_is_printed_and_has_its_exit_code(error, code, capsys):
    assert _run(["leave"], _raising(error)) == code
    printed = capsys.readouterr()
    assert printed.err == "error: No data.\n"
    assert printed.out == ""


def test_an_interruption_ends_with_130(capsys):
    assert _run(["leave"], _raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        _run(["leave"], _raising(ZeroDivisionError()))


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["--help"], ["greet a person", "leave", "\n  python -m greetings greet you\n"]),
        (["greet", "--help"], ["Greet a person.", "whom", "Names are\n  free."]),
        (["leave", "--help"], ["Goes away for good."]),
    ],
)
def test_help_names_every_command(arguments, texts, capsys):
    with pytest.raises(SystemExit) as caught:
        _run(arguments, _raising(AssertionError("must not run")))
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    for text in texts:
        assert text in printed


def test_exit_codes():
    # Scripts depend on these numbers; 128 and the signal's number is the shell's way.
    assert (exit_codes.OK, exit_codes.FAILED, exit_codes.USAGE) == (0, 1, 2)
    assert exit_codes.NOT_BLESSED == 3
    assert exit_codes.INTERRUPTED == 128 + 2
    assert exit_codes.TERMINATED == 128 + 15
