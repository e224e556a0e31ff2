"""A Flink and a Spark of two workers each, and the pools of Python workers beside them."""

import contextlib
import json
import pathlib
import sys
import urllib.request

from hosts import HERE

_ROOT = pathlib.Path(__file__).parents[2]
_POOL_PORT = 50000
# Below 3.3, and Flink below 1.18, do not ask for what Java 17 closes.
_OPENED = (
    "java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.text java.time "
    "java.util java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks "
    "sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar"
)
_EXPORTED = "java.base/sun.net.util java.rmi/sun.rmi.registry java.security.jgss/sun.security.krb5"
# These live for minutes, of which the better compiler would take half.
_SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
_JAVA_OPTIONS = " ".join(
    _SHORT_LIVED
    + [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED.split()]
    + [f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED.split()]
)
_PYTHON_OPTIONS = [
    "--environment_type=EXTERNAL",
    f"--environment_config=localhost:{_POOL_PORT}",
    # Workers have this project already: TFX must not send itself as a package.
    "--sdk_container_image=none",
    "--environment_cache_millis=60000",
]


def start_pools(processes, hosts):
    """Starts a pool of Python workers on each host."""
    names = {host: f"pool{number}" for number, host in enumerate(dict.fromkeys(hosts))}
    for host, name in names.items():
        processes.start(
            name,
            host,
            [sys.executable, "-m", "pipeline.worker_pool", f"--port={_POOL_PORT}"],
            PYTHONPATH=str(_ROOT),
            TF_CPP_MIN_LOG_LEVEL="2",
        )
    for name in names.values():
        log = processes.folder / f"{name}.log"
        processes.wait_for(lambda log=log: "Beam's workers" in log.read_text(), name)


class _Cluster:
    """What is the same of both: where Beam's job server is."""

    @property
    def options(self):
        """Beam's options, as `configs/beam/spark.yaml` has them."""
        address = self._hosts[0].address
        return [
            "--runner=PortableRunner",
            f"--job_endpoint={address}:8099",
            f"--artifact_endpoint={address}:8098",
            "--job_server_timeout=600",
            *_PYTHON_OPTIONS,
        ]

    def _start_job_server(self, java_options, class_path, *arguments):
        host = self._hosts[0]
        self._processes.start(
            "jobserver",
            host,
            [
                "java",
                "-Xmx512m",
                *_JAVA_OPTIONS.split(),
                *java_options,
                "-cp",
                class_path,
                *arguments,
                f"--job-host={host.address}",
                "--job-port=8099",
                "--artifact-port=8098",
                "--expansion-port=8097",
                f"--artifacts-dir={self._processes.folder / 'staged'}",
            ],
        )

    def replace_worker(self, number):
        """Kills one with its executors, and starts another."""
        self._processes.kill(f"{self.WORKER}{number}")
        self.start_worker(number)


