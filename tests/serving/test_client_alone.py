"""The client without the project: installed into an empty environment, against a real server."""

import ast
import asyncio
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import zipfile

import pytest
import uv

from serving.client import AsyncUserEncoderClient, ModelNotFoundError, UserEncoderClient

_ROOT = pathlib.Path(__file__).parents[2]
_CLIENT = "sumn-user-encoder-client"
_BUILD_HOOK = "serving/client/hatch_build.py"
_HISTORIES = [["boots", "trail maps"], [], ["\ud800 odd", b"\xff\x00"], ["x" * 20], ["ü"] * 70]


@dataclasses.dataclass
class _Environment:
    """An environment with the client.

    Attributes:
        source: The copy of the checkout's files that it was built from.
        python: The interpreter.
        elsewhere: An empty folder to work in.
    """

    source: pathlib.Path
    python: pathlib.Path
    elsewhere: pathlib.Path

    def run(self, code, *arguments):
        """Runs a script and returns what it printed, as JSON."""
        environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
        run = subprocess.run(
            [self.python, "-c", textwrap.dedent(code), *arguments],
            capture_output=True,
            text=True,
            cwd=self.elsewhere,
            env=environment,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


def _uv(*arguments):
    return subprocess.run([uv.find_uv_bin(), *map(str, arguments)], capture_output=True, text=True)


def _files(*folders):
    """The files of the commit, and those that would be added to it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return sorted(file for file in listed if (_ROOT / file).is_file())


@pytest.fixture(scope="module")
def environment(tmp_path_factory, make_environment):
    """An environment with the client."""
    folder = tmp_path_factory.mktemp("alone")
    # A copy, so that nothing that a build leaves behind gets into the checkout.
    for file in _files("serving/client", "contract"):
        (folder / "source" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ROOT / file, folder / "source" / file)
    python = make_environment(
        ("grpcio", "protobuf", "numpy", "hatchling"), [folder / "source" / "serving" / "client"]
    )
    (folder / "elsewhere").mkdir()
    return _Environment(folder / "source", python, folder / "elsewhere")


def test_only_three_packages_are_needed(environment):
    installed = environment.run(
        """
        import importlib.metadata, json
        print(json.dumps([each.metadata["Name"] for each in importlib.metadata.distributions()]))
        """
    )
    names = {name.lower().replace("_", "-") for name in installed}
    # grpcio needs typing-extensions.
    assert names - {"typing-extensions"} == {_CLIENT, "grpcio", "protobuf", "numpy"}


def test_spans_need_a_package_more_which_the_error_names(environment):
    asked, message = environment.run(
        """
        import importlib.metadata, json
        import serving.client
        try:
            import serving.client.telemetry
        except ImportError as error:
            message = str(error)
        print(json.dumps([importlib.metadata.requires("sumn-user-encoder-client"), message]))
        """
    )
    assert [each for each in asked if each.startswith("opentelemetry")] == [
        "opentelemetry-api>=1.30; extra == 'opentelemetry'"
    ]
    assert "pip install 'sumn-user-encoder-client[opentelemetry]'" in message


def test_exactly_the_clients_files_are_installed(environment, tmp_path):
    installed = environment.run(
        f"""
        import importlib.metadata, json
        print(json.dumps([str(path) for path in importlib.metadata.files("{_CLIENT}")]))
        """
    )
    expected = {
        file
        for file in _files("serving/client", "contract")
        if file.endswith((".py", "py.typed")) and file not in (_BUILD_HOOK, "contract/__init__.py")
    }
    assert {path for path in installed if ".dist-info/" not in path} == expected
    # A wheel that is built from an archive of the sources is the same.
    built = _uv("build", "--out-dir", tmp_path, environment.source / "serving" / "client")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {path for path in archive.namelist() if ".dist-info/" not in path} == expected
    left = {
        str(path.relative_to(environment.source))
        for path in environment.source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert left == set(_files("serving/client", "contract"))


def test_installed_client_answers_as_the_projects(environment, shared_server):
    alone = environment.run(
        f"""
        import asyncio, dataclasses, json, sys

        import serving.client
        from serving.client import AsyncUserEncoderClient, ModelNotFoundError, UserEncoderClient

        target, histories = sys.argv[1], {_HISTORIES!a}

        async def run():
            async with AsyncUserEncoderClient(target, "letters") as client:
                return await client.encode(histories), await client.predict(histories)

        with UserEncoderClient(target, "letters") as client:
            metadata = client.wait_until_ready()
            vectors, predictions = client.encode(histories), client.predict(histories)
            nobody = client.encode([])
        later_vectors, later_predictions = asyncio.run(run())
        try:
            with UserEncoderClient(target, "other") as client:
                client.encode(histories)
        except ModelNotFoundError as error:
            message, code = str(error), error.code.name
        print(json.dumps(dict(
            file=serving.client.__file__,
            modules=sorted(set(name.split(".")[0] for name in sys.modules)),
            metadata=dataclasses.asdict(metadata),
            vectors=[str(vectors.dtype), vectors.tolist()],
            predictions={{task: values.tolist() for task, values in predictions.items()}},
            nobody=nobody.shape,
            later_vectors=[str(later_vectors.dtype), later_vectors.tolist()],
            later_predictions={{task: each.tolist() for task, each in later_predictions.items()}},
            message=message,
            code=code,
        )))
        """,
        shared_server.target,
    )

    async def run():
        async with AsyncUserEncoderClient(shared_server.target, "letters") as client:
            return await client.encode(_HISTORIES), await client.predict(_HISTORIES)

    with UserEncoderClient(shared_server.target, "letters") as client:
        metadata = client.wait_until_ready()
        vectors, predictions = client.encode(_HISTORIES), client.predict(_HISTORIES)
    later_vectors, later_predictions = asyncio.run(run())
    with (
        UserEncoderClient(shared_server.target, "other") as client,
        pytest.raises(ModelNotFoundError) as error,
    ):
        client.encode(_HISTORIES)

    assert pathlib.Path(alone["file"]).is_relative_to(environment.python.parents[1])
    assert not {"tensorflow", "keras", "tfx", "trainer", "pipeline"} & set(alone["modules"])
    assert vectors.shape == (5, 3)
    assert vectors[4].tolist() == [70, 140, 1]
    assert alone["vectors"] == [str(vectors.dtype), vectors.tolist()]
    assert alone["later_vectors"] == [str(later_vectors.dtype), later_vectors.tolist()]
    assert alone["predictions"] == {task: each.tolist() for task, each in predictions.items()}
    assert alone["later_predictions"] == {
        task: each.tolist() for task, each in later_predictions.items()
    }
    assert alone["nobody"] == [0, 3]
    # JSON has lists where the client has tuples.
    assert alone["metadata"] == json.loads(json.dumps(dataclasses.asdict(metadata)))
    assert (alone["message"], alone["code"]) == (str(error.value), "NOT_FOUND")


@pytest.mark.parametrize("place", ["insert(0, root)", "append(root)"])
def test_a_checkout_on_the_path_hides_the_installed_client(environment, place):
    files = environment.run(
        f"""
        import json, sys
        root = sys.argv[1]
        sys.path.{place}
        import contract.errors, serving.client, serving.releases
        print(json.dumps([each.__file__ for each in (contract.errors, serving, serving.client)]))
        """,
        str(_ROOT),
    )
    assert all(pathlib.Path(file).is_relative_to(_ROOT) for file in files), files


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("contract", ("contract",)),
        ("serving/client", ("contract", "google.protobuf", "grpc", "numpy", "serving.client")),
    ],
)
def test_what_the_modules_import(package, allowed):
    modules = [file for file in _files(package) if file.endswith(".py") and file != _BUILD_HOOK]
    assert modules
    for module in modules:
        optional = module == "serving/client/telemetry.py"
        for name in _imports((_ROOT / module).read_text()):
            known = name.split(".")[0] in sys.stdlib_module_names
            known |= optional and name.startswith("opentelemetry.")
            assert known or f"{name}.".startswith(tuple(f"{each}." for each in allowed)), (
                f"{module} imports {name}, which an installation of the client lacks"
            )


def _imports(source):
    """Full names of what a module imports, wherever in it; `from a import b` is a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{each.name}" for each in node.names)
