"""The columns of a CSV file that the contract does not know: one JSON object per record, in `_extra`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from loaders.contract import MAX_BYTES
from loaders.parse.csv_dialect import Header
from loaders.parse.names import unique

LONGEST_ESCAPE = 6
r"""JSON writes a control character as `\u0001`; no byte takes more room."""


class Extra:
    """Encodes what is unknown in a record's fields. It is false where the contract knows every column.

    A record of up to `surely_short` bytes has no `_extra` of more than the 65,535 bytes that Redshift holds.
    """

    def __init__(self, header: Header) -> None:
        unknown = [index for index, column in enumerate(header.columns) if not column]
        names = unique([header.names[index] for index in unknown])
        self._names = dict(zip(unknown, names, strict=True))
        empty = len(self.encoded([""] * len(header.columns)))
        self.surely_short = max(0, MAX_BYTES - empty) // LONGEST_ESCAPE if self else MAX_BYTES

    def __bool__(self) -> bool:
        return bool(self._names)

    def encoded(self, fields: Sequence[str]) -> bytes:
        """The JSON object for one record's fields, all of them."""
        return msgspec.json.encode({name: fields[index] for index, name in self._names.items()})