class Flink(_Cluster):
    """A session cluster: a JobManager and two TaskManagers.

    Args:
        installed: What `tools/engines/install.py` made.
        processes: Starts and ends them.
        hosts: Two; the first one's is the JobManager.
    """

    WORKER = "taskmanager"

    def __init__(self, installed, processes, hosts):
        self._home = installed / "pyflink"
        self._jar = installed / "flink.jar"
        self._processes, self._hosts = processes, hosts
        folder = processes.folder
        # Beam's classes beside Flink's own, so that Python workers outlive a stage.
        self._library = folder / "lib"
        self._library.mkdir()
        for jar in [*(self._home / "lib").iterdir(), self._jar]:
            (self._library / jar.name).symlink_to(jar)
        # It also reaches its own files by `localhost`.
        bind = HERE.address if hosts[0] == HERE else "0.0.0.0"
        self._start("jobmanager", hosts[0], **{"jobmanager.bind-host": bind})
        for number in range(2):
            self.start_worker(number)
        self._start_job_server(
            [],
            self._jar,
            "org.apache.beam.runners.flink.FlinkJobServerDriver",
            f"--flink-master={hosts[0].address}:8081",
        )
        self.wait_for_workers(2)

    @property
    def options(self):
        return [*super().options, "--parallelism=2"]

    @property
    def step_options(self):
        """Beam's options, as `configs/beam/flink.yaml` has them: the step has a job server."""
        return [
            "--runner=FlinkRunner",
            f"--flink_master={self._hosts[0].address}:8081",
            "--flink_version=1.16",
            f"--flink_job_server_jar={self._jar}",
            f"--artifacts_dir={self._processes.folder / 'staged'}",
            "--parallelism=2",
            *_PYTHON_OPTIONS,
        ]

    def start_worker(self, number):
        host = self._hosts[number]
        self._start(
            f"{self.WORKER}{number}",
            host,
            **{"taskmanager.host": host.address, "taskmanager.bind-host": host.address},
        )

    def wait_for_workers(self, number):
        self._processes.wait_for(
            lambda: self._overview().get("taskmanagers") == number, "jobmanager"
        )

    def _overview(self):
        return _get(f"http://{self._hosts[0].address}:8081/overview")

    def _start(self, name, host, **settings):
        conf = self._processes.folder / f"{name}.conf"
        conf.mkdir(exist_ok=True)
        for file in (self._home / "conf").glob("log4j*"):
            (conf / file.name).write_bytes(file.read_bytes())
        address = self._hosts[0].address
        settings = {
            "jobmanager.rpc.address": address,
            "rest.address": address,
            "rest.bind-address": address,
            "jobmanager.memory.process.size": "1g",
            "taskmanager.memory.process.size": "1600m",
            # A job of many stages has many shuffles at once.
            "taskmanager.memory.network.min": "128m",
            "taskmanager.memory.network.max": "128m",
            "taskmanager.network.sort-shuffle.min-buffers": "64",
            "taskmanager.numberOfTaskSlots": "1",
            "classloader.resolve-order": "parent-first",
            "heartbeat.interval": "1000",
            "heartbeat.timeout": "30000",
            "restart-strategy": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "3",
            "restart-strategy.fixed-delay.delay": "1 s",
            "io.tmp.dirs": str(self._processes.folder),
            "env.java.opts": _JAVA_OPTIONS,
            **settings,
        }
        (conf / "flink-conf.yaml").write_text(
            "".join(f"{key}: {value}\n" for key, value in settings.items())
        )
        script = self._home / "bin" / f"{name.rstrip('01')}.sh"
        self._processes.start(
            name,
            host,
            ["bash", script, "start-foreground"],
            FLINK_CONF_DIR=str(conf),
            FLINK_LIB_DIR=str(self._library),
            FLINK_LOG_DIR=str(self._processes.folder),
        )


class Spark(_Cluster):
    """A standalone cluster: a Master and two Workers; Beam's job server is the driver.

    Args:
        installed: What `tools/engines/install.py` made.
        processes: Starts and ends them.
        hosts: Two; the first one's is the Master.
    """

    WORKER = "worker"

    def __init__(self, installed, processes, hosts):
        self._home = installed / "pyspark"
        self._processes, self._hosts = processes, hosts
        address = hosts[0].address
        self._master = f"spark://{address}:7077"
        self._start("master", hosts[0], "master.Master", "--webui-port", "8080")
        self._processes.wait_for(self._workers, "master")
        for number in range(2):
            self.start_worker(number)
        self.wait_for_workers(2)
        self._start_job_server(
            [
                f"-Dspark.driver.host={address}",
                f"-Dspark.driver.bindAddress={address}",
                f"-Dspark.executor.extraJavaOptions={_JAVA_OPTIONS}",
                "-Dspark.executor.memory=512m",
            ],
            # Spark's own versions of what both have, as on the executors.
            f"{self._home}/jars/*:{installed / 'spark.jar'}",
            "org.apache.beam.runners.spark.SparkJobServerDriver",
            f"--spark-master-url={self._master}",
        )

    @property
    def step_options(self):
        """Beam's options of a step that starts what it can: nothing."""
        return self.options

    def start_worker(self, number):
        options = ["--webui-port", "0", "--cores", "1", "--memory", "1g"]
        name = f"{self.WORKER}{number}"
        self._start(name, self._hosts[number], "worker.Worker", *options, self._master)

    def wait_for_workers(self, number):
        self._processes.wait_for(lambda: self._workers().get("aliveworkers") == number, "master")

    def _workers(self):
        return _get(f"http://{self._hosts[0].address}:8080/json/")

    def _start(self, name, host, main, *arguments):
        self._processes.start(
            name,
            host,
            [
                "bash",
                self._home / "bin" / "spark-class",
                f"org.apache.spark.deploy.{main}",
                "--host",
                host.address,
                *arguments,
            ],
            SPARK_HOME=str(self._home),
            SPARK_DAEMON_JAVA_OPTS=_JAVA_OPTIONS,
            SPARK_DAEMON_MEMORY="256m",
            SPARK_LOCAL_IP=host.address,
            SPARK_WORKER_DIR=str(self._processes.folder / "work"),
        )


def _get(url):
    """A page's JSON; {} as long as nobody answers."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)
    return {}
