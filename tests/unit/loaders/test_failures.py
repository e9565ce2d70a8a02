"""What Step Functions says about a failure, told to a person."""

import json

import pytest

from loaders.errors import DataError
from loaders.failures import described, is_transient


@pytest.mark.parametrize(
    ("error", "cause", "line"),
    [
        ("TransientError", json.dumps({"errorMessage": "the database\nis away", "errorType": "TransientError"}), None),
        ("States.Timeout", "", "States.Timeout"),
        ("States.Timeout", None, "States.Timeout"),
        ("X", "plain words", "X: plain words"),
        ("X", "[1, 2]", "X: [1, 2]"),
        (
            "States.TaskFailed",
            json.dumps(
                {
                    "Build": {
                        "Id": "xtage-dbt:1",
                        "BuildStatus": "FAILED",
                        "Phases": [
                            {"PhaseType": "INSTALL", "PhaseStatus": "SUCCEEDED"},
                            {"PhaseType": "BUILD", "PhaseStatus": "FAILED"},
                        ],
                        "Logs": {"StreamName": "abc"},
                    }
                }
            ),
            "States.TaskFailed: build xtage-dbt:1 ended FAILED in phase BUILD; log: abc",
        ),
    ],
    ids=["lambda", "empty", "null", "words", "list", "build"],
)
def test_a_failure_is_one_line(error: str, cause: str | None, line: str | None) -> None:
    assert described(error, cause) == (line or "TransientError: the database is away")


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        ("TransientError", True),
        ("Lambda.Unknown", True),
        ("DataError", False),
        ("TerminalError", False),
        ("KeyError", False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: str, transient: bool) -> None:
    assert is_transient(error) is transient


def test_an_error_says_what_happened_to_which_file_and_what_to_do() -> None:
    error = DataError("holds\nno record", feed="sales", object_key="sales_data.csv", remedy="drop it again")
    assert str(error) == "sales_data.csv: holds no record -> drop it again"
