"""Whom the state machine tells of a refused file, and what it tells the other steps for the figures."""

import json

from tests.infra.conftest import DEFINITION, Pipeline
from tests.infra.test_pipeline import EVENT, nested, tasks

JOBS = ("Flatten", "PublishLake")
NOTICE = {"subject": "a file of sales was refused", "message": "File: a.csv"}
TOLD = ("xtage test: a file of sales was refused", "File: a.csv")


def test_a_refused_file_is_told_to_a_person_and_does_not_stop_the_others(pipeline: Pipeline) -> None:
    pipeline.script(Load=[{"status": "failed", "notice": NOTICE}, {"status": "loaded"}])
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.notices() == [TOLD]
    assert len(pipeline.calls("Load")) == 2


def test_a_nested_file_is_told_of_whichever_step_refuses_it(pipeline: Pipeline) -> None:
    refused = {"outcome": "settled", "status": "failed", "notice": NOTICE}
    split = {"outcome": "split", "prefix": "work/1/", "location": "s3://bucket/work/1/"}
    pipeline.script(NextRound=nested(1), Split=refused)
    assert pipeline.run()["status"] == "SUCCEEDED"
    pipeline.script(NextRound=nested(2), Split=split, Land={"status": "failed", "notice": NOTICE})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.notices() == [TOLD, TOLD]


def test_a_file_that_failed_for_good_is_told_of(pipeline: Pipeline) -> None:
    pipeline.script(
        NextRound={"deliveries": [{"delivery_id": 1}]},
        Load={"raise": "TerminalError", "message": "no such table"},
        RecordFailure={"status": "failed", "notice": NOTICE},
    )
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.notices() == [TOLD]


def test_a_drop_of_no_feed_is_told_of_and_the_run_goes_on(pipeline: Pipeline) -> None:
    opened = {"outcome": "opened", "run_id": 7, "holder": None}
    pipeline.script(OpenRun=opened | {"notice": {"subject": "a file of no feed was dropped", "message": "File: x"}})
    assert pipeline.run(**EVENT)["status"] == "SUCCEEDED"
    assert pipeline.notices() == [("xtage test: a file of no feed was dropped", "File: x")]
    assert len(pipeline.calls("Load")) == 2


def test_what_cannot_be_told_does_not_fail_the_run(pipeline: Pipeline) -> None:
    too_long = {"subject": "a file", "message": "x" * 300_000}
    pipeline.script(Load={"status": "failed", "notice": too_long})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert len(pipeline.calls("CloseRun")) == 1


def test_nothing_is_told_of_files_that_landed(pipeline: Pipeline) -> None:
    assert pipeline.run(**EVENT)["status"] == "SUCCEEDED"
    assert pipeline.notices() == []


def test_a_failed_build_says_how_many_tests_failed(pipeline: Pipeline) -> None:
    pipeline.script_build(broken="", count="3")
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "no"})
    pipeline.run()
    pipeline.script(NeedsBuild={"raise": "TerminalError", "message": "no build"})
    pipeline.run()
    assert [failure["failed_tests"] for failure in pipeline.calls("FailRun")] == ["3", None]


def test_jobs_are_told_whose_work_they_do() -> None:
    states = tasks(json.loads(DEFINITION.read_text())["States"])
    ids = {name: set(states[name]["Arguments"]["Arguments"]) & {"--run-id", "--delivery-id"} for name in JOBS}
    assert ids == {"Flatten": {"--run-id", "--delivery-id"}, "PublishLake": {"--run-id"}}
