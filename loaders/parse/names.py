"""Which contract column a name in a file means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loaders.contract import Contract, normalized
from loaders.errors import excerpt

SHOWN = 100
"""Characters of a name that a message quotes."""


@dataclass(frozen=True)
class Names:
    """The names of a contract, and the matching of a file's names with them."""

    known: dict[str, str]

    @classmethod
    def of(cls, contract: Contract) -> Names:
        known = {normalized(column.name): column.name for column in contract.columns}
        known |= {normalized(column.source_name): column.name for column in contract.columns}
        return cls(known)

    def columns(self, names: Sequence[str]) -> list[str | None]:
        """The column that each name means, null for a name the contract does not know."""
        return [self.known.get(normalized(name)) for name in names]


def called(columns: Sequence[str | None], names: Sequence[str]) -> list[str]:
    """What messages call the columns of a file: as the contract does, or what stands in the file, marked as such."""
    return [column or excerpt(name[:SHOWN]) for column, name in zip(columns, names, strict=True)]


def repeated(columns: Sequence[str | None]) -> str | None:
    """A column that stands there twice, if any does."""
    known = [column for column in columns if column is not None]
    return next((column for column in known if known.count(column) > 1), None)


def unique(names: Sequence[str]) -> list[str]:
    """The names, a repeated one with a number after it, so that they can be the names of one JSON object."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        result.append(candidate)
    return result
