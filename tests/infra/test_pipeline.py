"""The state machine's promises, on the embedded AWS's engine: what is loaded, retried, recorded, taken over."""

import json
from typing import Any

import pytest

from loaders.failures import described
from tests.infra.conftest import DEFINITION, Pipeline

EVENT = {"detail-type": "Object Created", "detail": {"object": {"key": "raw/sales/a.csv"}}}


def test_a_run_loads_each_delivery_once_and_closes(pipeline: Pipeline) -> None:
    run = pipeline.run(**EVENT)
    assert run["status"] == "SUCCEEDED"
    assert run["output"] == {"outcome": "closed", "records_loaded": 2}
    assert sorted(call["delivery_id"] for call in pipeline.calls("Load")) == [1, 2]
    assert all(call["run_id"] == 7 for call in pipeline.calls("Load"))
    closing = {"run_id": 7, "execution_arn": run["executionArn"], "round": 1, "built": False, "redshift_built": False}
    assert pipeline.calls("CloseRun") == [closing]
    assert pipeline.calls("RecordFailure") == pipeline.calls("FailRun") == []


def test_the_event_that_started_the_run_is_registered_by_it(pipeline: Pipeline) -> None:
    run = pipeline.run(**EVENT)
    opening = {"execution_arn": run["executionArn"], "event": EVENT, "sweep": False, "dead_holder": None}
    assert pipeline.calls("OpenRun") == [opening]


def test_a_sweep_has_no_event(pipeline: Pipeline) -> None:
    pipeline.run(trigger="sweep", sweep=True)
    assert [(call["event"], call["sweep"]) for call in pipeline.calls("OpenRun")] == [(None, True)]


@pytest.mark.parametrize("count", [0, 1, 100], ids=["no file", "one file", "a full round"])
def test_a_round_of_any_size_is_loaded(pipeline: Pipeline, count: int) -> None:
    pipeline.script(NextRound={"deliveries": [{"delivery_id": number} for number in range(count)]})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert sorted(call["delivery_id"] for call in pipeline.calls("Load")) == list(range(count))


def nested(*deliveries: int) -> dict[str, Any]:
    return {"deliveries": [{"delivery_id": number, "route": "glue"} for number in deliveries]}


def test_a_nested_file_is_split_flattened_and_landed(pipeline: Pipeline) -> None:
    flat = {"delivery_id": 2, "route": "lambda"}
    pipeline.script(NextRound={"deliveries": [*nested(1)["deliveries"], flat]})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.calls("Split") == [{"delivery_id": 1, "run_id": 7}]
    assert pipeline.calls("Job") == [{"location": "s3://bucket/work/1/", "lake": False}]
    assert pipeline.calls("Land") == [{"delivery_id": 1, "run_id": 7, "prefix": "work/1/"}]
    assert [call["delivery_id"] for call in pipeline.calls("Load")] == [2]


def test_a_nested_file_that_is_settled_by_the_split_starts_no_job(pipeline: Pipeline) -> None:
    pipeline.script(NextRound=nested(1), Split={"outcome": "settled", "status": "failed"})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.calls("Job") == pipeline.calls("Land") == pipeline.calls("RecordFailure") == []


def test_a_failed_job_is_recorded_with_its_error_and_does_not_stop_the_other_files(pipeline: Pipeline) -> None:
    odd = {"outcome": "split", "prefix": "work/odd/", "location": "s3://bucket/work/odd/"}
    pipeline.script(NextRound={"deliveries": [*nested(1)["deliveries"], {"delivery_id": 2}]}, Split=odd)
    assert pipeline.run()["status"] == "SUCCEEDED"
    (failure,) = pipeline.calls("RecordFailure")
    assert (failure["delivery_id"], failure["error"]) == (1, "States.TaskFailed")
    assert "ValueError: the place is odd" in described(failure["error"], failure["cause"])
    assert pipeline.calls("Land") == []
    assert [call["delivery_id"] for call in pipeline.calls("Load")] == [2]


def test_an_execution_that_finds_a_live_run_leaves_it_the_work(pipeline: Pipeline) -> None:
    holder = pipeline.start_and_stay()
    try:
        pipeline.script(OpenRun={"outcome": "held", "run_id": None, "holder": holder})
        second = pipeline.run(**EVENT)
    finally:
        pipeline.stop(holder)
    assert second["output"] == {"outcome": "already_running", "holder": holder}
    assert second["status"] == "SUCCEEDED"


