"""What a contract says about the values of its columns: the rules they keep, and how much dirt is usual."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders.contract import Rule, Severity, Tolerated
from loaders.contract_document import Quality, SchemaProperty

LIMITS = {
    "minimum": "minimum",
    "exclusiveMinimum": "exclusive_minimum",
    "maximum": "maximum",
    "exclusiveMaximum": "exclusive_maximum",
}
"""Names of the standard's limits, and of the rules made from them."""
LIMIT_RULES = {
    "minimum": "below_minimum",
    "exclusiveMinimum": "below_minimum",
    "maximum": "above_maximum",
    "exclusiveMaximum": "above_maximum",
}

THRESHOLDS = {"missingValues": "missing", "invalidValues": "invalid"}
"""The standard's metrics for which a share may be tolerated."""


class MistakeError(Exception):
    """One mistake in one contract, without the name of its file."""


def rules_of(name: str, column: SchemaProperty, not_after_delivery: bool) -> Iterator[Rule]:
    yield from _limits(name, column.logical_type_options or {}, "error", None)
    if column.enum:
        yield Rule("not_an_accepted_value", "accepted_values", tuple(str(value.value) for value in column.enum))
    if not_after_delivery:
        yield Rule("after_delivery", "not_after_delivery", None)
    for quality in column.quality or ():
        if quality.arguments is None:
            continue
        if quality.metric != "invalidValues" or quality.severity != "warning" or not quality.name:
            raise MistakeError(
                f"{name}.quality: only named `metric: invalidValues` with `severity: warning` is understood"
            )
        yield from _limits(name, quality.arguments or {}, "warning", quality.name)


def _limits(column: str, options: Mapping[str, Any], severity: Severity, name: str | None) -> Iterator[Rule]:
    for option, limit in options.items():
        if option not in LIMITS:
            raise MistakeError(f"{column}: limit {option!r} is not one of {', '.join(LIMITS)}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
            raise MistakeError(f"{column}: {option} must be a number, not {limit!r}")
        yield Rule(name or LIMIT_RULES[option], LIMITS[option], str(limit), severity)


def tolerated_in(qualities: Sequence[Quality] | None, usual: Tolerated, place: str) -> Tolerated:
    """The thresholds among some quality entries; `usual` where they state none."""
    found = {"missing": usual.missing, "invalid": usual.invalid}
    for quality in qualities or ():
        if quality.arguments is not None:
            continue
        percent = quality.must_be_less_or_equal_to
        if quality.metric not in THRESHOLDS or percent is None or not 0 <= percent <= 100:
            raise MistakeError(
                f"{place}.quality: a threshold is `metric: missingValues` or `invalidValues` with"
                " `mustBeLessOrEqualTo` from 0 to 100"
            )
        if quality.unit != "percent" or quality.severity != "warning":
            raise MistakeError(f"{place}.quality: a threshold has `unit: percent` and `severity: warning`")
        found[THRESHOLDS[quality.metric]] = str(percent)
    return Tolerated(**found)
