"""What has landed in RDS is in Redshift: all of it, once, and nothing of a copy that did not end."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from loaders import redshift
from loaders.errors import TerminalError, TransientError
from localcloud.settings import PROJECT
from tests.integration.loaders.conftest import SALES
from tests.redshift.conftest import Warehouses, body_of, wait_until

BODY = SALES + b'1,2,3,4,2022-12-06\n2,2,3\n\n3,"a,b",3,4,x\n'
COPY = "from tests.integration.loaders.conftest import Context; from loaders import handler; "
COPY += "handler.copy_to_redshift({'run_id': None}, Context())"


@contextmanager
def held(warehouses: Warehouses) -> Iterator[None]:
    """Lets no copy come further than to its first statement in Redshift."""
    with redshift.connected(os.environ) as connection:
        connection.cursor().execute("lock table ops.loads")
        yield
        connection.rollback()


def test_every_record_reject_load_and_delivery_arrives(warehouses: Warehouses) -> None:
    hostile = [
        {"Product_ID": 1, "Product_Name": "é" * 32_767, "Category": "", "Price": 1e-5, "Extra": {"a": ["\t", "日本"]}},
        {"Product_ID": 2, "Product_Name": None, "Category": 'a\r\n"b",\\N', "Price": "NaN", "Stock_Available": "\\."},
        {"Product_ID": 3, "Product_Name": "x" * 65_536},
    ]
    warehouses.land('raw/sales/it\'s "ä".csv', BODY)
    warehouses.land("raw/products/a.json", body_of(hostile))
    warehouses.land("raw/sales/again.csv", BODY)
    warehouses.land("raw/sales/broken.csv", b"no header\n")
    assert warehouses.copy() == {"outcome": "done", "loads": 2, "deliveries": 3}
    assert warehouses.differences() == []
    assert warehouses.query("select sum(records_rejected) from ops.loads") == [(2,)]
    assert warehouses.left_behind() == []


def test_what_was_copied_is_not_copied_again(warehouses: Warehouses) -> None:
    warehouses.land("raw/sales/a.csv", BODY)
    assert warehouses.copy()["loads"] == 1
    assert warehouses.copy() == {"outcome": "done", "loads": 0, "deliveries": 0}
    warehouses.land("raw/sales/again.csv", BODY)
    assert warehouses.copy() == {"outcome": "done", "loads": 0, "deliveries": 1}
    assert warehouses.differences() == []


def test_a_replay_lands_in_both(warehouses: Warehouses) -> None:
    loaded = warehouses.land("raw/sales/a.csv", BODY)
    warehouses.copy()
    for statement in ("delete from raw.sales where transaction_id = '1'", "delete from ops.rejects"):
        warehouses.query(statement)
        warehouses.in_redshift(statement.replace("raw.", '"raw".'))
    for _ in range(2):
        assert warehouses.call("replay", {"load_id": loaded["load_id"]})["redshift_error"] is None
        assert warehouses.differences() == []
    assert warehouses.query("select count(*) from raw.sales") == [(2,)]


def test_a_replay_says_why_redshift_is_behind_and_the_next_copy_makes_up_for_it(
    warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = warehouses.land("raw/sales/a.csv", BODY)
    warehouses.copy()
    with monkeypatch.context() as other:
        other.setenv("REDSHIFT_PORT", "1")
        answer = warehouses.call("replay", {"load_id": loaded["load_id"]})
    assert (answer["status"], answer["records_loaded"]) == ("loaded", 2)
    assert answer["redshift_error"].startswith("Redshift: ")
    # RDS says when it landed again.
    assert warehouses.differences() == ["ops.deliveries", "ops.loads"]
    assert warehouses.copy() == {"outcome": "done", "loads": 1, "deliveries": 1}
    assert warehouses.differences() == []


def test_a_copy_that_is_killed_leaves_nothing_to_see_and_the_next_one_clears_up(warehouses: Warehouses) -> None:
    warehouses.land("raw/sales/a.csv", BODY)
    with held(warehouses):
        copying = subprocess.Popen([sys.executable, "-c", COPY], cwd=PROJECT, env={**os.environ})
        wait_until("the copy has come to Redshift", lambda: warehouses.waiting() == 1)
        copying.send_signal(signal.SIGKILL)
        copying.wait()
        left = warehouses.left_behind()
    assert left
    assert warehouses.in_redshift('select 1 from "raw".sales union all select 1 from ops.loads') == []

    def has_copied() -> bool:
        try:
            return bool(warehouses.copy()["loads"] == 1)
        except TransientError:
            return False

    wait_until("the claim of the killed copy is free", has_copied)
    assert warehouses.differences() == []
    assert warehouses.left_behind() == []


def test_of_two_copies_at_once_one_gives_way(warehouses: Warehouses) -> None:
    warehouses.land("raw/sales/a.csv", BODY)
    with held(warehouses):
        copying = subprocess.Popen([sys.executable, "-c", COPY], cwd=PROJECT, env={**os.environ})
        wait_until("the copy has come to Redshift", lambda: warehouses.waiting() == 1)
        with pytest.raises(TransientError, match="another session copies to Redshift"):
            warehouses.copy()
    assert copying.wait(30) == 0
    assert warehouses.differences() == []


def test_a_copy_whose_claim_was_lost_waits_for_the_other_and_changes_nothing(warehouses: Warehouses) -> None:
    warehouses.land("raw/sales/a.csv", BODY)
    with held(warehouses):
        first = subprocess.Popen([sys.executable, "-c", COPY], cwd=PROJECT, env={**os.environ})
        wait_until("the copy has come to Redshift", lambda: warehouses.waiting() == 1)
        claims = "select pid from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()"
        warehouses.query(f"select pg_terminate_backend(pid) from ({claims}) as claims")
        second = threading.Thread(target=warehouses.copy)
        second.start()
        wait_until("both are waiting", lambda: warehouses.waiting() == 2)
    second.join(30)
    assert first.wait(30) != 0
    assert warehouses.differences() == []


def test_a_load_that_redshift_refuses_is_told_and_does_not_hold_up_the_others(warehouses: Warehouses) -> None:
    landed = [warehouses.land(f"raw/sales/{n}.csv", SALES + b"%d,2,3,4,2022-12-06\n" % n) for n in range(3)]
    wrong = landed[1]["load_id"]
    warehouses.query(f"delete from raw.sales where _load_id = {wrong}")
    with pytest.raises(TerminalError, match=f"load {wrong}: loads {wrong}: 0 records of sales .* ledger has 1"):
        warehouses.copy()
    found = warehouses.in_redshift("select load_id from ops.loads order by 1")
    assert [row[0] for row in found] == [landed[0]["load_id"], landed[2]["load_id"]]
    assert warehouses.in_redshift(f"select 1 from ops.deliveries where load_id = {wrong}") == []
    warehouses.call("replay", {"load_id": wrong})
    assert warehouses.differences() == []


def test_a_redshift_that_was_emptied_fills_itself_again(warehouses: Warehouses) -> None:
    warehouses.land("raw/sales/a.csv", BODY)
    warehouses.copy()
    warehouses.in_redshift('drop schema "raw" cascade')
    warehouses.in_redshift("drop schema ops cascade")
    with pytest.raises(TerminalError, match="apply the migrations"):
        warehouses.copy()
    warehouses.call("migrate", {})
    assert warehouses.copy()["loads"] == 1
    assert warehouses.differences() == []


def test_columns_go_by_their_place_in_redshift(warehouses: Warehouses) -> None:
    """A column that a contract gained later stands last there, and elsewhere in RDS."""
    warehouses.in_redshift('alter table "raw".sales drop column transaction_id')
    applied = warehouses.call("migrate", {})["applied"]
    assert applied == ["redshift column raw.sales.transaction_id"]
    warehouses.land("raw/sales/a.csv", BODY)
    warehouses.copy()
    assert warehouses.differences() == []


def test_a_collision_with_another_transaction_is_transient(warehouses: Warehouses) -> None:
    def write(connection: Any) -> None:
        with redshift.classified():
            connection.cursor().execute("insert into ops.rejects (load_id) select count(*) from ops.rejects")
            connection.commit()

    with redshift.connected(os.environ) as one, redshift.connected(os.environ) as other:
        for connection in (one, other):
            connection.cursor().execute("select count(*) from ops.rejects")
        write(other)
        with pytest.raises(TransientError, match="1023 Serializable isolation violation"):
            write(one)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"password": "wrong"}, TerminalError, "check the user and password"),
        ({"engine": "postgres"}, TerminalError, "engine is postgres"),
    ],
    ids=["password", "engine"],
)
def test_a_wrong_secret_is_told_by_what_is_wrong(
    change: dict[str, Any], error: type, words: str, warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDSHIFT_SECRET", warehouses.secret(**{**warehouses.endpoint.credentials, **change}))
    with pytest.raises(error, match=words):
        warehouses.copy()
