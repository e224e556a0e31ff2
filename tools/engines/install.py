"""Installs Flink, Spark and Beam's job servers for them: `python tools/engines/install.py FOLDER`.

From Python's packages (Flink's scripts and jars, Spark's jars) and Maven's (Beam's runners), of the
versions that Beam 2.59 is for. Needs Java and Maven, and some 900 MB. Below the folder are then
`pyflink` (FLINK_HOME), `pyspark` (SPARK_HOME), the job servers `flink.jar` and `spark.jar`, and the
schema of what Flink's operator for Kubernetes takes, `flinkdeployments.yaml`.

Ends with 77 where they cannot be had here, and says why.
"""

from __future__ import annotations

import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import zipfile

BEAM = "2.59"
PACKAGES = ("apache-flink==1.16.0", "apache-flink-libraries==1.16.0", "pyspark==3.2.2")
JOB_SERVERS = {
    "flink": ("beam-runners-flink-1.16", "org.apache.beam.runners.flink.FlinkJobServerDriver"),
    "spark": ("beam-runners-spark-3", "org.apache.beam.runners.spark.SparkJobServerDriver"),
}
OPERATOR = "org.apache.flink:flink-kubernetes-operator-api:1.10.0"
_CUSTOM_RESOURCE = "META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"
_MAVEN = ["mvn", "--batch-mode", "--quiet"]
_POM = pathlib.Path(__file__).with_name("pom.xml")
_INSTALLED = ".installed"
_SKIPPED = 77


def main(folder: pathlib.Path) -> None:
    """Installs what is missing.

    Args:
        folder: Where to; made if it is not there.
    """
    beam = importlib.metadata.version("apache-beam")
    if not beam.startswith(f"{BEAM}."):
        _skip(f"they are installed for Beam {BEAM} (TFX 1.16), and this is Beam {beam}")
    for program in ("java", "mvn"):
        if not shutil.which(program):
            _skip(f"{program} is missing; install Java 11 or 17, and Maven")
    if (folder / _INSTALLED).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    uv = pathlib.Path(sys.executable).with_name("uv")
    # For Python 3.9 there are wheels of Flink; only scripts and jars are used of them.
    _run(
        "Flink and Spark from Python's packages",
        [uv, "pip", "install", "--quiet", "--no-deps", "--target", folder, *PACKAGES],
        ["--python-version", "3.9", "--python-platform", "linux"],
    )
    for name, (runner, driver) in JOB_SERVERS.items():
        target = folder / "build" / name
        _run(
            f"{runner} from Maven's repository",
            [*_MAVEN, "--file", _POM],
            ["package", f"-Drunner={runner}", f"-Ddriver={driver}", f"-Dtarget={target}"],
        )
        (target / f"{runner}-job-server.jar").rename(folder / f"{name}.jar")
    _run(
        f"{OPERATOR} from Maven's repository",
        [*_MAVEN, "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"],
        [f"-Dartifact={OPERATOR}", f"-DoutputDirectory={folder / 'build'}"],
    )
    (operator,) = (folder / "build").glob("*.jar")
    with zipfile.ZipFile(operator) as jar:
        (folder / "flinkdeployments.yaml").write_bytes(jar.read(_CUSTOM_RESOURCE))
    shutil.rmtree(folder / "build")
    (folder / _INSTALLED).touch()


def _run(what: str, command: list, arguments: list[str]) -> None:
    print(f"Gets {what} ...", flush=True)
    done = subprocess.run([*map(str, command), *arguments], capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in lines if "ERROR" in line or "error" in line] or lines[-1:]
        _skip(f"cannot get {what}: {errors[0][:500]}")


def _skip(why: str) -> None:
    print(f"\n{'!' * 80}\nFLINK AND SPARK ARE NOT TESTED: {why}.\n{'!' * 80}\n", file=sys.stderr)
    sys.exit(_SKIPPED)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).absolute())
