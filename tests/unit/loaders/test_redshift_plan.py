"""What is copied to Redshift next: everything in the end, each load once, and no delivery before its records."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loaders.load.redshift_plan import BATCH_RECORDS, Held, next_batch

START = datetime(2024, 1, 1)


@st.composite
def ledgers(draw: st.DrawFn) -> list[Held]:
    """Deliveries of some loads: of each one that landed it, and any number that brought it again."""
    held: list[Held] = []
    for load_id in range(1, draw(st.integers(1, 8)) + 1):
        feed, records = draw(st.sampled_from(["sales", "products"])), draw(st.sampled_from([0, 1, BATCH_RECORDS]))
        for place in range(draw(st.integers(1, 3))):
            held.append(Held(len(held) + 1, load_id, feed, records, START + timedelta(seconds=len(held)), place == 0))
    return draw(st.permutations(held))


@given(ledgers(), st.integers(1, 3), st.data())
def test_everything_is_copied_once_and_no_delivery_before_its_records(
    held: list[Held], most: int, data: st.DataObject
) -> None:
    aside = set(data.draw(st.lists(st.sampled_from([one.load_id for one in held]), unique=True, max_size=2)))
    copied: dict[int, datetime] = {}
    landed: list[int] = []
    while batch := next_batch(held, copied, aside, most):
        landed += batch.load_ids
        assert len(batch.load_ids) <= most
        records = {one.load_id: one.records for one in held}
        assert len(batch.load_ids) == 1 or sum(records[load] for load in batch.load_ids) <= BATCH_RECORDS
        chosen = [one for one in held if one.delivery_id in batch.deliveries]
        assert {one.load_id for one in chosen} <= set(landed)
        copied |= {one.delivery_id: one.finished_at for one in chosen}
    wanted = {one.delivery_id: one.finished_at for one in held if one.load_id not in aside}
    assert copied == wanted
    assert landed == sorted({one.load_id for one in held} - aside)


def test_a_replayed_load_is_copied_again_and_the_others_are_not() -> None:
    held = [Held(number, number, "sales", 1, START, True) for number in (1, 2)]
    copied = {1: START, 2: START - timedelta(seconds=1)}
    batch = next_batch(held, copied)
    assert batch is not None
    assert (batch.loads, batch.deliveries) == ({"sales": (2,)}, (2,))


def test_a_content_that_came_again_needs_no_records() -> None:
    held = [Held(1, 1, "sales", 9, START, True), Held(2, 1, "sales", 9, START, False)]
    batch = next_batch(held, {1: START})
    assert batch is not None
    assert (batch.loads, batch.deliveries) == ({}, (2,))


def test_nothing_is_copied_when_nothing_is_missing() -> None:
    assert next_batch([Held(1, 1, "sales", 9, START, True)], {1: START}) is None
