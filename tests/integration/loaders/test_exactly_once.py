"""One content lands once, whatever happens; readers see it whole or not at all."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loaders.contract import load_contracts
from loaders.database import connect
from loaders.errors import LoaderError, TransientError
from loaders.load.rds import Loader, Outcome
from loaders.storage import ObjectStream
from tests.integration.loaders.conftest import SALES, Pipeline

RECORDS = 20_000
BODY = SALES + b"".join(b"%d,a,b,c,2022-12-06\n" % number for number in range(1, RECORDS + 1))

# Several of the reader's blocks, so that there is a middle in which the database has some and not all.
LARGE_RECORDS = 100_000
LARGE_BODY = SALES + b"".join(b"%d,a,b,c,2022-12-06\n" % number for number in range(1, LARGE_RECORDS + 1))
MIDDLE = 1_500_000

# Loads one delivery and stops for ever in the middle of the COPY, having said so by making a file.
LOAD_HALF = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from loaders import handler, storage

whole = storage.ObjectStream.read
def half(stream, size=-1):
    if stream.bytes_read > int(sys.argv[3]):
        Path(sys.argv[2]).touch()
        time.sleep(600)
    return whole(stream, min(size, 50_000) if size > 0 else 50_000)
storage.ObjectStream.read = half
context = SimpleNamespace(
    get_remaining_time_in_millis=lambda: 900_000, function_name="load", memory_limit_in_mb=512,
    invoked_function_arn="arn", aws_request_id="1",
)
handler.load({"delivery_id": int(sys.argv[1]), "run_id": None}, context)
"""


def landed(pipeline: Pipeline) -> tuple[Any, ...]:
    """Rows and distinct row numbers in the raw table, loads, rejects."""
    return pipeline.query(
        "select (select count(*) from raw.sales), (select count(distinct (_load_id, _row_number)) from raw.sales), "
        "(select count(*) from ops.loads), (select count(*) from ops.rejects)"
    )[0]


def load_at_once(pipeline: Pipeline, deliveries: list[int]) -> list[Outcome | LoaderError]:
    """Loads each delivery in a thread and a session of its own; returns outcomes and errors."""
    answers: list[Outcome | LoaderError] = []

    def load(delivery: int) -> None:
        connection = connect(pipeline.environment)
        try:
            loader = Loader(connection, pipeline.s3, load_contracts(), lambda: 900.0)
            answers.append(loader.load(delivery, None))
        except LoaderError as error:
            answers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=load, args=(delivery,)) for delivery in deliveries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits for something that is bound to happen; fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_loading_again_answers_the_same_and_lands_nothing(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", BODY)
    first = pipeline.load(delivery)
    assert pipeline.load(delivery) == first
    assert landed(pipeline) == (RECORDS, RECORDS, 1, 0)


def test_the_same_content_again_is_a_duplicate_of_its_load(pipeline: Pipeline) -> None:
    first = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    for key in ("sales_data.csv", "raw/sales/other name"):
        again = pipeline.load(pipeline.deliver(key, BODY))
        assert (again["status"], again["load_id"], again["error"]) == ("duplicate", first["load_id"], None)
    assert landed(pipeline) == (RECORDS, RECORDS, 1, 0)


def test_the_same_content_with_another_etag_is_a_duplicate_too(pipeline: Pipeline) -> None:
    """As after a multipart upload, whose etag depends on the parts."""
    first = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    pipeline.query("update ops.deliveries set etag = 'of parts-2'")
    again = pipeline.load(pipeline.deliver("sales_data_2.csv", BODY))
    assert (again["status"], again["load_id"]) == ("duplicate", first["load_id"])
    assert landed(pipeline) == (RECORDS, RECORDS, 1, 0)


def test_other_content_with_the_same_etag_and_size_lands(pipeline: Pipeline) -> None:
    pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n"))
    second = pipeline.deliver("sales_data_2.csv", SALES + b"2,2,3,4,5\n")
    pipeline.query("update ops.deliveries set etag = 'same'")
    assert pipeline.load(second)["status"] == "loaded"


def test_the_same_content_for_two_feeds_lands_in_both(pipeline: Pipeline) -> None:
    body = b"Transaction_ID,Product_ID,Customer_ID,Quantity,Price,Transaction_Date,Total_Amount\n1,2,3,4,5,6,7\n"
    outcomes = [pipeline.load(pipeline.deliver(f"raw/{feed}/x.csv", body)) for feed in ("sales", "transactions")]
    assert [outcome["status"] for outcome in outcomes] == ["loaded", "loaded"]


def test_two_loads_of_one_delivery_at_once_land_it_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = pipeline.deliver("sales_data.csv", BODY)
    answers = load_at_once(pipeline, [delivery] * 4)
    assert landed(pipeline) == (RECORDS, RECORDS, 1, 0)
    assert pipeline.status(delivery) == "loaded"
    for answer in answers:
        assert isinstance(answer, TransientError) or answer.status == "loaded", "it landed, or is to be asked again"


def test_one_content_under_two_keys_at_once_lands_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = [pipeline.deliver(f"sales_data_{number}.csv", BODY) for number in range(2)]
    both_have_copied = threading.Barrier(2, timeout=60)
    finish = ObjectStream.finish

    def finish_together(stream: ObjectStream) -> str:
        both_have_copied.wait()
        return finish(stream)

    monkeypatch.setattr(ObjectStream, "finish", finish_together)
    answers = load_at_once(pipeline, deliveries)
    assert sorted(answer.status for answer in answers if isinstance(answer, Outcome)) == ["duplicate", "loaded"]
    assert len({answer.load_id for answer in answers if isinstance(answer, Outcome)}) == 1
    assert landed(pipeline) == (RECORDS, RECORDS, 1, 0)


def test_several_loads_into_one_table_at_once_are_each_numbered_from_one(pipeline: Pipeline) -> None:
    deliveries = [
        pipeline.deliver(f"sales_data_{number}.csv", BODY.replace(b",a,", b",%d," % number)) for number in range(3)
    ]
    load_at_once(pipeline, deliveries)
    assert landed(pipeline) == (3 * RECORDS, 3 * RECORDS, 3, 0)
    assert pipeline.query("select count(*) from raw.sales where transaction_id <> _row_number::text") == [(0,)]


def start_half_a_load(pipeline: Pipeline, delivery: int, mark: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD_HALF, str(delivery), str(mark), str(MIDDLE)],
        env=os.environ | pipeline.environment,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: mark.exists() or process.poll() is not None)
    assert process.poll() is None
    return process


