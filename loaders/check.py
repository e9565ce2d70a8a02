"""What the loader would do with a file, from the code that does it, without database or S3."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loaders.contract import Contract, feed_of
from loaders.counts import require_records, told
from loaders.errors import DataError, TerminalError
from loaders.parse import Reader, Reject, read, read_nested

REJECTS_SHOWN = 1000
"""Rejects told one by one at most; all of them are counted."""


def check_file(path: Path, contracts: Mapping[str, Contract], feed: str | None = None) -> dict[str, Any]:
    """Reads a file as a delivery and says what would land.

    Returns `feed`, `records_read`, `records_loaded`, `records_rejected`, `blank_lines`, `rejects` (the first 1,000,
    each with row_number, line_number, byte_offset, byte_length, rule, message and raw_start in base64) and `error`:
    null, or why the whole file is refused, with the counts up to there. The feed is found by the file's name unless
    given. Raises TerminalError when there is no such feed or the file cannot be read.
    """
    rejects: list[dict[str, Any]] = []
    error = None
    try:
        with path.open("rb") as stream:
            contract = _contract_of(path.name, contracts, feed)
            reader: Reader[Any] = (read_nested if contract.arrays else read)(stream, path.name, contract)
            error = _refusal(reader, contract, rejects)
    except OSError as unreadable:
        raise TerminalError(f"{path} cannot be read: {unreadable.strerror}", remedy="check the path") from unreadable
    counts = reader.summary
    return {
        "feed": contract.feed,
        "records_read": counts.records_read,
        "records_loaded": 0 if error else counts.records_loaded,
        "records_rejected": counts.records_rejected,
        "blank_lines": counts.blank_lines,
        "rejects": rejects,
        "error": error,
    }


def _contract_of(name: str, contracts: Mapping[str, Contract], feed: str | None) -> Contract:
    found = feed or feed_of(name, contracts.values())
    if found is None or found not in contracts:
        raise TerminalError(
            f"{name} belongs to no feed, or to several" if feed is None else f"there is no feed {feed}",
            remedy=f"name its feed, one of {', '.join(contracts)}",
        )
    return contracts[found]


def _refusal(reader: Reader[Any], contract: Contract, rejects: list[dict[str, Any]]) -> str | None:
    """Reads to the end, keeps the rejects; returns why the whole file is refused, null when it is not."""
    first: str | None = None
    try:
        for reject in _rejects_of(reader):
            first = first or told(reject)
            if len(rejects) < REJECTS_SHOWN:
                rejects.append(_as_dict(reject))
        require_records(contract, reader.summary, first)
    except DataError as refusal:
        return str(refusal)
    return None


def _rejects_of(reader: Reader[Any]) -> Iterator[Reject]:
    return (item for item in reader if isinstance(item, Reject))


def _as_dict(reject: Reject) -> dict[str, Any]:
    return {
        "row_number": reject.row_number,
        "line_number": reject.line_number,
        "byte_offset": reject.byte_offset,
        "byte_length": reject.byte_length,
        "rule": reject.rule,
        "message": reject.message,
        "raw_start": b64encode(reject.raw_start).decode(),
    }
