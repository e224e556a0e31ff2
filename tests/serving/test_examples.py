"""The examples in Go and Java: compiled, and run against the development server.

Where Go or Maven is missing, or does not reach what it downloads, the test is skipped.
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from serving.client.messages import PREDICT

_EXAMPLES = pathlib.Path(__file__).parents[2] / "serving" / "examples"
_UNREACHABLE = re.compile(
    r"403 Forbidden|404 Not Found|410 Gone|dial tcp|i/o timeout|download go\S+: .*not available"
    r"|Could not (?:transfer|find) artifact|Unknown host"
)
_TEXTS = ("boots", "trail maps")


def _run(folder, *command):
    """Runs a command in the folder of an example; skips where its tool or a download is missing."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed.")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    said = ended.stdout + ended.stderr
    if ended.returncode and _UNREACHABLE.search(said):
        pytest.skip(f"{' '.join(command)}: {' '.join(said.split())[:500]}")
    return ended


# Two texts of 15 bytes, and the model's scale: the norm is that of (2, 15, 1).
_ANSWER = "letters version 1: 3 numbers, norm 15.166, first 2.0000\n"


@pytest.mark.slow
@pytest.mark.one_stack
def test_go(shared_server, tmp_path):
    folder = shutil.copytree(_EXAMPLES / "go", tmp_path / "go")
    built = _run(folder, "go", "build", "-o", "example", ".")
    assert built.returncode == 0, built.stderr
    program, target = str(folder / "example"), shared_server.target
    called = _run(folder, program, target, "letters", *_TEXTS)
    assert (called.returncode, called.stdout) == (0, _ANSWER), called.stderr
    missing = _run(folder, program, target, "nobody")
    assert missing.returncode == 1
    assert "NotFound" in missing.stderr


@pytest.mark.slow
@pytest.mark.one_stack
def test_java(shared_server, tmp_path):
    folder = shutil.copytree(_EXAMPLES, tmp_path / "examples") / "java"
    texts = " ".join(f"'{text}'" for text in _TEXTS)
    arguments = f"-Dexec.args={shared_server.target} letters {texts}"
    called = _run(folder, "mvn", "-q", "-B", "-ntp", "compile", "exec:java", arguments)
    # Maven colours even nothing.
    answer = re.sub(r"\x1b\[[0-9;]*m", "", called.stdout)
    assert (called.returncode, answer) == (0, _ANSWER), called.stdout + called.stderr


@pytest.mark.parametrize("file", ["tensorflow.proto", "prediction_service.proto"])
def test_the_messages_are_those_of_tensorflow(file):
    from tensorflow.core.example import example_pb2
    from tensorflow_serving.apis import predict_pb2

    # Whatever protobuf: both modules fill this pool.
    assert predict_pb2.PredictRequest.DESCRIPTOR.file.pool is example_pb2.DESCRIPTOR.pool
    pool, source = example_pb2.DESCRIPTOR.pool, (_EXAMPLES / "proto" / file).read_text()
    (package,) = re.findall(r"^package (\S+);$", source, re.MULTILINE)
    scopes, compared = [package], 0
    for line in source.splitlines():
        if opened := re.match(r"\s*(message|enum|oneof|service) (\w+) \{", line):
            # The fields of a `oneof` are the message's.
            scopes.append(scopes[-1] if opened[1] == "oneof" else f"{scopes[-1]}.{opened[2]}")
        elif line.strip() == "}":
            scopes.pop()
        elif value := re.match(r"\s*(\w+) = (\d+);", line):
            official = pool.FindEnumTypeByName(scopes[-1]).values_by_name[value[1]]
            assert official.number == int(value[2]), line
            compared += 1
        elif field := re.match(r"\s*(repeated )?([\w.]+|map<.+>) (\w+) = (\d+);", line):
            official = pool.FindMessageTypeByName(scopes[-1]).fields_by_name[field[3]]
            assert official.number == int(field[4]), line
            is_map = field[2].startswith("map<")
            repeated = official.label == official.LABEL_REPEATED
            assert repeated == bool(field[1] or is_map), line
            if is_map:
                value_type = official.message_type.fields_by_name["value"].message_type
                assert field[2] == f"map<string, {value_type.name}>", line
            elif official.message_type or official.enum_type:
                full_name = (official.message_type or official.enum_type).full_name
                assert full_name.endswith(f"{field[2].split('.')[-1]}"), line
            else:
                assert official.type == getattr(official, f"TYPE_{field[2].upper()}"), line
            compared += 1
    if service := re.search(r"service (\w+) \{\s*rpc (\w+)\(", source):
        assert f"/{package}.{service[1]}/{service[2]}" == PREDICT
    assert compared == {"tensorflow.proto": 16, "prediction_service.proto": 9}[file]
