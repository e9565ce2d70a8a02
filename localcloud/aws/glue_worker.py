"""Runs a Glue job's script as it stands, with a Spark Connect server (Sail) in the same process. Started by path, with
the interpreter of the jobs' own environment.

Arguments: the descriptor of the server's lifeline, the script, the archives it imports from, the job's arguments.
"""

import os
import runpy
import signal
import sys
import threading
import traceback
import warnings


def main() -> int:
    """Runs the script; returns its exit status."""
    lifeline, script, packages, *arguments = sys.argv[1:]
    threading.Thread(target=_die_with_server, args=(int(lifeline),), daemon=True).start()
    # About versions of pandas, which no job uses.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer()
    server.start(background=True)
    # What makes `SparkSession.builder.getOrCreate()` find it.
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
    sys.path[:0] = [path for path in packages.split(os.pathsep) if path]
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ending:
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _die_with_server(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    status = main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # The server's threads do not let the interpreter end.
    os._exit(status)
