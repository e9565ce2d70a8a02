"""Lambda functions run as on AWS: on the packages of the Lambdas' environment only, with errors under their own names.

ministack runs them on its own interpreter with its own environment variables, reports every exception as
`Runtime.HandlerError`, so that no Retry or Catch by name ever matches, starts a new process after each of them, and
ends what a function is doing when it is changed.
"""

import contextlib
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from localcloud.aws import lifeline
from localcloud.aws.patches.permissions import credentials_of
from localcloud.redshift.launcher import authority
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.aws")

WORKER_SCRIPT = Path(__file__).parents[1] / "lambda_worker.py"

# AWS gives the start 10 seconds and then repeats it within the function's own timeout; a laptop under load needs more.
INIT_SECONDS = 60.0

# Environments of one function that run at once; further invocations wait for one of them. AWS would start one more for
# each, which twenty files dropped together would turn into 3 GB of Python processes on a laptop.
MOST_AT_ONCE = max(4, os.cpu_count() or 1)

_turns: dict[str, threading.Semaphore] = {}

# What the Lambda runtime itself sets, and nothing of the server's own environment.
RUNTIME_ENVIRONMENT = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
    "LANG": "en_US.UTF-8",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
    "TZ": ":UTC",
}


def apply(settings: Settings) -> None:
    """Runs Python functions in `PythonWorker`s on the interpreter of `.venv-lambda`."""
    original = lambda_runtime._worker_class_for
    PythonWorker.python = settings.project / ".venv-lambda" / "bin" / "python"
    PythonWorker.authority = authority(settings)

    def worker_class_for(config: dict[str, Any]) -> type:
        return PythonWorker if str(config.get("Runtime")).startswith("python") else cast(type, original(config))

    def invalidate_worker(name: str, *scope: Any, **named: Any) -> None:
        if name in lambda_svc._functions:
            _retire_busy(name)
        invalidate(name, *scope, **named)

    invalidate = lambda_svc.invalidate_worker
    lambda_runtime._worker_class_for = worker_class_for
    lambda_svc._execute_function_warm = execute_function
    lambda_svc.invalidate_worker = invalidate_worker


def _retire_busy(name: str) -> None:
    """Lets the environments of a changed function finish what they do, out of reach of new invocations."""
    with lambda_runtime._lock:
        for workers in lambda_runtime._workers.values():
            for worker in [one for one in workers if one.func_name == name and one.in_use]:
                worker.is_retired = True
                workers.remove(worker)


