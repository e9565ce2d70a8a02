"""The figures that a benchmark tells, from measurements that are known."""

import pytest

from bench.loading.cases import QUICK, Case, Comparison, Entry, Sizes, all_cases
from bench.loading.contenders import A, B
from bench.loading.files import BenchFile
from bench.loading.report import rows
from bench.loading.runner import Result
from bench.measure import Measurement, Start, in_turn
from bench.statistics import speed_ratio, spread


def taking(seconds: float, start: Start | None = None) -> Measurement:
    return Measurement(seconds, seconds / 2, 40.0, start, "")


def no_file(_: object) -> BenchFile:
    raise AssertionError("nothing is made to tell what was measured")


def test_spread_is_the_range_as_a_share_of_the_median() -> None:
    assert spread([1.0, 2.0, 3.0]) == 1.0
    assert spread([2.0, 2.0]) == 0.0


def test_ratio_above_one_means_faster_than_the_yardstick() -> None:
    assert speed_ratio([1.0, 1.0], [2.0, 2.0]) == 2.0


def test_ratio_compares_within_each_round() -> None:
    # The third round was slow for both: it must not decide.
    assert speed_ratio([2.0, 2.0, 8.0], [1.0, 1.0, 4.0]) == 0.5


def test_ratio_refuses_rounds_that_are_not_the_same() -> None:
    with pytest.raises(ValueError, match="shorter"):
        speed_ratio([1.0, 2.0], [1.0])


def test_each_contender_begins_a_round_in_its_turn() -> None:
    assert [in_turn(["a", "b", "c"], number) for number in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_report_has_a_row_per_contender_and_yardstick() -> None:
    case = Case(
        "csv",
        (Entry("A", A, no_file), Entry("B", B, no_file)),
        (Comparison("B", "A", 0.5), Comparison("B", "B")),
    )
    result = Result(case, {"A": [taking(1.0), taking(3.0)], "B": [taking(2.0), taking(4.0, Start(0.5, 30.0))]})
    told = [
        (row["contender"], row["yardstick"], row["ratio"], row["median_s"], row["target"]) for row in rows([result])
    ]
    assert told == [("A", None, None, 2.0, None), ("B", "A", 0.625, 3.0, 0.5), ("B", "B", 1.0, 3.0, None)]


def test_report_tells_start_and_memory_above_it_apart() -> None:
    result = Result(Case("csv", (Entry("A", A, no_file),)), {"A": [taking(2.0, Start(0.5, 30.0)), taking(2.0)]})
    (row,) = rows([result])
    assert (row["start_s"], row["above_start_mb"], row["peak_mb"]) == (0.5, 10.0, 40.0)


def test_a_failed_case_gives_no_rows() -> None:
    assert rows([Result(Case("csv", (Entry("A", A, no_file),)), {}, "A lost rows")]) == []


@pytest.mark.parametrize("sizes", [Sizes(), QUICK], ids=["full", "quick"])
def test_every_case_has_a_name_of_its_own_and_compares_its_own_contenders(sizes: Sizes) -> None:
    cases = all_cases(sizes)
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        names = {entry.name for entry in case.entries}
        assert len(names) == len(case.entries)
        assert {name for one in case.comparisons for name in (one.name, one.yardstick)} <= names


def test_targets_hold_at_full_size_only() -> None:
    assert not [one for case in all_cases(QUICK) for one in case.comparisons if one.target]
    assert [one for case in all_cases(Sizes()) for one in case.comparisons if one.target]