def test_the_lease_of_a_stopped_execution_is_taken_over(pipeline: Pipeline) -> None:
    holder = pipeline.start_and_stay()
    pipeline.stop(holder)
    pipeline.script(NextRound={"deliveries": []})
    check_takeover(pipeline, holder)


def test_the_lease_of_an_execution_that_nobody_knows_any_more_is_taken_over(pipeline: Pipeline) -> None:
    check_takeover(pipeline, f"{pipeline.arn.replace(':stateMachine:', ':execution:')}:long-gone")


def check_takeover(pipeline: Pipeline, holder: str) -> None:
    held = {"outcome": "held", "run_id": None, "holder": holder}
    pipeline.script(OpenRun=[held, {"outcome": "opened", "run_id": 8, "holder": None}])
    run = pipeline.run(**EVENT)
    assert run["output"]["outcome"] == "closed"
    mine = [call for call in pipeline.calls("OpenRun") if call["execution_arn"] == run["executionArn"]]
    assert [call["dead_holder"] for call in mine] == [None, holder]


def test_what_arrives_meanwhile_is_drained_in_further_rounds(pipeline: Pipeline) -> None:
    pipeline.script(
        NextRound=[{"deliveries": [{"delivery_id": 1}]}, {"deliveries": [{"delivery_id": 2}]}],
        CloseRun=[{"outcome": "more"}, {"outcome": "closed"}],
    )
    assert pipeline.run()["output"] == {"outcome": "closed"}
    assert [call["round"] for call in pipeline.calls("NextRound")] == [1, 2]
    assert [call["round"] for call in pipeline.calls("CloseRun")] == [1, 2]
    assert [call["delivery_id"] for call in pipeline.calls("Load")] == [1, 2]


def test_a_run_of_many_rounds_starts_its_successor(pipeline: Pipeline) -> None:
    pipeline.script(CloseRun=[{"outcome": "successor"}, {"outcome": "closed"}])
    assert pipeline.run()["output"] == {"outcome": "successor"}
    listed = pipeline.states.list_executions(stateMachineArn=pipeline.arn)["executions"]
    ended = [pipeline.finish(execution["executionArn"]) for execution in listed]
    (successor,) = [execution for execution in ended if json.loads(execution["input"]) == {"trigger": "successor"}]
    assert json.loads(successor["output"]) == {"outcome": "closed"}


def test_a_transient_error_is_tried_again(pipeline: Pipeline) -> None:
    transient = {"raise": "TransientError", "message": "the database is restarting"}
    pipeline.script(NextRound={"deliveries": [{"delivery_id": 1}]}, Load=[transient, {"status": "loaded"}])
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert len(pipeline.calls("Load")) == 2
    assert pipeline.calls("RecordFailure") == []


def test_an_error_that_a_person_must_mend_is_not_tried_again_and_does_not_stop_the_other_files(
    pipeline: Pipeline,
) -> None:
    terminal = {"raise": "TerminalError", "message": "no such table"}
    pipeline.script(
        NextRound={"deliveries": [{"delivery_id": number} for number in (1, 2, 3)]},
        Load=[terminal, {"status": "loaded"}],
    )
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert len(pipeline.calls("Load")) == 3
    (failure,) = pipeline.calls("RecordFailure")
    assert failure["run_id"] == 7
    assert failure["error"] == "TerminalError"
    assert "no such table" in failure["cause"]


@pytest.mark.parametrize("state", ["NextRound", "NeedsBuild", "CloseRun"])
def test_a_failed_run_says_which_state_and_why(pipeline: Pipeline, state: str) -> None:
    pipeline.script(**{state: {"raise": "TerminalError", "message": "permission denied"}})
    run = pipeline.run()
    assert (run["status"], run["error"]) == ("FAILED", "TerminalError")
    assert run["cause"].startswith(f"{state}: ")
    (failure,) = pipeline.calls("FailRun")
    assert (failure["run_id"], failure["execution_arn"]) == (7, run["executionArn"])
    assert (failure["state"], failure["error"]) == (state, "TerminalError")
    assert "permission denied" in failure["cause"]


