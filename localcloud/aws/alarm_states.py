"""In which state an alarm is, from the values of its metric: how CloudWatch judges, as far as it says so.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

Point = Mapping[str, Any]


def periods(alarm: Mapping[str, Any], points: Sequence[Point], now: float) -> list[list[Point]]:
    """The points of each of the periods that the alarm looks at, the newest first; they end now."""
    length, count = float(alarm["Period"]), int(alarm["EvaluationPeriods"])
    found: list[list[Point]] = [[] for _ in range(count)]
    for point in points:
        index = max(0, int((now - point["Timestamp"]) // length))
        if index < count:
            found[index].append(point)
    return found


def judged(alarm: Mapping[str, Any], values: Sequence[float | None]) -> tuple[str, str]:
    """The state that the values of the periods give the alarm, and the reason; null is a period without a value.

    With `missing` an alarm is judged by the values there are. CloudWatch also looks at some periods before those asked
    for when values are missing; this does not.
    """
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    needed = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    breaching = [value for value in values if value is not None and breaches(value, alarm["Threshold"])]
    missing = sum(value is None for value in values)
    reason = _reason(alarm, values, len(breaching))
    return _state(alarm, len(values), len(breaching), missing, needed), reason


def _state(alarm: Mapping[str, Any], periods: int, breaching: int, missing: int, needed: int) -> str:
    treatment = alarm.get("TreatMissingData") or "missing"
    if treatment == "breaching":
        breaching, missing = breaching + missing, 0
    elif treatment == "notBreaching":
        missing = 0
    elif treatment == "missing":
        if missing == periods:
            return "INSUFFICIENT_DATA"
        needed, missing = min(needed, periods - missing), 0
    if breaching >= needed:
        return "ALARM"
    # `ignore`: what is not known might decide it.
    return str(alarm["StateValue"]) if breaching + missing >= needed else "OK"


def _reason(alarm: Mapping[str, Any], values: Sequence[float | None], breaching: int) -> str:
    told = ", ".join("no value" if value is None else f"{value:g}" for value in values)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    what = f"{statistic} of {alarm['MetricName']}: {told}"
    return f"{breaching} of {len(values)} values {alarm['ComparisonOperator']} {alarm['Threshold']:g} ({what})"
