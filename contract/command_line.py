"""How all command lines look and end: one parser style, one place that prints errors."""

import argparse
import sys
from collections.abc import Callable, Sequence

from contract import exit_codes
from contract.errors import UserError

Command = Callable[[argparse.Namespace], int]


class CommandLine:
    """A command line of several commands.

    Args:
        prog: How it is called, such as `python -m pipeline`.
        description: What it is for, with examples; printed as it stands.
    """

    def __init__(self, prog: str, description: str):
        self._parser = argparse.ArgumentParser(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._commands = self._parser.add_subparsers(required=True, metavar="command")

    def add(
        self, name: str, run: Command, summary: str, *, description: str = "", epilog: str = ""
    ) -> argparse.ArgumentParser:
        """Adds a command.

        Args:
            name: Of the command.
            run: Is called with the parsed arguments and returns the exit code. It should import
                what is heavy itself, so that `--help` does not wait for it.
            summary: One line for the list of commands, without a full stop.
            description: For the command's own help; by default the summary, as a sentence.
            epilog: Below the options; printed as it stands.

        Returns:
            The command's parser, to which arguments are added.
        """
        command = self._commands.add_parser(
            name,
            help=summary,
            description=description or f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Parses the command line and runs one command.

        Args:
            arguments: Of the command line; None: those of this process.

        Returns:
            The exit code; a `UserError` is printed and has its own.
        """
        args = self._parser.parse_args(arguments)
        try:
            run: Command = args.run
            return run(args)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
        except KeyboardInterrupt:
            return exit_codes.INTERRUPTED
