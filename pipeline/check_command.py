"""The `check` command: every mistake of a configuration and of the data it names."""

from __future__ import annotations

from rich.console import Console

from contract import exit_codes
from pipeline.config import ConfigError, load_config, load_data_sections
from pipeline.data_check import data_mistakes, few_users_warning
from pipeline.run_command import check_environment


def check(config_file: str, data_folder: str | None = None) -> int:
    """Checks a configuration, what it needs of this machine, and the data's first rows.

    Args:
        config_file: The pipeline's YAML file.
        data_folder: That the paths of the data count from; None: the configuration's folder.

    Returns:
        The exit code: `exit_codes.OK`.

    Raises:
        ConfigError: There are mistakes; the message names all of them.
    """
    errors = []
    try:
        config = load_config(config_file, data_folder)
    except ConfigError as error:
        errors.append(str(error))
    else:
        try:
            check_environment(config)
        except ConfigError as error:
            errors.append(f"{config_file}:\n  {error}")
    sections = load_data_sections(config_file, data_folder)
    # Files that are missing have been named.
    if sections and not any("data.events:" in e or "data.labels:" in e for e in errors):
        mistakes = data_mistakes(*sections)
        if mistakes and not errors:
            errors.append(f"{config_file}:")
        errors += [f"  {mistake}" for mistake in mistakes]
    if errors:
        raise ConfigError("\n".join(errors))
    print(f"{config_file}: valid; pipeline {config.name}, tasks {', '.join(config.tasks)}")
    console = Console(stderr=True, highlight=False)
    with console.status("counting users") as status:
        warning = few_users_warning(config.encoder, config.data, status.update)
    if warning:
        console.print(f"warning: {warning}", soft_wrap=True, markup=False)
    return exit_codes.OK
