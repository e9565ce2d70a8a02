"""A loader or a database killed at any moment ends, with the next attempt, in the tables of an undisturbed load."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.integration.loaders.conftest import SALES, Pipeline

ROUNDS = 50 if os.environ.get("XTAGE_SOAK") else 10
RECORDS = 150_000
LONGEST_WAIT_SECONDS = 0.4
"""About what one load takes."""
DATA = b"".join(b"%d,a,b,c,2022-12-06\n" % number for number in range(2, RECORDS + 1))

# The whole load as a Lambda does it, in a process of its own, which says by a file that it begins.
LOAD = """
import sys
from pathlib import Path
from types import SimpleNamespace
from loaders import handler
context = SimpleNamespace(
    get_remaining_time_in_millis=lambda: 900_000, function_name="load", memory_limit_in_mb=512,
    invoked_function_arn="arn", aws_request_id="1",
)
handler._connection()
Path(sys.argv[2]).touch()
handler.load({"delivery_id": int(sys.argv[1]), "run_id": None}, context)
"""


def start_loading(pipeline: Pipeline, delivery: int, mark: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(delivery), str(mark)],
        env=os.environ | pipeline.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not mark.exists():
        assert process.poll() is None, "the loader ended before it began"
        assert time.monotonic() < deadline, "the loader did not begin"
        time.sleep(0.005)
    return process


def database_server(pipeline: Pipeline) -> psutil.Process:
    port = pipeline.postgres.settings.postgres_port
    [server] = {
        one.pid
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid
    }
    return psutil.Process(server)


def kill_database(pipeline: Pipeline, server: psutil.Process) -> None:
    """Stops the server at once, as a crash does, and starts it again: it recovers from its log."""
    server.send_signal(signal.SIGQUIT)
    server.wait(30)
    pipeline.postgres.start()


@pytest.mark.soak
def test_loads_killed_at_random_moments_end_as_undisturbed_ones(pipeline: Pipeline, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance, interrupted = random.Random(seed), 0
    for number in range(ROUNDS):
        delivery = pipeline.deliver(f"raw/sales/{number}.csv", SALES + b"1,%d\n" % number + DATA)
        server = database_server(pipeline)
        process = start_loading(pipeline, delivery, tmp_path / str(number))
        time.sleep(chance.uniform(0, LONGEST_WAIT_SECONDS))
        if number % 5 == 4:
            kill_database(pipeline, server)
        process.kill()
        process.wait()
        interrupted += pipeline.status(delivery) == "pending"
        assert pipeline.load_until_settled(delivery) == "loaded", f"seed {seed}, round {number}"
    print(f"{interrupted} of {ROUNDS} loads were interrupted before their commit")
    loads = pipeline.query("select records_read, records_loaded, records_rejected from ops.loads")
    assert loads == [(RECORDS, RECORDS - 1, 1)] * ROUNDS, f"seed {seed}"
    rows = pipeline.query(
        "select count(*), count(distinct (_load_id, _row_number)), count(*) filter (where transaction_id <> "
        "_row_number::text), (select count(*) from ops.rejects) from raw.sales"
    )
    assert rows == [((RECORDS - 1) * ROUNDS, (RECORDS - 1) * ROUNDS, 0, ROUNDS)], f"seed {seed}"
