"""What the steps tell: ids and figures, notices of refused files, and nothing that stands in a file."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loaders import timeliness
from loaders.contract import load_contracts
from loaders.database import transaction
from loaders.reporting import logger
from localcloud.aws.embedded_metrics import Metric, metrics_in
from tests.integration.loaders.conftest import EXECUTION, SALES, Pipeline

# Nobody may read this in a log.
PERSON = "Ada Lovelace"
GOOD = SALES + b"1,2,3,4,2022-12-06\n"


class Told:
    """What was logged and printed since the test began."""

    def __init__(self, stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
        self._stream, self._capsys, self._printed = stream, capsys, ""

    @property
    def text(self) -> str:
        self._printed += self._capsys.readouterr().out
        return self._stream.getvalue() + self._printed

    def lines(self, message: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        return [line for line in found if line.get("message") == message]

    def figures(self, name: str) -> list[Metric]:
        found = [metric for line in self.text.splitlines() for metric in metrics_in(line)]
        return [metric for metric in found if metric.name == name]


@pytest.fixture
def told(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    stream = io.StringIO()
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    logger.setLevel("INFO")
    return Told(stream, capsys)


def run_id(pipeline: Pipeline) -> int:
    return int(pipeline.open()["run_id"])


def test_a_load_tells_run_load_feed_and_delivery_in_log_and_figures(pipeline: Pipeline, told: Told) -> None:
    delivery, run = pipeline.deliver("sales_data.csv", GOOD + b"short\n"), run_id(pipeline)
    loaded = pipeline.call("load", {"delivery_id": delivery, "run_id": run})
    assert "notice" not in loaded
    (line,) = told.lines("load ends")
    ids = {"run_id": run, "load_id": loaded["load_id"], "feed": "sales", "delivery_id": delivery}
    counts = {"records_read": 2, "records_loaded": 1, "records_rejected": 1, "bytes": len(GOOD) + 6}
    assert (ids | counts).items() <= line.items()
    assert [metric.values for metric in told.figures("RejectRate")] == [(50.0,), (50.0,)]
    assert [dict(metric.dimensions) for metric in told.figures("FilesLanded")] == [
        {"stage": "test", "feed": "sales"},
        {"stage": "test"},
    ]


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("sales_data.csv", GOOD + f'7,"{PERSON}\n{PERSON},1\n'.encode()),
        ("sales_data.csv", f"{PERSON},1815\n{PERSON},1815\n".encode()),
        ("exchange_rates.json", PERSON.encode()),
        ("customer_data.json", f'[{{"Customer_ID": 1, "Customer_Name": "{PERSON}", "{PERSON}": 1}}, {{]'.encode()),
    ],
    ids=["rejected records", "no header", "no JSON", "damaged JSON"],
)
def test_nothing_of_a_file_is_in_logs_figures_and_notices(
    pipeline: Pipeline, told: Told, key: str, body: bytes
) -> None:
    outcome = pipeline.load(pipeline.deliver(key, body))
    assert told.lines("load ends")
    assert PERSON not in told.text
    assert PERSON not in json.dumps(outcome.get("notice"))


def test_a_refused_file_is_told_with_its_reason_and_what_to_do(pipeline: Pipeline, told: Told) -> None:
    delivery = pipeline.deliver("raw/sales/a.csv", b"nothing,of,the,kind\n1,2,3,4\n")
    notice = pipeline.call("load", {"delivery_id": delivery, "run_id": 5})["notice"]
    assert notice["subject"] == "a file of sales was refused"
    assert f"File: raw/sales/a.csv (delivery {delivery}, run 5)" in notice["message"]
    assert "Reason: no header of feed sales in the first" in notice["message"]
    assert "What to do: deliver a file with the columns Transaction_ID, " in notice["message"]
    assert told.figures("FilesRefused")


def test_a_drop_of_no_feed_is_told_when_its_event_comes_and_not_when_it_comes_to_be_known(
    pipeline: Pipeline, told: Told
) -> None:
    event = pipeline.put("unheard_of.csv", GOOD)
    opened = pipeline.open(event)
    assert opened["notice"]["subject"] == "a file of no feed was dropped"
    assert "unheard_of.csv" in opened["notice"]["message"]
    assert [dict(metric.dimensions) for metric in told.figures("FilesRefused")] == [{"stage": "test"}]
    assert "notice" not in pipeline.open(event, dead_holder=EXECUTION)


def test_a_sweep_tells_once_of_all_bad_drops_that_it_finds(pipeline: Pipeline, told: Told) -> None:
    pipeline.put("unheard_of.csv", GOOD)
    pipeline.put("sales_data.csv", GOOD, delivered_at="yesterday")
    notice = pipeline.open(sweep=True)["notice"]
    assert notice["subject"] == "2 files were refused"
    assert "delivered-at is 'yesterday'" in notice["message"]
    assert "notice" not in pipeline.open(sweep=True)


def test_a_file_that_failed_for_good_is_told_and_one_that_is_tried_again_is_not(pipeline: Pipeline, told: Told) -> None:
    delivery = pipeline.deliver("sales_data.csv", GOOD)
    failure = {"delivery_id": delivery, "run_id": 5, "cause": json.dumps({"errorMessage": PERSON})}
    assert "notice" not in pipeline.call("record_failure", failure | {"error": "TransientError"})
    final = pipeline.call("record_failure", failure | {"error": "KeyError"})
    assert "Reason: KeyError" in final["notice"]["message"]
    assert PERSON not in final["notice"]["message"]
    assert pipeline.query("select error from ops.deliveries") == [(f"KeyError: {PERSON}",)]
    (line, _) = told.lines("load failed")
    assert (line["run_id"], line["feed"], line["delivery_id"]) == (5, "sales", delivery)


def test_a_failed_run_tells_its_state_and_tests_and_leaves_the_reason_to_the_ledger(
    pipeline: Pipeline, told: Told
) -> None:
    run = run_id(pipeline)
    event = {"run_id": run, "execution_arn": EXECUTION, "state": "Build", "error": "States.TaskFailed"}
    pipeline.call("fail_run", event | {"cause": f"test x: {PERSON}", "failed_tests": "2"})
    (line,) = told.lines("run failed")
    assert (line["run_id"], line["state"], line["error"]) == (run, "Build", "States.TaskFailed")
    assert PERSON not in told.text
    assert pipeline.query("select error from ops.runs") == [(f"Build: States.TaskFailed: test x: {PERSON}",)]
    assert [metric.values for metric in told.figures("FailedTests")] == [(2.0,)]
    assert [metric.values for metric in told.figures("RunsFailed")] == [(1.0,)]


def test_a_run_is_counted_when_it_ends_and_not_when_there_is_more(pipeline: Pipeline, told: Told) -> None:
    run = run_id(pipeline)
    pipeline.put("sales_data.csv", GOOD)
    pipeline.open(sweep=True, execution_arn=EXECUTION.replace(":one", ":two"))
    closing = {"run_id": run, "execution_arn": EXECUTION, "round": 1, "built": False}
    assert pipeline.call("close_run", closing)["outcome"] == "more"
    assert told.figures("RunsSucceeded") == []
    assert pipeline.call("close_run", closing | {"round": 10})["outcome"] == "successor"
    assert [metric.values for metric in told.figures("RunsSucceeded")] == [(1.0,)]
    assert told.figures("RunDuration")[0].values[0] >= 0


def test_a_sweep_tells_how_old_each_feeds_newest_delivery_is(pipeline: Pipeline, told: Told) -> None:
    run_id(pipeline)
    pipeline.query("update ops.runs set started_at = started_at - interval '3 hours'")
    before = (datetime.now(UTC) - timedelta(hours=10)).isoformat()
    pipeline.load(pipeline.deliver("sales_data.csv", GOOD, delivered_at=before))
    pipeline.load(pipeline.deliver("raw/products/refused.csv", b"nothing\n", delivered_at=before))
    pipeline.open(sweep=True)
    ages = {
        metric.dimensions["feed"]: metric.values[0]
        for metric in told.figures("DeliveryAge")
        if "feed" in metric.dimensions
    }
    assert ages.keys() == load_contracts().keys()
    assert ages["sales"] == pytest.approx(10 * 3600, abs=60)
    assert ages["products"] == pytest.approx(3 * 3600, abs=60), "what was refused is no delivery: since the first run"


def test_the_way_from_drop_to_mart_is_that_of_the_files_which_the_build_took_in(pipeline: Pipeline) -> None:
    run = run_id(pipeline)
    for hours, name in ((2, "sales_data_1.csv"), (5, "sales_data_2.csv")):
        before = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
        delivery = pipeline.deliver(name, GOOD.replace(b"1,2", b"%d,2" % hours), delivered_at=before)
        pipeline.call("load", {"delivery_id": delivery, "run_id": run})
    assert lags(pipeline, run) == {}, "no build has begun"
    pipeline.call("needs_build", {"run_id": run, "round": 10, "force": False})
    assert lags(pipeline, run) == {"sales": pytest.approx(5 * 3600, abs=60)}
    pipeline.call("close_run", {"run_id": run, "execution_arn": EXECUTION, "round": 1, "built": True})
    assert lags(pipeline, run) == {}, "they are in the marts already"


def lags(pipeline: Pipeline, run: int) -> dict[str, float]:
    connection = pipeline.connect()
    try:
        with transaction(connection) as cursor:
            return timeliness.drop_to_mart(cursor, run)
    finally:
        connection.close()
