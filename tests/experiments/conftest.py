"""The small data of `--small`, prepared once for all tests of this folder."""

import pytest

from experiments import labelled_users
from experiments.datasets.writer import CONFIG
from experiments.paper.small import write_small
from pipeline.config import load_config


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    """What every command of the paper writes its small data into, and keeps its rows in."""
    folder = tmp_path_factory.mktemp("small")
    write_small(folder / "data")
    return folder


@pytest.fixture(scope="session")
def small_config(small_folder):
    """The configuration of the small data."""
    return load_config(str(small_folder / "data" / CONFIG))


@pytest.fixture(scope="session")
def small_data(small_folder, small_config):
    """The small data, prepared by the pipeline's own components."""
    return labelled_users.prepare(small_config, str(small_folder / "prepared"))
