"""Writes docs/paper_small.md: what every command of the paper prints with --small.

    python -m docs.generate_small --output FOLDER

FOLDER keeps what was measured, so that a command that was killed goes on where it was. A test
compares the form of the page, not the numbers, with what the commands write.
"""

from __future__ import annotations

import argparse
import pathlib

from experiments.__main__ import main as experiments

PAGE = pathlib.Path(__file__).parent / "paper_small.md"
COMMANDS = (
    *("table2", "table3", "table4", "table5", "rows"),
    *("figure2", "figure3", "hops", "weekly", "training-time"),
)

_BEGINNING = """\
# The paper's commands on generated logs

What each command of [the paper](paper.md) writes with `--small`: 300 generated users, an encoder of
16 numbers that is trained for one epoch, one seed, 50 draws of the bootstrap. It shows what the
output looks like and says nothing of the models.

    python -m docs.generate_small --output runs/small
"""


def page(outputs: dict[str, str]) -> str:
    """The page of what the commands wrote.

    Args:
        outputs: Command to its table in Markdown; those that were not run are named.
    """
    missing = ", ".join(f"`{name}`" for name in COMMANDS if name not in outputs)
    said = [f"Not run for this page: {missing}.\n"] if missing else []
    parts = [
        f"## `{name}`\n\n    python -m experiments {name} --small --output runs/small\n\n"
        # Its title is a heading below the command's.
        + text.replace("# ", "### ", 1)
        for name, text in outputs.items()
    ]
    return "\n".join([_BEGINNING, *said, *parts])


def main() -> None:
    """Runs every command and writes the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", required=True, metavar="FOLDER", help="for what is measured")
    parser.add_argument(
        "--commands", nargs="+", choices=COMMANDS, default=COMMANDS, help="(default: all)"
    )
    args = parser.parse_args()
    folder = pathlib.Path(args.output)
    for name in args.commands:
        if code := experiments([name, "--small", "--output", str(folder)]):
            raise SystemExit(code)
    PAGE.write_text(page({name: (folder / f"{name}.md").read_text() for name in args.commands}))


if __name__ == "__main__":
    main()
