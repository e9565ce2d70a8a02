"""When what was read from a file is too little to land."""

from __future__ import annotations

from loaders.contract import Contract
from loaders.errors import DataError
from loaders.parse import Reject, Summary


def told(reject: Reject) -> str:
    """A rejected record in a few words, without its text."""
    place = f"record {reject.row_number}" if reject.line_number is None else f"line {reject.line_number}"
    return f"{place}: {reject.message}"


def require_records(contract: Contract, counts: Summary, first_reject: str | None) -> None:
    """Raises DataError for a file without a record, unless the contract allows it.

    A full file of which every record was rejected is refused too: it would close every record key of its feed.
    """
    if counts.records_loaded or contract.allow_empty:
        return
    if counts.records_read == 0:
        raise DataError(
            "holds no record",
            feed=contract.feed,
            remedy=f"drop it again with its records, or set allowEmpty in contracts/{contract.feed}.odcs.yaml",
        )
    if contract.delivery == "full":
        raise DataError(
            f"none of its {counts.records_read} records could be read; the first: {first_reject}",
            feed=contract.feed,
            remedy="correct the file and drop it again",
        )


def require_size(size: int, max_bytes: int | None) -> None:
    """Raises DataError for a file that its way cannot take in the time it has: better at once than after it."""
    if max_bytes is not None and size > max_bytes:
        raise DataError(
            f"has {size:,} bytes, {max_bytes:,} are allowed on its way",
            remedy="drop it in parts, or deploy with a greater limit and more memory (LambdaMaxBytes, GlueMaxBytes)",
        )
