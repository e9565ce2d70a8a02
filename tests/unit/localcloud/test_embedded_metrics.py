"""Metrics are found in the lines that hold some, and nothing else is taken for one."""

import json
from typing import Any

import pytest

from localcloud.aws.embedded_metrics import Metric, metrics_in


def line(**changes: Any) -> str:
    directive = {
        "Namespace": "xtage",
        "Dimensions": [["stage", "feed"], ["stage"]],
        "Metrics": [{"Name": "FilesLanded", "Unit": "Count"}],
    }
    metadata = {"Timestamp": 1_700_000_000_500, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": metadata, "stage": "dev", "feed": "sales", "FilesLanded": [1.0, 2.0], **changes})


def test_a_line_gives_its_metrics_once_for_each_set_of_dimensions() -> None:
    both = {"stage": "dev", "feed": "sales"}
    common = {"unit": "Count", "timestamp": 1_700_000_000.5, "values": (1.0, 2.0)}
    assert metrics_in(line()) == [
        Metric("xtage", "FilesLanded", both, **common),
        Metric("xtage", "FilesLanded", {"stage": "dev"}, **common),
    ]


def test_a_value_may_stand_alone() -> None:
    assert {metric.values for metric in metrics_in(line(FilesLanded=7))} == {(7.0,)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "START RequestId: 1",
        '{"message": "load ends"}',
        '{"message": "about \\"_aws\\""}',
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": []}}',
        line()[:-1],
        line(FilesLanded="many"),
        line(feed=None).replace('"feed": null, ', ""),
    ],
    ids=["empty", "platform", "log", "quoted", "number", "no time", "cut off", "no number", "no dimension"],
)
def test_a_line_that_is_no_such_document_gives_none(text: str) -> None:
    assert metrics_in(text) == []
