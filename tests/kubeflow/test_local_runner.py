"""The local executor on pipelines of shell commands, compiled by kfp's own compiler."""

import json
import time

import pytest
from kfp import dsl

from contract.errors import UsageError
from kubeflow.local import spec


@dsl.container_component
def write(text: str, out: dsl.Output[dsl.Artifact]):
    """Writes an artifact."""
    return dsl.ContainerSpec("busybox", ["sh", "-c", 'echo "$0" > "$1"'], [text, out.path])


@dsl.container_component
def join(a: dsl.Input[dsl.Artifact], b: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]):
    """Puts two artifacts together."""
    command = ["sh", "-c", 'cat "$0" "$1" > "$2"']
    return dsl.ContainerSpec("busybox", command, [a.path, b.path, out.path])


@dsl.container_component
def count(a: dsl.Input[dsl.Artifact], number: dsl.OutputPath(int)):
    """Counts an artifact's characters."""
    return dsl.ContainerSpec("busybox", ["sh", "-c", 'wc -c < "$0" > "$1"'], [a.path, number])


@dsl.container_component
def shout(number: int, out: dsl.Output[dsl.Artifact]):
    """Writes a number."""
    return dsl.ContainerSpec("busybox", ["sh", "-c", 'echo "$0!" > "$1"'], [number, out.path])


@dsl.container_component
def fail(a: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]):
    """Prints something and fails."""
    command = ["sh", "-c", 'echo "no luck with $0"; exit 7']
    return dsl.ContainerSpec("busybox", command, [a.path, out.path])


def _states(outcomes):
    return {name: outcome.state for name, outcome in outcomes.items()}


def _text(shell, outcome, name="out"):
    uri = outcome.result["artifacts"][name]["uri"]
    assert uri.startswith("s3://bucket/root/")
    return (shell.file.parent / "store" / "s3" / uri.removeprefix("s3://")).read_text()


@pytest.fixture
def diamond(shell):
    def pipeline(first: str = "one", second: str = "two"):
        a, b = write(text=first), write(text=second)
        both = join(a=a.outputs["out"], b=b.outputs["out"])
        shout(number=count(a=both.outputs["out"]).outputs["number"])

    shell.compile(pipeline)
    return shell


def test_artifacts_and_parameters_flow(diamond):
    outcomes = diamond.run()
    assert set(_states(outcomes).values()) == {"ran"}
    assert _text(diamond, outcomes["join"]) == "one\ntwo\n"
    assert outcomes["count"].result["parameters"]["number"] == 8
    # A number is written as KFP's launcher writes it, without a decimal point.
    assert _text(diamond, outcomes["shout"]) == "8!\n"
    order = list(outcomes)
    assert order.index("join") > max(order.index("write"), order.index("write-2"))


def test_an_unchanged_run_executes_nothing(diamond):
    diamond.run()
    outcomes = diamond.run()
    assert set(_states(outcomes).values()) == {"cached"}
    assert _text(diamond, outcomes["shout"]) == "8!\n"


def test_a_changed_parameter_reruns_what_depends_on_it(diamond):
    diamond.run()
    outcomes = diamond.run(second="three")
    assert _states(outcomes) == {
        "write": "cached",
        "write-2": "ran",
        "join": "ran",
        "count": "ran",
        "shout": "ran",
    }
    assert _text(diamond, outcomes["shout"]) == "10!\n"


def test_a_same_number_downstream_is_a_cache_hit(diamond):
    """The key has the parameter's value: what counts the same goes on the same."""
    diamond.run()
    assert diamond.run(second="TWO")["shout"].state == "cached"


@pytest.mark.parametrize("change", ["image", "command", "env"])
def test_another_container_is_another_key(diamond, change):
    diamond.run()

    def edit(content):
        container = content["deploymentSpec"]["executors"]["exec-shout"]["container"]
        container["image"] += ":2" if change == "image" else ""
        container["command"][2] += " " if change == "command" else ""
        if change == "env":
            container["env"] = [{"name": "X", "value": "1"}]

    diamond.change(edit)
    states = _states(diamond.run())
    assert states.pop("shout") == "ran"
    assert set(states.values()) == {"cached"}


def test_resources_are_not_in_the_key(diamond):
    diamond.run()

    def edit(content):
        container = content["deploymentSpec"]["executors"]["exec-shout"]["container"]
        container["resources"] = {"cpuLimit": 4.0}

    diamond.change(edit)
    assert diamond.run()["shout"].state == "cached"


