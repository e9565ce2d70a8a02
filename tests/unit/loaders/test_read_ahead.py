"""Reading ahead changes nothing about what is read."""

import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from loaders.load.read_ahead import DEPTH, GROUP, read_ahead


@pytest.mark.parametrize("size", [0, 1, GROUP - 1, GROUP, GROUP + 1, 10 * GROUP + 3])
@pytest.mark.parametrize("large", [int, str], ids=["one-by-one", "in-groups"])
def test_items_come_in_order_and_all(size: int, large: type) -> None:
    assert list(read_ahead(iter(range(size)), large)) == list(range(size))


@pytest.mark.parametrize("large", [int, str], ids=["one-by-one", "in-groups"])
def test_what_was_read_before_an_error_comes_before_it(large: type) -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("broken")

    ahead = read_ahead(items(), large)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_reading_stays_only_a_little_ahead() -> None:
    numbers = count()
    with closing(read_ahead(numbers, int)) as ahead:
        assert next(ahead) == 0
    assert next(numbers) <= DEPTH + 3


def test_closing_ends_the_thread() -> None:
    before = threading.active_count()
    with closing(read_ahead(count(), int)) as ahead:
        next(ahead)
    assert threading.active_count() == before