def execute_function(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
    """Runs one invocation on a free worker of the function, a new one if all are busy, up to `MOST_AT_ONCE`.

    Returns ministack's result: `body`, `log`, and `error` when the body is an error payload.
    """
    config = function.get("config") or function
    with _turns.setdefault(config["FunctionArn"], threading.Semaphore(MOST_AT_ONCE)):
        return _execute(function, config, event, request_id)


def _execute(function: dict[str, Any], config: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
    worker, _ = lambda_runtime.acquire_worker(
        config["FunctionName"], config, function.get("code_zip"), qualifier=config.get("Version", "$LATEST")
    )
    try:
        answer, log = worker.run(event, request_id)
    except Exception as error:
        logger.exception("Lambda %s could not be run", config["FunctionName"])
        answer, log = {"error": {"errorType": "Runtime.Unknown", "errorMessage": str(error)}}, ""
    finally:
        lambda_runtime.release_worker(worker)
        if worker.is_retired:
            worker.kill()
    if "error" in answer:
        return {"body": answer["error"] | {"requestId": request_id}, "error": True, "log": log}
    return {"body": json.loads(answer["result"]), "log": log}


class PythonWorker(lambda_runtime.Worker):  # type: ignore[misc]
    """One execution environment of a Python function: a process, reused until it times out or dies."""

    python: Path
    authority: Path
    is_retired = False
    _proc: "subprocess.Popen[str] | None"

    def run(self, event: Any, request_id: str) -> tuple[dict[str, Any], str]:
        """The answer to one invocation (`result`, as JSON text, or `error`) and what the function printed meanwhile."""
        with self._lock:
            log = ""
            if self._proc is None or self._proc.poll() is not None:
                started, log = self._begin()
                if "error" in started:
                    self._end()
                    return started, log
            timeout = float(self.config.get("Timeout", 3))
            message = {"event": event, "request_id": request_id, "deadline": time.time() + timeout}
            # A process that has just died takes no message: the missing answer says so.
            with contextlib.suppress(OSError):
                self._messages.write(json.dumps(message) + "\n")
                self._messages.flush()
            answer, printed = self._answer(timeout, f"RequestId: {request_id} Error: ")
            return answer, log + printed

    def _begin(self) -> tuple[dict[str, Any], str]:
        """Starts the process and imports the handler."""
        self._discard_tmpdir()
        self._tmpdir = tempfile.mkdtemp(prefix=f"lambda-{self.func_name}-")
        task_root = Path(self._tmpdir, "task")
        with zipfile.ZipFile(BytesIO(self.code_zip)) as archive:
            archive.extractall(task_root)
        Path(self._tmpdir, "tmp").mkdir()
        self._mark = f"end-of-log-{uuid.uuid4()}"
        arguments = [str(lifeline.descriptor()), str(task_root), self.config["Handler"], self._mark]
        self._proc = process = subprocess.Popen(
            [self.python, "-s", "-P", "-u", WORKER_SCRIPT, *arguments],
            cwd=task_root,
            env=self._environment(task_root),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=[lifeline.descriptor()],
            start_new_session=True,
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._messages = process.stdin
        self._answers, self._printed = _lines(process.stdout), _lines(process.stderr)
        return self._answer(INIT_SECONDS, "Error: ")

    def _environment(self, task_root: Path) -> dict[str, str]:
        config = self.config
        _, region = lambda_runtime._account_region_from_function_config(config)
        own = config.get("Environment", {}).get("Variables", {})
        return (
            RUNTIME_ENVIRONMENT
            | {"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"], "TMPDIR": f"{self._tmpdir}/tmp"}
            # As the system of a Lambda trusts the authority that signed Redshift's certificate.
            | {"SSL_CERT_FILE": str(self.authority)}
            | {name: value for name, value in own.items() if name not in lambda_runtime._RESERVED_RUNTIME_ENV_VARS}
            | credentials_of(str(config.get("Role")), self.func_name).as_environment()
            | {
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_LAMBDA_FUNCTION_NAME": self.func_name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
                "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
                "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.func_name}",
                "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
                "LAMBDA_TASK_ROOT": str(task_root),
                "_LAMBDA_FUNCTION_ARN": config.get("FunctionArn", ""),
                "_HANDLER": config["Handler"],
            }
        )

    def _answer(self, timeout: float, prefix: str) -> tuple[dict[str, Any], str]:
        """Waits for the process; a process that is late or dies is ended with its children and told as AWS tells it."""
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            self._end()
            message = f"{prefix}Task timed out after {timeout:.2f} seconds"
            return {"error": {"errorType": "Sandbox.Timedout", "errorMessage": message}}, self._log()
        if line is not None:
            return json.loads(line), self._log()
        status = self._proc.wait() if self._proc else 0
        self._end()
        ending = f"exit status {status}" if status >= 0 else f"signal: {signal.Signals(-status).name}"
        message = f"{prefix}Runtime exited with error: {ending}"
        return {"error": {"errorType": "Runtime.ExitError", "errorMessage": message}}, self._log()

    def _end(self) -> None:
        process, self._proc = self._proc, None
        if process is not None:
            _kill_group(process)
            process.wait()

    def _log(self) -> str:
        """What was printed up to the mark, or up to the end of a process that died before it."""
        printed: list[str] = []
        try:
            # The limit is for a child of the function that has left its group and keeps the pipe open.
            while (line := self._printed.get(timeout=5)) is not None and line != self._mark + "\n":
                printed.append(line)
        except queue.Empty:
            pass
        return "".join(printed)

    def _discard_tmpdir(self) -> None:
        if self._tmpdir:
            shutil.rmtree(self._tmpdir, ignore_errors=True)


def _lines(stream: IO[str]) -> "queue.Queue[str | None]":
    """The lines of a pipe as they come, None at its end; a thread reads them, so that the writer never has to wait."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _kill_group(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