def test_a_loader_killed_in_the_middle_leaves_nothing_and_the_next_one_lands_all(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    delivery = pipeline.deliver("sales_data.csv", LARGE_BODY)
    process = start_half_a_load(pipeline, delivery, tmp_path / "half")
    wait_for(lambda: bool(pipeline.query("select 1 from pg_stat_progress_copy where tuples_processed > 0")))
    assert landed(pipeline) == (0, 0, 0, 0), "nobody sees half a load"
    with pytest.raises(TransientError, match="another session is loading it"):
        pipeline.load(delivery)
    process.send_signal(signal.SIGKILL)
    process.wait()

    # The server notices the closed connection; until then the version is locked, and Step Functions tries again.
    wait_for(lambda: not pipeline.query("select 1 from pg_locks where locktype = 'advisory' and granted"))
    assert landed(pipeline) == (0, 0, 0, 0)
    assert pipeline.load(delivery)["status"] == "loaded"
    assert landed(pipeline) == (LARGE_RECORDS, LARGE_RECORDS, 1, 0)


def test_a_database_that_ends_the_session_in_the_middle_leaves_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = pipeline.deliver("sales_data.csv", BODY)
    finish = ObjectStream.finish

    def end_session(stream: ObjectStream) -> str:
        pipeline.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted")
        return finish(stream)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStream, "finish", end_session)
        with pytest.raises(TransientError):
            pipeline.load(delivery)
    assert landed(pipeline) == (0, 0, 0, 0)
    assert pipeline.load(delivery)["status"] == "loaded"


def test_a_download_that_breaks_off_leaves_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = pipeline.deliver("sales_data.csv", LARGE_BODY)
    whole = ObjectStream.read

    def broken(stream: ObjectStream, size: int | None = -1) -> bytes:
        if stream.bytes_read > MIDDLE:
            raise TransientError("reading stopped after 1500000 bytes: connection reset")
        return whole(stream, size)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectStream, "read", broken)
        with pytest.raises(TransientError, match="reading stopped"):
            pipeline.load(delivery)
    assert landed(pipeline) == (0, 0, 0, 0)
    assert pipeline.status(delivery) == "pending"
    assert pipeline.load(delivery)["status"] == "loaded", "the same worker goes on with the next attempt"


def test_a_transfer_that_ends_early_is_noticed(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", BODY)
    pipeline.query("update ops.deliveries set bytes = bytes + 1")
    with pytest.raises(TransientError, match="S3 sent"):
        pipeline.load(delivery)
    assert landed(pipeline) == (0, 0, 0, 0)
