"""The `check` command: every mistake of a configuration and of the data it names."""

from __future__ import annotations

from rich.console import Console

from contract import exit_codes
from ingestion.files import describe_files
from pipeline.config import ConfigError, load_config, load_data_sections
from pipeline.data_check import few_users_warning, look_at_data
from pipeline.data_sample import files_to_look_at
from pipeline.run_command import environment_mistakes


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
    try:
        config = load_config(config_file, data_folder)
    except ConfigError as error:
        # The data can be looked at as far as the configuration says where they are.
        sections = load_data_sections(config_file, data_folder)
        mistakes = look_at_data(*sections).mistakes if sections else []
        raise ConfigError("\n  ".join([str(error), *mistakes])) from None
    found = look_at_data(config.data, config.tasks)
    if mistakes := environment_mistakes(config) + found.mistakes:
        raise ConfigError("\n  ".join([f"{config_file}:", *mistakes]))
    warnings = list(found.warnings)
    print(f"{config_file}: valid; pipeline {config.name}, tasks {', '.join(config.tasks)}")
    if files := describe_files(files_to_look_at(config.data.events, config.data.labels)):
        print(f"reads {files}")
    console = Console(stderr=True, highlight=False)
    with console.status("counting users") as status:
        if warning := few_users_warning(config.encoder, config.data, status.update):
            warnings.append(warning)
    for warning in warnings:
        console.print(f"warning: {warning}", soft_wrap=True, markup=False)
    return exit_codes.OK