def test_without_caching_a_step_always_runs(diamond):
    def edit(content):
        content["root"]["dag"]["tasks"]["write"]["cachingOptions"] = {}

    diamond.change(edit)
    diamond.run()
    states = _states(diamond.run())
    # Its artifact has another name now, as on a cluster.
    assert (states["write"], states["write-2"], states["join"]) == ("ran", "cached", "ran")
    assert set(_states(diamond.run(cache=False)).values()) == {"ran"}


def test_lost_files_are_made_anew(diamond):
    uri = diamond.run()["join"].result["artifacts"]["out"]["uri"]
    (diamond.file.parent / "store" / "s3" / uri.removeprefix("s3://")).unlink()
    states = _states(diamond.run())
    assert (states["write"], states["join"]) == ("cached", "ran")


def test_a_failed_step_stops_what_depends_on_it_alone(shell):
    def pipeline(text: str = "luck"):
        a = write(text=text)
        failed = fail(a=a.outputs["out"])
        join(a=failed.outputs["out"], b=a.outputs["out"])
        count(a=a.outputs["out"])

    shell.compile(pipeline)
    outcomes = shell.run()
    assert _states(outcomes) == {
        "write": "ran",
        "fail": "failed",
        "join": "skipped",
        "count": "ran",
    }
    assert outcomes["fail"].error == "ended with exit code 7"
    with open(outcomes["fail"].log) as log:
        assert log.read().startswith("no luck with")
    assert ("failed", {"component": "fail", "error": "ended with exit code 7"}) in shell.events
    # What succeeded is not repeated, what failed is.
    assert _states(shell.run())["count"] == "cached"
    assert _states(shell.run())["fail"] == "failed"


@dsl.container_component
def killed_at_first(kills: int, out: dsl.Output[dsl.Artifact]):
    """Is killed as often, leaving half an output; each attempt adds a line to a file."""
    script = (
        'echo attempt >> attempts; echo half >> "$1"; '
        '[ $(wc -l < attempts) -gt "$0" ] || kill -9 $$; echo whole >> "$1"'
    )
    return dsl.ContainerSpec("busybox", ["sh", "-c", script], [kills, out.path])


@pytest.mark.parametrize(("kills", "state"), [(2, "ran"), (3, "failed")])
def test_a_killed_step_is_run_again(shell, kills, state):
    def pipeline(kills: int):
        killed_at_first(kills=kills).set_retry(2, backoff_duration="0s")

    shell.compile(pipeline)
    outcomes = shell.run(kills=kills)
    assert outcomes["killed-at-first"].state == state
    assert (shell.file.parent / "attempts").read_text().count("attempt") == 3
    warnings = [fields["text"] for kind, fields in shell.events if kind == "warning"]
    assert warnings == ["ended by signal 9; tried again in 0 seconds"] * 2
    if state == "ran":
        # Of the last attempt alone: each has a pod of its own.
        assert _text(shell, outcomes["killed-at-first"]) == "half\nwhole\n"
    else:
        assert outcomes["killed-at-first"].error == "ended by signal 9"


def test_what_was_not_run_is_not_in_the_way_of_the_cause(shell):
    def pipeline(text: str = "luck"):
        failed = fail(a=write(text=text).outputs["out"])
        count(a=failed.outputs["out"])

    shell.compile(pipeline)
    assert shell.run()["count"].state == "skipped"
    assert [fields["component"] for kind, fields in shell.events if kind != "start"] == [
        "write",
        "fail",
    ]


def test_a_command_that_does_not_exist(diamond):
    def edit(content):
        content["deploymentSpec"]["executors"]["exec-count"]["container"]["command"] = ["no-such"]

    diamond.change(edit)
    outcomes = diamond.run()
    assert outcomes["count"].error == "no-such: No such file or directory"
    assert outcomes["shout"].error == "count did not end well"


def test_a_missing_output_parameter_is_a_failure(diamond):
    def edit(content):
        container = content["deploymentSpec"]["executors"]["exec-count"]["container"]
        container["command"], container["args"] = ["true"], []

    diamond.change(edit)
    assert diamond.run()["count"].error == "did not write its output parameter number"