def test_a_failure_that_cannot_be_recorded_fails_the_run(pipeline: Pipeline) -> None:
    pipeline.script(
        Load={"raise": "TerminalError", "message": "first"},
        RecordFailure={"raise": "TerminalError", "message": "second"},
    )
    assert pipeline.run()["status"] == "FAILED"
    (failure,) = pipeline.calls("FailRun")
    assert failure["state"] == "LoadFiles"
    assert "second" in failure["cause"]


def test_a_run_that_cannot_even_write_down_its_failure_ends_with_the_first_reason(pipeline: Pipeline) -> None:
    pipeline.script(
        NextRound={"raise": "TerminalError", "message": "first"},
        FailRun={"raise": "TerminalError", "message": "second"},
    )
    run = pipeline.run()
    assert run["status"] == "FAILED"
    assert "first" in run["cause"]


def test_a_run_that_could_not_open_has_nothing_to_close(pipeline: Pipeline) -> None:
    pipeline.script(OpenRun={"raise": "TerminalError", "message": "no secret"})
    run = pipeline.run()
    assert (run["status"], run["error"]) == ("FAILED", "TerminalError")
    assert run["cause"].startswith("OpenRun: ")
    assert {name for name, _ in pipeline.calls()} == {"OpenRun"}


def test_a_run_that_landed_something_builds_before_it_closes(pipeline: Pipeline) -> None:
    pipeline.script_build()
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "no"})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert [call["built"] for call in pipeline.calls("CloseRun")] == [True]


PUBLISH = {"outcome": "publish", "prefix": "work/lake/1/", "location": "s3://b/work/lake/1/", "lake": "s3://b/"}


def test_what_changed_in_the_marts_is_published_after_the_build_and_then_switched(pipeline: Pipeline) -> None:
    pipeline.script_build()
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "no"}, PlanLake=PUBLISH)
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.calls("Job") == [{"location": "s3://b/work/lake/1/", "lake": True}]
    assert pipeline.calls("SwitchLake") == [{"run_id": 7, "prefix": "work/lake/1/"}]


def test_a_lake_that_could_not_be_written_fails_the_run_and_is_not_switched(pipeline: Pipeline) -> None:
    pipeline.script_build()
    odd = PUBLISH | {"location": "s3://b/work/lake/odd/"}
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "no"}, PlanLake=odd)
    assert pipeline.run()["status"] == "FAILED"
    (failure,) = pipeline.calls("FailRun")
    assert failure["state"] == "PublishLake"
    assert "ValueError: the place is odd" in described(failure["error"], failure["cause"])
    assert pipeline.calls("SwitchLake") == []


def test_what_arrives_while_files_load_is_loaded_before_the_one_build(pipeline: Pipeline) -> None:
    pipeline.script_build()
    pipeline.script(NeedsBuild=[{"build": "more", "redshift": "no"}, {"build": "yes", "redshift": "no"}])
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert [call["round"] for call in pipeline.calls("NextRound")] == [1, 2]
    assert [call["round"] for call in pipeline.calls("NeedsBuild")] == [1, 2]
    assert [call["round"] for call in pipeline.calls("CloseRun")] == [2]


def test_a_build_is_forced_by_the_one_who_starts_the_run(pipeline: Pipeline) -> None:
    pipeline.run(force_build=True)
    pipeline.run(force_build=False)
    pipeline.run(**EVENT)
    assert [call["force"] for call in pipeline.calls("NeedsBuild")] == [True, False, False]


def test_a_failed_build_says_which_model_failed(pipeline: Pipeline) -> None:
    pipeline.script_build(broken="", reason='model stg_sales: column "x" does not exist')
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "no"})
    run = pipeline.run()
    assert run["status"] == "FAILED"
    (failure,) = pipeline.calls("FailRun")
    assert (failure["state"], failure["cause"]) == ("Build", 'model stg_sales: column "x" does not exist')
    assert run["cause"] == 'Build: model stg_sales: column "x" does not exist'
    assert pipeline.calls("CloseRun") == []


def test_a_build_that_failed_without_a_word_says_which_command_it_was(pipeline: Pipeline) -> None:
    pipeline.script_build(broken="")
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "no"})
    pipeline.run()
    (failure,) = pipeline.calls("FailRun")
    assert failure["state"] == "Build"
    assert "test ! -f broken" in failure["cause"]


