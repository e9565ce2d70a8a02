"""The metrics that stand in a line of a log, in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """The values of one metric with one set of dimensions; `timestamp` in seconds since 1970."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    unit: str
    timestamp: float
    values: tuple[float, ...]


def metrics_in(line: str) -> list[Metric]:
    """Its metrics; none where it is no such line, or one that breaks the format, as CloudWatch does."""
    if '"_aws"' not in line:
        return []
    try:
        return list(_metrics(json.loads(line)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _metrics(document: Mapping[str, Any]) -> Iterator[Metric]:
    timestamp = document["_aws"]["Timestamp"] / 1000
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                found = document[metric["Name"]]
                values = tuple(float(value) for value in (found if isinstance(found, list) else [found]))
                unit = metric.get("Unit", "None")
                yield Metric(directive["Namespace"], metric["Name"], dimensions, unit, timestamp, values)
