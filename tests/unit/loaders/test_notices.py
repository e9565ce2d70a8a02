"""A notice says which file, why and what to do, and holds nothing of the file."""

from datetime import datetime

import pytest

from loaders.errors import DataError, excerpt, without_excerpts
from loaders.failures import logged
from loaders.ledger import Delivery
from loaders.notices import SHOWN, refused, refused_drops
from loaders.storage import ObjectVersion

KEY = "raw/sales/sales_data.csv"


def drop(number: int, status: str, error: str | None = None, feed: str | None = None) -> Delivery:
    version = ObjectVersion("bucket", f"file_{number}.csv", "v")
    return Delivery(number, feed, version, "etag", 1, datetime(2026, 1, 1), status, None, error)


def test_a_notice_has_file_reason_and_remedy_and_names_its_runbook() -> None:
    error = DataError("line 3: the quote is never closed", object_key=KEY, remedy="deliver it again")
    notice = refused(KEY, "sales", str(error), 17, 4)
    assert notice["subject"] == "a file of sales was refused"
    assert notice["message"].splitlines() == [
        f"File: {KEY} (delivery 17, run 4)",
        "Feed: sales",
        "Reason: line 3: the quote is never closed",
        "What to do: deliver it again",
        "",
        "Nothing of it landed. Runbook: docs/runbooks/file-refused.md",
    ]


def test_a_notice_of_a_refused_replay_says_that_what_had_landed_is_still_there() -> None:
    message = refused(KEY, "sales", "TerminalError", 17, load_id=3)["message"]
    assert "Load 3, which it landed before, is as it was." in message
    assert "Nothing of it landed" not in message


def test_an_error_without_a_remedy_is_all_reason() -> None:
    assert "Reason: TerminalError\n" in refused(KEY, "sales", "TerminalError", 17)["message"]


@pytest.mark.parametrize("content", ["Ada Lovelace", "a «quoted» name", "two\nlines", "«", "»", "'\"\\"])
def test_what_a_message_quotes_of_a_file_is_left_out(content: str) -> None:
    error = DataError(f"the file begins with {excerpt(content)}", object_key=KEY, remedy="deliver it again")
    assert without_excerpts(str(error)) == f"{KEY}: the file begins with «…» -> deliver it again"
    assert str(error).count("\n") == 0


def test_a_quote_that_was_cut_off_is_left_out_too() -> None:
    assert without_excerpts("the file begins with «Ada Love") == "the file begins with «…»"


def test_only_the_loaders_own_words_are_told_of_an_error() -> None:
    cause = '{"errorMessage": "the file begins with «Ada» -> drop it again"}'
    assert logged("DataError", cause) == "DataError: the file begins with «…» -> drop it again"
    assert logged("KeyError", '{"errorMessage": "Ada Lovelace"}') == "KeyError"
    assert logged("States.TaskFailed", '{"JobRunState": "FAILED", "ErrorMessage": "Ada"}') == "States.TaskFailed"


def test_drops_that_are_sound_are_not_told_of() -> None:
    assert refused_drops([drop(1, "pending", feed="sales"), drop(2, "loaded", feed="sales")]) is None


def test_one_bad_drop_is_told_of_alone_and_several_together() -> None:
    unknown = "belongs to no feed -> drop it elsewhere"
    alone = refused_drops([drop(1, "unrecognized", unknown)])
    assert alone
    assert alone["subject"] == "a file of no feed was dropped"
    together = refused_drops([drop(1, "unrecognized", unknown), drop(2, "failed", "no time", "sales")])
    assert together
    assert together["subject"] == "2 files were refused"
    assert all(name in together["message"] for name in ("file_1.csv", "file_2.csv", "no time"))


def test_a_notice_of_very_many_drops_stays_readable() -> None:
    notice = refused_drops([drop(number, "unrecognized", "belongs to no feed") for number in range(SHOWN + 5)])
    assert notice
    assert notice["subject"] == f"{SHOWN + 5} files were refused"
    assert notice["message"].count("File: ") == SHOWN
    assert notice["message"].endswith("and 5 more; ops.deliveries lists them")
