"""Prints name, version and licence of every installed package, as its metadata says."""

from __future__ import annotations

from importlib import metadata

_CLASSIFIER = "License :: OSI Approved :: "


def licence(package: metadata.PackageMetadata) -> str:
    """The licence in one line; `unknown` where the metadata says nothing."""
    if expression := package.get("License-Expression"):
        return expression
    classifiers = package.get_all("Classifier") or []
    names = [name.removeprefix(_CLASSIFIER) for name in classifiers if name.startswith(_CLASSIFIER)]
    # Some put the whole text here.
    first_line = (package.get("License") or "").strip().partition("\n")[0]
    return ", ".join(names) or first_line or "unknown"


def main() -> None:
    """Prints the table."""
    rows = sorted(
        (
            package.metadata["Name"].lower().replace("_", "-"),
            package.version,
            licence(package.metadata),
        )
        for package in metadata.distributions()
    )
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, version, terms in rows:
        print(f"{name:{widths[0]}}  {version:{widths[1]}}  {terms}")


if __name__ == "__main__":
    main()
