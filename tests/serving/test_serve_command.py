"""What `serve` refuses before it loads TensorFlow."""

import socket

import pytest

from serving.__main__ import main


@pytest.fixture
def model_dir(tmp_path):
    version = tmp_path / "shop" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    return version.parent


@pytest.mark.parametrize(
    ("taken", "free"), [("--port", "--rest-api-port"), ("--rest-api-port", "--port")]
)
def test_a_port_that_is_taken(model_dir, capsys, taken, free):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", str(model_dir), taken, str(port), free, "0"]) == 2
    error = capsys.readouterr().err
    assert f"{taken} {port} on 127.0.0.1: Address already in use" in error
    assert f"choose another {taken} (0: a free one)" in error


def test_a_host_of_another_machine(model_dir, capsys):
    arguments = ["--host", "192.0.2.1", "--port", "0", "--rest-api-port", "0"]
    assert main(["serve", str(model_dir), *arguments]) == 2
    assert "--port 0 on 192.0.2.1: Cannot assign requested address" in capsys.readouterr().err


def test_the_folder_above_a_models(model_dir, capsys):
    assert main(["serve", str(model_dir.parent)]) == 2
    assert f"have: give {model_dir}" in capsys.readouterr().err


def test_one_version(model_dir, capsys):
    assert main(["serve", str(model_dir / "1")]) == 2
    assert "is one version; give the folder of versions" in capsys.readouterr().err
