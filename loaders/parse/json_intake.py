"""Takes the records of a JSON file in, in whole blocks or one by one, whatever form the file has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container
from typing import Generic, NamedTuple, TypeVar

from loaders.contract import Contract
from loaders.parse.batch import Batch, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, RECORD_BYTES, Buffer
from loaders.parse.json_batches import Batches
from loaders.parse.json_blocks import Blocks
from loaders.parse.json_record import Malformed, Violation, parsed
from loaders.parse.json_rows import Rows

SMALLEST_BLOCK = 1 << 12
"""Smaller blocks would cost more than reading their records one by one."""

LONGEST_PAUSE = 64
"""Records that are read one by one before the next block is tried, in a file where blocks fail."""

TOO_LONG = ("record_too_long", f"a record may have {RECORD_BYTES} bytes")


class Block(NamedTuple):
    """Records with commas between them, or lines, which end at `end` of the buffer's data."""

    text: bytes
    end: int
    are_lines: bool = False


Cut = Callable[[int], Block | None]
"""Finds the last record before a position of the buffer's data; null where none seems to end."""

Piece = TypeVar("Piece")


class RecordIntake(ABC, Generic[Piece]):
    """The records of one file on their way from `buffer` to pieces of what they become."""

    def __init__(self, buffer: Buffer, summary: Summary) -> None:
        self.buffer = buffer
        self._summary = summary
        self._block_bytes = BLOCK_BYTES
        self._pause, self._next_pause = 0, 1

    @property
    @abstractmethod
    def seen(self) -> Container[str]:
        """The contract's columns that some record has had."""

    @property
    @abstractmethod
    def knows_names(self) -> bool:
        """Whether enough records were looked at for whole blocks to be taken."""

    @property
    @abstractmethod
    def is_full(self) -> bool:
        """Whether there is enough for a piece."""

    @abstractmethod
    def taken(self) -> Piece | None:
        """The piece that was collected; null when nothing was."""

    @abstractmethod
    def take_record(self, text: bytes, end: int) -> Reject | None:
        """Take the one record up to `end` of the buffer's data, or give its reject. Raises Malformed."""

    @abstractmethod
    def take_text(self, block: Block) -> int:
        """Take records from the start of a block; how many of its bytes they are, 0 where the first needs a look."""

    def take_block(self, cut: Cut) -> bool:
        """Take as many records at once as go; false when the next one needs a look of its own.

        After a failure smaller blocks are tried, after a success larger ones; the more the smallest fail, the rarer
        they are tried. The first records are always looked at, until one has had the key: they tell how the file calls
        the columns, and what names the contract does not know.
        """
        buffer = self.buffer
        if self._pause:
            self._pause -= 1
            return False
        while self.knows_names and self._block_bytes >= SMALLEST_BLOCK:
            if buffer.undecided < self._block_bytes and not buffer.ended:
                buffer.fill(BLOCK_BYTES)
            block = cut(min(buffer.start + self._block_bytes, len(buffer.data)))
            if block is None:
                break
            if length := self.take_text(block):
                self._advance(length, block)
                return True
            self._block_bytes //= 4
            if block.are_lines:
                break
        if self._block_bytes < SMALLEST_BLOCK:
            self._block_bytes = SMALLEST_BLOCK
            self._pause, self._next_pause = self._next_pause, min(2 * self._next_pause, LONGEST_PAUSE)
        return False

    def _advance(self, length: int, block: Block) -> None:
        self._next_pause = 1
        if length == len(block.text):
            self.buffer.advance(block.end)
            self._block_bytes = min(2 * self._block_bytes, BLOCK_BYTES)
        else:
            self.buffer.advance(self.buffer.start + length + 1)
            self._block_bytes = max(SMALLEST_BLOCK, min(4 * length, self._block_bytes))
            self._pause = 1

    def count_reject(self) -> int:
        """Count a rejected record; its row number."""
        self._summary.records_read += 1
        self._summary.records_rejected += 1
        return self._summary.records_read

    def reject(self, end: int, violation: Violation) -> Reject:
        """Reject what stands before `end` of the buffer's data."""
        reject = self.buffer.reject(end, self.count_reject(), violation.rule, violation.message)
        self.buffer.advance(end)
        return reject


class Intake(RecordIntake[Batch]):
    """The flat records of one file on their way to batches for COPY."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary, load_id: int) -> None:
        super().__init__(buffer, summary)
        self.batches = Batches(contract, summary, load_id)
        self.rows = Rows(contract)
        self._contract = contract
        self._blocks: Blocks | None = None
        self._names_seen = 0

    @property
    def seen(self) -> Container[str]:
        return self.rows.seen

    @property
    def is_full(self) -> bool:
        return self.batches.is_full

    def taken(self) -> Batch | None:
        return self.batches.taken()

    @property
    def knows_names(self) -> bool:
        return self._blocks is not None

    def take_text(self, block: Block) -> int:
        assert self._blocks is not None
        taken = self._blocks.of_lines(block.text) if block.are_lines else self._blocks.of_list(block.text)
        if taken.records:
            self.batches.extend(taken.payload, taken.records, taken.extras)
        return taken.length if taken.records else 0

    def take_record(self, text: bytes, end: int) -> Reject | None:
        try:
            row = self.rows.row(parsed(text))
        except Malformed:
            raise
        except Violation as violation:
            return self.reject(end, violation)
        self.batches.add(row)
        self.buffer.advance(end)
        self._learn_names()
        return None

    def _learn_names(self) -> None:
        """Prepare for blocks of records that have the names seen so far."""
        seen, unknown = self.rows.seen, self.rows.unknown
        if len(seen) + len(unknown) > self._names_seen and seen.keys() >= set(self._contract.key):
            self._blocks = Blocks(self._contract, seen, unknown)
            self._names_seen = len(seen) + len(unknown)