def test_a_missing_output_artifact_is_a_failure(diamond):
    """As KFP's launcher has it since it is without ML Metadata."""

    def edit(content):
        container = content["deploymentSpec"]["executors"]["exec-join"]["container"]
        container["command"], container["args"] = ["true"], []

    diamond.change(edit)
    outcomes = diamond.run()
    assert outcomes["join"].error == "did not write its output out"
    assert outcomes["count"].state == "skipped"


def test_a_condition_is_refused(diamond):
    def edit(content):
        content["root"]["dag"]["tasks"]["shout"]["triggerPolicy"] = {
            "condition": "int(inputs.parameter_values['number']) > 8"
        }

    diamond.change(edit)
    with pytest.raises(UsageError, match="shout has a condition"):
        diamond.run()


def test_steps_run_at_once(shell):
    @dsl.container_component
    def sleep(seconds: int, out: dsl.Output[dsl.Artifact]):
        # Each waits until the other has begun: one after the other would never end.
        script = (
            'touch begun-$0 "$1"; for _ in $(seq 600); do [ -e begun-1 -a -e begun-2 ] && exit; '
            "sleep .1; done; exit 1"
        )
        return dsl.ContainerSpec("busybox", ["sh", "-c", script], [seconds, out.path])

    def pipeline():
        sleep(seconds=1)
        sleep(seconds=2)

    shell.compile(pipeline)
    started = time.monotonic()
    assert set(_states(shell.run(parallel=2)).values()) == {"ran"}
    assert time.monotonic() - started < 60


def test_executor_input_and_output(shell):
    """`{{$}}` is what KFP hands over; what a step writes to the output file comes back."""

    @dsl.container_component
    def report(number: int, out: dsl.Output[dsl.Artifact]):
        script = (
            "import json, os, sys; given = json.loads(sys.argv[1]);"
            "artifact = given['outputs']['artifacts']['out']['artifacts'][0];"
            "artifact['metadata'] = {'number': given['inputs']['parameterValues']['number'],"
            " 'env': os.environ['FROM_HARNESS']};"
            "open(sys.argv[2], 'w').close();"
            "json.dump({'artifacts': {'out': {'artifacts': [artifact]}}},"
            " open(given['outputs']['outputFile'], 'w'))"
        )
        return dsl.ContainerSpec("python", ["python3", "-c", script], ["{{$}}", out.path])

    def pipeline(number: int = 3):
        report(number=number)

    shell.compile(pipeline)
    artifact = shell.run(number="4")["report"].result["artifacts"]["out"]
    assert artifact["metadata"] == {"number": 4, "env": "yes"}
    assert artifact["type"]["schemaTitle"] == "system.Artifact"


def test_parameters_are_checked(shell):
    def pipeline(text: str, number: int = 3, share: float = 0.5):
        write(text=text)
        shout(number=number)

    shell.compile(pipeline)
    pipeline = spec.load(str(shell.file))
    assert pipeline.arguments({"text": "7", "number": "4"}) == {
        "text": "7",
        "number": 4,
        "share": 0.5,
    }
    with pytest.raises(UsageError, match="text has no default: give --set text=VALUE"):
        pipeline.arguments({})
    with pytest.raises(UsageError, match="number=four: NUMBER_INTEGER is needed"):
        pipeline.arguments({"text": "a", "number": "four"})
    with pytest.raises(UsageError, match="colour is no parameter of shell; it has number, share"):
        pipeline.arguments({"colour": "red"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("a: 1", "is no compiled pipeline"),
        ("", "is no compiled pipeline"),
        ("- 1", "is no compiled pipeline"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "file.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        spec.load(str(path))
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        spec.load(str(tmp_path / "missing.yaml"))


def test_what_only_a_cluster_can_run_is_refused(shell):
    def pipeline():
        with dsl.ParallelFor(["a", "b"]) as item:
            write(text=item)

    shell.compile(pipeline)
    with pytest.raises(UsageError, match=r"for-loop-[12] is no container"):
        spec.load(str(shell.file))


def test_a_circle_is_refused(diamond):
    def edit(content):
        content["root"]["dag"]["tasks"]["write"]["dependentTasks"] = ["shout"]

    diamond.change(edit)
    with pytest.raises(UsageError, match="wait for one another"):
        diamond.run()


def test_results_are_kept_as_json(diamond):
    diamond.run()
    cache = json.loads((diamond.file.parent / "cache.json").read_text())
    assert len(cache) == 5
    assert all(set(entry) == {"artifacts", "parameters"} for entry in cache.values())
