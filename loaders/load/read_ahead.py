"""Lets a thread read and check the file while the database takes what was read before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

DEPTH = 4
"""Groups that wait at most: with the parser's half-megabyte batches this keeps both sides busy in a few megabytes."""
GROUP = 500
"""Items handed over at once at most: a file of nothing but rejects gives a million of them."""


class _End:
    """Last in the queue; `error` is what the reader raised."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


def read_ahead(items: Iterator[Item], is_large: type) -> Generator[Item, None, None]:
    """The items, in order, taken from their iterator by another thread; its exceptions are raised here.

    An item of the class `is_large` is handed over at once, others in groups. Closing the generator ends the thread.
    """
    reader = _Reader(items, is_large)
    reader.start()
    try:
        while True:
            group = reader.groups.get()
            if isinstance(group, _End):
                if group.error is not None:
                    raise group.error
                return
            yield from group
    finally:
        reader.stopped.set()
        # It sees that within a moment, or when its read from S3 returns; nobody uses what it reads then.
        reader.join(timeout=5)


class _Reader(threading.Thread, Generic[Item]):
    def __init__(self, items: Iterator[Item], is_large: type) -> None:
        super().__init__(name="read ahead", daemon=True)
        self.groups: queue.Queue[list[Item] | _End] = queue.Queue(maxsize=DEPTH)
        self.stopped = threading.Event()
        self._items = items
        self._is_large = is_large

    def run(self) -> None:
        group: list[Item] = []
        try:
            for item in self._items:
                group.append(item)
                if isinstance(item, self._is_large) or len(group) >= GROUP:
                    self._hand_over(group)
                    group = []
                if self.stopped.is_set():
                    return
            self._hand_over(group)
            self._hand_over(_End(None))
        except Exception as error:
            self._hand_over(group)
            self._hand_over(_End(error))

    def _hand_over(self, group: list[Item] | _End) -> None:
        while not self.stopped.is_set():
            try:
                self.groups.put(group, timeout=0.2)
            except queue.Full:
                continue
            return
