"""Figures are lines that CloudWatch makes metrics of: under the stage, and under the feed in it."""

import json
from typing import Any

import pytest

from loaders import metrics
from loaders.load.rds import Outcome
from loaders.runs import Totals
from localcloud.aws.embedded_metrics import metrics_in

OUTCOME = Outcome(3, "sales", "raw/sales/a.csv", 1000, "loaded", 9, 50, 40, 10, None)
TOTALS = Totals(1, 1, 0, 0, 50, 40, 10)
STAGE, FEED = {"stage": "dev"}, {"feed": "sales", "stage": "dev"}


@pytest.fixture(autouse=True)
def _stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "dev")


def told(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every metric that was printed, by name and dimensions."""
    lines = capsys.readouterr().out.splitlines()
    found = [metric for line in lines for metric in metrics_in(line)]
    assert {metric.namespace for metric in found} == {"xtage"}
    return {(metric.name, tuple(sorted(metric.dimensions.items()))): metric.values[0] for metric in found}


def of(dimensions: dict[str, str], **figures: float) -> dict[Any, float]:
    return {(name, tuple(sorted(dimensions.items()))): value for name, value in figures.items()}


def test_a_file_that_landed_is_counted_with_its_records_and_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_file(OUTCOME, 7, 1.5)
    figures = {
        "FilesLanded": 1,
        "LoadDuration": 1.5,
        "BytesLanded": 1000,
        "RecordsRead": 50,
        "RecordsLanded": 40,
        "RecordsRejected": 10,
        "RejectRate": 20,
    }
    assert told(capsys) == of(FEED, **figures) | of(STAGE, **figures)


def test_the_line_has_the_ids_of_run_load_and_delivery(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_file(OUTCOME, 7, 1.5)
    line = json.loads(capsys.readouterr().out)
    assert [line[name] for name in ("run_id", "load_id", "delivery_id", "feed")] == [7, 9, 3, "sales"]


@pytest.mark.parametrize(("status", "name"), [("duplicate", "FilesDuplicate"), ("failed", "FilesRefused")])
def test_of_what_did_not_land_only_the_file_is_counted(
    capsys: pytest.CaptureFixture[str], status: str, name: str
) -> None:
    metrics.count_file(Outcome(3, "sales", "a", 10, status, None, None, None, None, "why"), 7, 2)
    assert told(capsys) == of(FEED, **{name: 1, "LoadDuration": 2}) | of(STAGE, **{name: 1, "LoadDuration": 2})


def test_a_file_that_is_still_pending_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_file(Outcome(3, "orders", "a", 10, "pending", None, None, None, None, None), 7, 2)
    assert capsys.readouterr().out == ""


def test_an_empty_file_that_is_allowed_has_no_rejects(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_file(Outcome(3, "sales", "a", 10, "loaded", 9, 0, 0, 0, None), 7, 2)
    assert of(STAGE, RejectRate=0).items() <= told(capsys).items()


def test_a_file_of_no_feed_is_counted_for_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_refused(None, None, 3)
    assert told(capsys) == of(STAGE, FilesRefused=1)


def test_a_run_is_counted_with_its_duration_where_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_run(7, TOTALS, 12.5, succeeded=True)
    assert told(capsys) == of(STAGE, RunsSucceeded=1, RunDuration=12.5)
    metrics.count_run(None, TOTALS, None, succeeded=False)
    assert told(capsys) == of(STAGE, RunsFailed=1)


def test_failed_tests_are_told_where_a_build_ran_any(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.count_failed_tests(7, 2)
    assert told(capsys) == of(STAGE, FailedTests=2)
    metrics.count_failed_tests(7, None)
    assert capsys.readouterr().out == ""


def test_ages_and_lags_are_told_by_feed(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.tell_delivery_ages({"sales": 60})
    metrics.tell_drop_to_mart(7, {"sales": 90})
    figures = {"DeliveryAge": 60, "DropToMart": 90}
    assert told(capsys) == of(FEED, **figures) | of(STAGE, **figures)


def test_without_a_stage_nothing_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STAGE")
    metrics.count_file(OUTCOME, 7, 1.5)
    assert capsys.readouterr().out == ""