def tasks(states: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every Task of a state machine, those inside a Map too."""
    inner = [tasks(state["ItemProcessor"]["States"]) for state in states.values() if state["Type"] == "Map"]
    found = {name: state for name, state in states.items() if state["Type"] == "Task"}
    return {name: state for part in (found, *inner) for name, state in part.items()}


def test_only_transient_errors_and_the_services_own_are_retried() -> None:
    retried = {
        error
        for state in tasks(json.loads(DEFINITION.read_text())["States"]).values()
        for retrier in state.get("Retry", [])
        for error in retrier["ErrorEquals"]
    }
    services = {"Lambda", "Sfn", "StepFunctions", "Glue", "SNS"}
    assert {error for error in retried if error.split(".")[0] not in services} == {"TransientError"}


def test_every_lambda_retries_alike_with_backoff_and_jitter() -> None:
    states = tasks(json.loads(DEFINITION.read_text())["States"])
    policies = [state["Retry"] for state in states.values() if state["Resource"].endswith(":lambda:invoke")]
    assert len(policies) == 12
    assert all(policy == policies[0] for policy in policies)
    assert all(retrier["BackoffRate"] > 1 and retrier["JitterStrategy"] == "FULL" for retrier in policies[0])


def test_every_task_catches_whatever_it_does_not_retry() -> None:
    states = json.loads(DEFINITION.read_text())["States"]
    uncaught = [name for name, state in states.items() if state["Type"] in ("Task", "Map") and not catches_all(state)]
    assert uncaught == []


def catches_all(state: dict[str, Any]) -> bool:
    return any("States.ALL" in catcher["ErrorEquals"] for catcher in state.get("Catch", []))


def test_no_feature_is_used_that_the_embedded_engine_ignores() -> None:
    text = DEFINITION.read_text()
    assert all(feature not in text for feature in ("ItemBatcher", "ResultWriter", "s3:getObject", "DISTRIBUTED"))


def test_redshift_is_copied_to_and_built_after_rds(pipeline: Pipeline) -> None:
    pipeline.script_build()
    pipeline.script(
        NeedsBuild={"build": "yes", "redshift": "yes"}, CopyToRedshift=[{"outcome": "more"}, {"outcome": "done"}]
    )
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert pipeline.calls("CopyToRedshift") == [{"run_id": 7}, {"run_id": 7}]
    assert [(call["built"], call["redshift_built"]) for call in pipeline.calls("CloseRun")] == [(True, True)]


def test_redshift_catches_up_when_rds_has_nothing_to_build(pipeline: Pipeline) -> None:
    pipeline.script_build()
    pipeline.script(NeedsBuild={"build": "no", "redshift": "yes"})
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert [(call["built"], call["redshift_built"]) for call in pipeline.calls("CloseRun")] == [(False, True)]


def test_a_collision_in_redshift_is_tried_again(pipeline: Pipeline) -> None:
    pipeline.script_build()
    collision = {"raise": "TransientError", "message": "Redshift: 1023 Serializable isolation violation"}
    pipeline.script(NeedsBuild={"build": "no", "redshift": "yes"}, CopyToRedshift=[collision, {"outcome": "done"}])
    assert pipeline.run()["status"] == "SUCCEEDED"
    assert len(pipeline.calls("CopyToRedshift")) == 2


def test_what_fails_in_redshift_is_reported_and_what_rds_built_stays_built(pipeline: Pipeline) -> None:
    pipeline.script_build()
    pipeline.script(
        NeedsBuild={"build": "yes", "redshift": "yes"},
        CopyToRedshift={"raise": "TerminalError", "message": "Redshift: permission denied"},
    )
    run = pipeline.run()
    assert run["status"] == "FAILED"
    assert run["cause"].startswith("CopyToRedshift: ")
    (failure,) = pipeline.calls("FailRun")
    assert (failure["state"], failure["built"], failure["redshift_built"]) == ("CopyToRedshift", True, False)
    assert pipeline.calls("CloseRun") == []


def test_a_build_that_fails_in_redshift_alone_says_where(pipeline: Pipeline) -> None:
    pipeline.script_build(redshift_broken="", reason="model stg_sales: no such function")
    pipeline.script(NeedsBuild={"build": "yes", "redshift": "yes"})
    assert pipeline.run()["cause"] == "BuildRedshift: model stg_sales: no such function"
    (failure,) = pipeline.calls("FailRun")
    assert (failure["state"], failure["built"], failure["redshift_built"]) == ("BuildRedshift", True, False)
