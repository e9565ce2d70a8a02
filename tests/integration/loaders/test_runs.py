"""One run at a time, and no lost wake-up."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from loaders import runs
from loaders.contract import load_contracts
from loaders.database import transaction
from loaders.discovery import register_event
from loaders.errors import TerminalError
from loaders.runs import MAX_ROUNDS, ROUND_FILES
from tests.integration.loaders.conftest import EXECUTION, SALES, Context, Pipeline
from tests.integration.loaders.test_exactly_once import wait_for

OTHER = EXECUTION.replace(":one", ":two")


def record(number: int) -> bytes:
    return SALES + b"%d,2,3,4,2022-12-06\n" % number


def close(pipeline: Pipeline, run_id: int, *, round_number: int = 1, built: bool = False) -> dict[str, Any]:
    event = {"run_id": run_id, "execution_arn": EXECUTION, "round": round_number, "built": built}
    return pipeline.call("close_run", event)


def next_round(pipeline: Pipeline, run_id: int, round_number: int = 1) -> list[int]:
    event = {"run_id": run_id, "execution_arn": EXECUTION, "round": round_number}
    return [one["delivery_id"] for one in pipeline.call("next_round", event)["deliveries"]]


def needs_build(pipeline: Pipeline, run_id: int, round_number: int = 1, *, force: bool = False) -> str:
    event = {"run_id": run_id, "round": round_number, "force": force}
    answer: str = pipeline.call("needs_build", event)["build"]
    return answer


def lease(pipeline: Pipeline) -> tuple[Any, ...]:
    return pipeline.query("select execution_arn, run_id, expires_at is null from ops.lease")[0]


def test_a_run_drains_what_is_pending_and_ends_with_its_totals(pipeline: Pipeline) -> None:
    bodies = [record(1), record(1), record(2) + b"short\n", SALES]
    for number, body in enumerate(bodies):
        pipeline.open(pipeline.put(f"sales_data_{number}.csv", body))
    run_id = pipeline.open()["run_id"]
    for delivery in next_round(pipeline, run_id):
        pipeline.call("load", {"delivery_id": delivery, "run_id": run_id})
    assert next_round(pipeline, run_id) == []
    assert needs_build(pipeline, run_id) == "yes"

    figures = {"files": 4, "files_loaded": 2, "files_duplicate": 1, "files_failed": 1}
    records = {"records_read": 3, "records_loaded": 2, "records_rejected": 1}
    assert close(pipeline, run_id, built=True) == {"outcome": "closed", "run_id": run_id, **figures, **records}
    columns = ", ".join([*figures, *records])
    row = pipeline.query(f"select status, error, finished_at is null, {columns} from ops.runs")
    assert row == [("succeeded", None, False, *figures.values(), *records.values())]
    assert lease(pipeline) == (None, None, True)


def test_a_second_execution_finds_the_lease_held(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    assert pipeline.open(execution_arn=OTHER) == {"outcome": "held", "run_id": None, "holder": EXECUTION}
    assert pipeline.open() == {"outcome": "opened", "run_id": run_id, "holder": EXECUTION}, "asked again, the same run"
    assert pipeline.query("select count(*) from ops.runs") == [(1,)]


@pytest.mark.parametrize("how", ["expired", "dead", "of another stage"])
def test_a_lease_of_a_dead_run_is_taken_over_and_its_run_abandoned(pipeline: Pipeline, how: str) -> None:
    first = pipeline.open(pipeline.put("sales_data.csv", record(1)))["run_id"]
    pipeline.call("load", {"delivery_id": pipeline.deliver("raw/sales/loaded.csv", record(2)), "run_id": first})
    if how == "expired":
        pipeline.query("update ops.lease set expires_at = (now() at time zone 'utc') - interval '1 second'")
    execution = "arn:aws:states:us-east-1:0:execution:xtage-dev-pipeline:1" if how == "of another stage" else OTHER
    second = pipeline.open(execution_arn=execution, dead_holder=EXECUTION if how == "dead" else None)

    assert second["outcome"] == "opened"
    assert pipeline.query("select run_id, status, files, records_loaded from ops.runs order by run_id") == [
        (first, "abandoned", 1, 1),
        (second["run_id"], "running", 0, 0),
    ]
    assert len(next_round(pipeline, second["run_id"])) == 1, "what it left is loaded"
    for late in (lambda: next_round(pipeline, first), lambda: close(pipeline, first)):
        with pytest.raises(TerminalError, match=f"run {first} no longer holds the lease"):
            late()


def test_a_dead_holder_that_no_longer_holds_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.open(execution_arn=OTHER)
    assert pipeline.open(execution_arn=EXECUTION.replace(":one", ":three"), dead_holder=EXECUTION)["outcome"] == "held"


def test_a_delivery_that_came_during_the_run_makes_another_round(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    pipeline.open(pipeline.put("sales_data.csv", record(1)), execution_arn=OTHER)
    assert close(pipeline, run_id)["outcome"] == "more"
    assert lease(pipeline)[1] == run_id
    assert len(next_round(pipeline, run_id, 2)) == 1


def test_after_ten_rounds_a_successor_goes_on(pipeline: Pipeline) -> None:
    run_id = pipeline.open(pipeline.put("sales_data.csv", record(1)))["run_id"]
    for _ in range(2):
        assert close(pipeline, run_id, round_number=MAX_ROUNDS)["outcome"] == "successor"
    assert lease(pipeline) == (None, None, True)
    assert pipeline.open(execution_arn=OTHER)["outcome"] == "opened"


def test_a_round_has_at_most_a_hundred_files_oldest_first(pipeline: Pipeline) -> None:
    pipeline.deliver("sales_data.csv", record(1))
    pipeline.query(
        "insert into ops.deliveries (feed, bucket, object_key, version_id, delivered_at, bytes) "
        "select 'sales', bucket, 'k' || n, version_id, delivered_at, bytes "
        "from ops.deliveries, generate_series(1, 250) as n"
    )
    first = next_round(pipeline, pipeline.open()["run_id"])
    assert first == sorted(first)
    assert len(first) == ROUND_FILES


def test_closing_again_changes_nothing(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    first = close(pipeline, run_id)
    assert pipeline.open(execution_arn=OTHER)["outcome"] == "opened"
    assert close(pipeline, run_id) == first
    assert lease(pipeline)[0] == OTHER


def test_a_transient_failure_is_tried_by_later_runs_and_fails_after_five(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", record(1))
    failure = {"error": "TransientError", "cause": '{"errorMessage": "the database is away"}'}
    statuses = []
    for attempt in range(5):
        run_id = pipeline.open(execution_arn=f"execution {attempt}" if attempt else EXECUTION)["run_id"]
        assert next_round(pipeline, run_id) == [delivery]
        statuses.append(
            pipeline.call("record_failure", {"delivery_id": delivery, "run_id": run_id} | failure)["status"]
        )
        assert next_round(pipeline, run_id) == [], "not twice in one run"
        close(pipeline, run_id)
    assert statuses == ["pending"] * 4 + ["failed"]
    row = pipeline.query("select attempts, error, finished_at is null from ops.deliveries")
    assert row == [(5, "TransientError: the database is away", False)]


@pytest.mark.parametrize("error", ["TerminalError", "States.Runtime", "KeyError"])
def test_another_failure_is_final(pipeline: Pipeline, error: str) -> None:
    delivery = pipeline.deliver("sales_data.csv", record(1))
    answer = pipeline.call("record_failure", {"delivery_id": delivery, "run_id": 1, "error": error, "cause": "why"})
    assert answer.pop("notice")["subject"] == "a file of sales was refused"
    assert answer == {"delivery_id": delivery, "status": "failed", "error": f"{error}: why"}


def test_a_failure_told_after_the_file_landed_changes_nothing(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", record(1))
    pipeline.load(delivery)
    event = {"delivery_id": delivery, "run_id": 1, "error": "Lambda.Unknown", "cause": ""}
    assert pipeline.call("record_failure", event)["status"] == "loaded"


def test_a_failed_run_says_which_state_failed_and_why_and_frees_the_lease(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    event = {"run_id": run_id, "execution_arn": EXECUTION, "state": "Build", "error": "States.Timeout", "cause": "no"}
    pipeline.call("fail_run", event)
    assert pipeline.query("select status, error from ops.runs") == [("failed", "Build: States.Timeout: no")]
    assert lease(pipeline) == (None, None, True)


def test_a_run_that_could_not_be_opened_is_seen_too(pipeline: Pipeline) -> None:
    event = {"run_id": None, "execution_arn": OTHER, "state": "OpenRun", "error": "TerminalError", "cause": "no"}
    pipeline.call("fail_run", event)
    assert pipeline.query("select execution_arn, status, error from ops.runs") == [
        (OTHER, "failed", "OpenRun: TerminalError: no")
    ]


def test_a_late_failure_of_an_abandoned_run_leaves_the_lease_to_its_holder(pipeline: Pipeline) -> None:
    first = pipeline.open()["run_id"]
    second = pipeline.open(execution_arn=OTHER, dead_holder=EXECUTION)["run_id"]
    event = {"run_id": first, "execution_arn": EXECUTION, "state": "NextRound", "error": "TerminalError", "cause": "no"}
    pipeline.call("fail_run", event)
    assert lease(pipeline)[1] == second
    assert pipeline.query("select status from ops.runs where run_id = %s", first) == [("abandoned",)]


def test_dbt_builds_when_something_landed_and_until_a_build_succeeded(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    assert needs_build(pipeline, run_id) == "no", "nothing has ever landed"
    pipeline.load(pipeline.deliver("sales_data.csv", record(1)))
    assert needs_build(pipeline, run_id) == "yes"
    close(pipeline, run_id, built=False)

    run_id = pipeline.open(execution_arn=OTHER)["run_id"]
    assert needs_build(pipeline, run_id) == "yes", "the last build failed"
    close(pipeline, run_id, built=True)
    run_id = pipeline.open()["run_id"]
    assert needs_build(pipeline, run_id) == "no"
    assert needs_build(pipeline, run_id, force=True) == "yes"
    pipeline.load(pipeline.deliver("sales_data_2.csv", record(1)))
    assert needs_build(pipeline, run_id) == "yes", "a duplicate may change what is current"


def blocks_read(pipeline: Pipeline, load_id: int) -> int:
    """How many blocks of the raw table are read for the rows of a load, when they are looked for by the index."""
    connection = pipeline.connect()
    cursor = connection.cursor()
    cursor.execute("set enable_seqscan = off")
    cursor.execute(f"explain (analyze, format json) select * from raw.sales where _load_id = {load_id}")
    [[[explained]]] = cursor.fetchall()
    connection.close()
    return int(explained["Plan"]["Exact Heap Blocks"] + explained["Plan"]["Lossy Heap Blocks"])


def test_a_build_finds_new_rows_by_their_index(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    first, second = (
        pipeline.load(
            pipeline.deliver(
                f"sales_data_{turn}.csv", SALES + b"".join(b"%d,2,3,4,\n" % number for number in range(turn, 50_000))
            )
        )["load_id"]
        for turn in (1, 2)
    )
    [(blocks,)] = pipeline.query("select pg_relation_size('raw.sales') / 8192")
    assert blocks_read(pipeline, first) == blocks, "the index has not been told yet"
    assert needs_build(pipeline, run_id) == "yes"
    # Blocks are looked at in ranges of 128; the one in which the first load ends has the second's first rows.
    assert all(blocks / 4 < blocks_read(pipeline, load_id) < blocks * 3 / 4 for load_id in (first, second))


def test_a_build_does_not_wait_for_an_index_that_takes_too_long(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"".join(b"%d,2,3,4,\n" % one for one in range(50_000))))
    vacuum = pipeline.connect()
    # Holds what a VACUUM holds.
    vacuum.cursor().execute("lock table raw.sales in share update exclusive mode")
    event = {"run_id": run_id, "round": 1, "force": False}
    began = time.monotonic()
    assert pipeline.call("needs_build", event, Context(remaining_milliseconds=2_000))["build"] == "yes"
    assert time.monotonic() - began < 10
    vacuum.close()


def test_files_that_arrived_meanwhile_are_loaded_before_the_build_while_there_are_rounds(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    pipeline.load(pipeline.deliver("sales_data.csv", record(1)))
    waiting = pipeline.deliver("sales_data_2.csv", record(2))
    assert needs_build(pipeline, run_id) == "more"
    assert needs_build(pipeline, run_id, round_number=10) == "yes"
    pipeline.call("load", {"delivery_id": waiting, "run_id": run_id})
    assert needs_build(pipeline, run_id) == "yes"


def together(pipeline: Pipeline, first: Callable[[Any], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """Runs `first` in a transaction that stays open until `second`, in a thread, waits for it; returns both answers."""
    answers: list[Any] = []
    connection = pipeline.connect()
    thread = threading.Thread(target=lambda: answers.append(second()))
    with transaction(connection) as cursor:
        answer = first(cursor)
        thread.start()
        wait_for(lambda: bool(pipeline.query("select 1 from pg_locks where not granted")))
    thread.join()
    connection.close()
    return answer, answers[0]


def test_a_drop_registered_while_the_run_closes_opens_a_run_of_its_own(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    event = pipeline.put("sales_data.csv", record(1))
    closed, opened = together(
        pipeline,
        lambda cursor: runs.close_run(cursor, run_id, 1, runs.Built())[0],
        lambda: pipeline.open(event, execution_arn=OTHER),
    )
    assert (closed, opened["outcome"]) == ("closed", "opened")
    assert len(next_round(pipeline, opened["run_id"])) == 1


def test_a_drop_registered_just_before_the_run_closes_is_seen_by_it(pipeline: Pipeline) -> None:
    run_id = pipeline.open()["run_id"]
    event = pipeline.put("sales_data.csv", record(1))
    registering = pipeline.connect()

    def register(cursor: Any) -> None:
        runs.lock_lease(cursor)
        cursor.execute(
            "insert into ops.deliveries (feed, bucket, object_key, version_id, delivered_at, bytes) "
            "values ('sales', 'b', 'k', 'v', now() at time zone 'utc', 1)"
        )

    _, closed = together(pipeline, register, lambda: close(pipeline, run_id))
    assert closed["outcome"] == "more"
    register_event(registering, pipeline.s3, load_contracts(), event)
    registering.close()
    assert len(next_round(pipeline, run_id, 2)) == 2


def test_many_drops_at_once_are_each_drained_by_some_run(pipeline: Pipeline) -> None:
    """Executions as events start them, all at once; each opens, drains and closes, or finds the lease held."""
    events = [pipeline.put(f"sales_data_{number}.csv", record(number)) for number in range(12)]
    failures: list[BaseException] = []

    def execution(number: int) -> None:
        connection = pipeline.connect()
        try:
            register_event(connection, pipeline.s3, load_contracts(), events[number])
            with transaction(connection) as cursor:
                opened = runs.open_run(cursor, f"execution {number}")
            outcome = "more" if opened.run_id else "held"
            while opened.run_id and outcome == "more":
                with transaction(connection) as cursor:
                    for delivery in runs.next_round(cursor, opened.run_id):
                        cursor.execute(
                            "update ops.deliveries set status = 'failed', run_id = %s where delivery_id = %s",
                            (opened.run_id, delivery),
                        )
                with transaction(connection) as cursor:
                    outcome, _ = runs.close_run(cursor, opened.run_id, 1, runs.Built())
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=execution, args=(number,)) for number in range(len(events))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert pipeline.query("select status, count(*) from ops.deliveries group by status") == [("failed", len(events))]
    assert lease(pipeline) == (None, None, True)


def needed(pipeline: Pipeline, run_id: int) -> runs.Needed:
    with transaction(pipeline.connect()) as cursor:
        return runs.needs_build(cursor, run_id, 1, with_redshift=True)


def test_redshift_is_built_after_what_it_lacks_and_rds_does_not_wait_for_it(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,2022-12-06\n")
    run_id = pipeline.query("select run_id from ops.lease")[0][0]
    pipeline.load(delivery)
    assert needed(pipeline, run_id) == runs.Needed("yes", "yes")
    failed = {"run_id": run_id, "execution_arn": EXECUTION, "state": "CopyToRedshift", "error": "TerminalError"}
    pipeline.call("fail_run", failed | {"cause": "no such role", "built": True, "redshift_built": False})
    assert pipeline.query(
        "select status, error, built_through = build_started_at, redshift_built_through from ops.runs"
    ) == [("failed", "CopyToRedshift: TerminalError: no such role", True, None)]
    run_id = pipeline.open()["run_id"]
    assert needed(pipeline, run_id) == runs.Needed("no", "yes")
    pipeline.call("close_run", {"run_id": run_id, "execution_arn": EXECUTION, "round": 1, "redshift_built": True})
    run_id = pipeline.open()["run_id"]
    assert needed(pipeline, run_id) == runs.Needed("no", "no")
