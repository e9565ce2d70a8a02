"""Calls the API's handler, as its Lambda does, in the Lambdas' environment.

Usage: handler.py FILE. FILE holds a JSON list of API Gateway events. With RECORD set it prints, per event, the
statements that the handler sends; else the seconds that each event took, once a line on standard input says go.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from api import database
from api.handler import handle

WARM_UPS = 20


class Context:
    """What the handler gets beside its event."""

    function_name = "api"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:api"
    aws_request_id = "bench"


def answered(event: dict[str, Any]) -> float:
    """The seconds that one event takes."""
    started = time.perf_counter()
    answer = handle(event, Context())  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    if answer["statusCode"] != 200:
        raise SystemExit(f"{event['path']}: {answer['statusCode']} {answer['body'][:500]}")
    return seconds


def record(events: list[dict[str, Any]]) -> list[list[tuple[str, dict[str, Any]]]]:
    """What the handler asks the database for each event."""
    sent: list[tuple[str, dict[str, Any]]] = []
    run = database._run

    def listen(connection: Any, statement: str, parameters: Any) -> Any:
        sent.append((statement, dict(parameters)))
        return run(connection, statement, parameters)

    database._run = listen
    recorded = []
    for event in events:
        sent.clear()
        answered(event)
        recorded.append(list(sent))
    return recorded


def main() -> None:
    """Records, or measures."""
    events = json.loads(Path(sys.argv[1]).read_text())
    answers = os.fdopen(os.dup(1), "w")
    # The handler's log lines are no part of the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if "RECORD" in os.environ:
        print(json.dumps(record(events), default=str), file=answers, flush=True)
        return
    for event in events[:WARM_UPS]:
        answered(event)
    print("ready", file=answers, flush=True)
    sys.stdin.readline()
    print(json.dumps([answered(event) for event in events]), file=answers, flush=True)


if __name__ == "__main__":
    main()
