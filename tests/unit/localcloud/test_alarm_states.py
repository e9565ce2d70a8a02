"""An alarm's state follows from the values of its metric, and from what silence means."""

from typing import Any

import pytest

from localcloud.aws.alarm_states import judged, periods

ALARM = {
    "MetricName": "ExecutionsFailed",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Threshold": 1.0,
    "TreatMissingData": "notBreaching",
    "StateValue": "OK",
}
THREE = {"EvaluationPeriods": 3}


def state(values: list[float | None], **changes: Any) -> str:
    return judged(ALARM | changes, values)[0]


@pytest.mark.parametrize(
    ("comparison", "value", "expected"),
    [
        ("GreaterThanOrEqualToThreshold", 1, "ALARM"),
        ("GreaterThanThreshold", 1, "OK"),
        ("GreaterThanThreshold", 1.1, "ALARM"),
        ("LessThanThreshold", 1, "OK"),
        ("LessThanThreshold", 0, "ALARM"),
        ("LessThanOrEqualToThreshold", 1, "ALARM"),
    ],
)
def test_a_value_is_compared_as_the_alarm_says(comparison: str, value: float, expected: str) -> None:
    assert state([value], ComparisonOperator=comparison) == expected


@pytest.mark.parametrize(
    ("treatment", "before", "expected"),
    [
        ("breaching", "OK", "ALARM"),
        ("notBreaching", "ALARM", "OK"),
        ("ignore", "ALARM", "ALARM"),
        ("ignore", "OK", "OK"),
        ("missing", "OK", "INSUFFICIENT_DATA"),
    ],
)
def test_silence_means_what_the_alarm_says(treatment: str, before: str, expected: str) -> None:
    assert state([None], TreatMissingData=treatment, StateValue=before) == expected


def test_all_periods_must_breach_unless_the_alarm_says_how_many() -> None:
    assert state([5, 5, 0], **THREE) == "OK"
    assert state([5, 5, 5], **THREE) == "ALARM"
    assert state([5, 0, 5], DatapointsToAlarm=2, **THREE) == "ALARM"


@pytest.mark.parametrize(
    ("values", "treatment", "expected"),
    [
        ([5, 5, None], "missing", "ALARM"),
        ([5, 0, None], "missing", "OK"),
        ([5, 5, None], "notBreaching", "OK"),
        ([5, 5, None], "breaching", "ALARM"),
        ([0, 5, None], "ignore", "OK"),
        ([5, 5, None], "ignore", "INSUFFICIENT_DATA"),
    ],
)
def test_some_periods_may_be_silent(values: list[float | None], treatment: str, expected: str) -> None:
    assert state(values, TreatMissingData=treatment, StateValue="INSUFFICIENT_DATA", **THREE) == expected


def test_points_are_told_apart_by_period_and_old_ones_are_left_out() -> None:
    points = [{"Timestamp": at} for at in (1000, 999, 701, 700, 399, 101, 100)]
    found = periods(ALARM | THREE, points, now=1000)
    assert [[point["Timestamp"] for point in period] for period in found] == [[1000, 999, 701], [700], [399, 101]]


def test_a_point_of_a_clock_that_is_ahead_counts_as_new() -> None:
    assert periods(ALARM, [{"Timestamp": 1001}], now=1000) == [[{"Timestamp": 1001}]]


def test_the_reason_tells_values_and_threshold() -> None:
    _, reason = judged(ALARM | THREE, [2, None, 0])
    told = "Sum of ExecutionsFailed: 2, no value, 0"
    assert reason == f"1 of 3 values GreaterThanOrEqualToThreshold 1 ({told})"
