"""The deployed load function when its time ends: stopped by itself in time, or by the service in the middle."""

import io
import json
import uuid
import zipfile
from typing import Any

from localcloud.aws import Aws
from tests.integration.loaders.conftest import SALES, Pipeline
from xtage.deploy import PROJECT
from xtage.deploy.package import loaders_code

DATA = SALES + b"".join(b"%d,a,b,c,2022-12-06\n" % number for number in range(500_000))

# The entry as it is deployed, but one that does not look at the clock.
HEEDLESS = """
from loaders.load import rds
from loaders.handler import load

rds.RESERVE_SECONDS = 0
"""


class LoadFunction:
    """The load function as deployed, with a timeout of its own."""

    def __init__(self, aws: Aws, pipeline: Pipeline, seconds: int, handler: str = "loaders.handler.load") -> None:
        self._functions = aws.client("lambda")
        self._name = f"load-{uuid.uuid4().hex[:8]}"
        variables = {name: pipeline.environment[name] for name in ("RAW_BUCKET", "DATABASE_SECRET", "DATABASE_TLS")}
        code = io.BytesIO(loaders_code(PROJECT).read())
        with zipfile.ZipFile(code, "a") as archive:
            archive.writestr("heedless.py", HEEDLESS)
        self._functions.create_function(
            FunctionName=self._name,
            Runtime="python3.11",
            Handler=handler,
            Role="arn:aws:iam::000000000000:role/test",
            Timeout=seconds,
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": variables},
        )

    def fail(self, delivery: int) -> dict[str, Any]:
        """The error of one invocation, which must fail."""
        payload = json.dumps({"delivery_id": delivery, "run_id": None})
        answer = self._functions.invoke(FunctionName=self._name, Payload=payload.encode())
        assert "FunctionError" in answer, answer["Payload"].read()
        error: dict[str, Any] = json.loads(answer["Payload"].read())
        return error


def record(pipeline: Pipeline, delivery: int, error: dict[str, Any]) -> dict[str, Any]:
    """What the state machine does with the error of an invocation."""
    cause = {"delivery_id": delivery, "run_id": None, "error": error["errorType"], "cause": json.dumps(error)}
    return pipeline.call("record_failure", cause)


def landed(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    return pipeline.query("select (select count(*) from raw.sales), (select count(*) from ops.loads)")


def test_a_load_that_runs_out_of_time_stops_itself_and_names_the_way_out(aws: Aws, pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", DATA)
    # No more than is kept back for stopping, so that however fast it is, it has to stop.
    error = LoadFunction(aws, pipeline, seconds=20).fail(delivery)

    assert error["errorType"] == "TerminalError"
    assert "sales_data.csv: time ran out after " in error["errorMessage"]
    assert f" of {len(DATA)} bytes; nothing of it landed -> give the function more time" in error["errorMessage"]
    assert record(pipeline, delivery, error)["status"] == "failed"
    assert landed(pipeline) == [(0, 0)]


def test_a_load_that_the_service_ends_lands_nothing_and_is_tried_again(aws: Aws, pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", DATA)
    blocker = pipeline.connect()
    try:
        blocker.cursor().execute("lock table raw.sales in share mode")
        error = LoadFunction(aws, pipeline, seconds=4, handler="heedless.load").fail(delivery)
        assert error["errorType"] == "Sandbox.Timedout"
        recorded = record(pipeline, delivery, error)
    finally:
        blocker.close()

    assert recorded["status"] == "pending"
    assert "Sandbox.Timedout" in recorded["error"]
    assert "Task timed out after 4.00 seconds" in recorded["error"]
    assert landed(pipeline) == [(0, 0)]
    assert pipeline.load_until_settled(delivery) == "loaded"
    assert landed(pipeline) == [(500_000, 1)]
    assert pipeline.query("select attempts, error from ops.deliveries") == [(2, None)]
