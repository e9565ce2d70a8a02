"""Runs one Lambda function's handler, one invocation after another. Started by the embedded AWS, by path, with the
interpreter of the Lambdas' own environment: it imports the standard library only.

Arguments: the descriptor of the server's lifeline, the directory of the function's code, the handler, the end-of-log
mark. Standard input carries one JSON message per invocation; standard output one JSON answer for the start and for
each invocation. Whatever the function prints goes to standard error, which ends each invocation with the mark.
"""

import contextlib
import importlib
import json
import os
import sys
import threading
import time
import traceback
from typing import Any


class Context:
    """The context object of an invocation, with the attributes that AWS documents."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline: float) -> None:
        self.aws_request_id = request_id
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = os.environ["_LAMBDA_FUNCTION_ARN"]
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """The milliseconds until the function is killed."""
        return max(0, int((self._deadline - time.time()) * 1000))


def main() -> None:
    """Serves invocations until standard input ends."""
    lifeline, task_root, handler_name, mark = sys.argv[1:5]
    threading.Thread(target=_die_with_server, args=(int(lifeline),), daemon=True).start()
    # Keep the two protocol ends to ourselves: what the function or its children print must not get between.
    messages, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.path.insert(0, task_root)
    handler, error = _import(handler_name)
    _answer(answers, {"error": error} if error else {"ready": True}, mark)
    if handler is None:
        return
    for line in messages:
        _answer(answers, _invoke(handler, json.loads(line)), mark)


def _die_with_server(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


def _answer(answers: Any, message: dict[str, Any], mark: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os.write(2, f"{mark}\n".encode())
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _import(handler_name: str) -> tuple[Any, dict[str, Any] | None]:
    """The handler, or the error payload that AWS gives for each way in which it cannot be had."""
    module_name, _, function_name = handler_name.replace("/", ".").rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, _payload(error, "Runtime.ImportModuleError", message) | {"stackTrace": []}
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        return None, _payload(error, "Runtime.UserCodeSyntaxError", message) | {"stackTrace": []}
    except BaseException as error:
        return None, _payload(error)
    handler = getattr(module, function_name, None)
    if handler is None:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, {"errorType": "Runtime.HandlerNotFound", "errorMessage": message, "stackTrace": []}
    return handler, None


def _invoke(handler: Any, message: dict[str, Any]) -> dict[str, Any]:
    context = Context(message["request_id"], message["deadline"])
    try:
        result = handler(message["event"], context)
    except Exception as error:
        return {"error": _payload(error)}
    try:
        return {"result": json.dumps(result)}
    except (TypeError, ValueError) as error:
        return {"error": _payload(error, "Runtime.MarshalError", f"Unable to marshal response: {error}")}


def _payload(error: BaseException, error_type: str | None = None, message: str | None = None) -> dict[str, Any]:
    """The error as AWS returns it; the traceback also goes to the function's log."""
    name = error_type or type(error).__name__
    text = str(error) if message is None else message
    frames = traceback.extract_tb(error.__traceback__)
    trace = [frame for frame in traceback.format_list(frames) if __file__ not in frame]
    print(f"[ERROR] {name}: {text}\nTraceback (most recent call last):\n{''.join(trace)}", file=sys.stderr)
    return {"errorMessage": text, "errorType": name, "stackTrace": trace}


if __name__ == "__main__":
    main()
