"""Measuring a process: what it took, what it said, and that none is left behind."""

import os
import sys

import pytest

from bench.measure import BenchError, Command, measure


def python(code: str) -> Command:
    return Command((sys.executable, "-c", code), os.environ)


def test_peak_is_the_process_own_whatever_the_starter_holds() -> None:
    held = bytearray(300 << 20)
    small = measure(python("pass"))
    large = measure(python("block = bytearray(100 << 20)"))
    assert len(held) == 300 << 20
    assert small.peak_mb < 60
    assert 100 < large.peak_mb < 160


def test_start_is_what_the_process_says_on_its_last_line() -> None:
    code = "import time; print('working'); print('{\"ready_at\": %f, \"ready_mb\": 9.5}' % time.monotonic())"
    measured = measure(python(code))
    assert measured.start is not None
    assert 0 < measured.start.seconds <= measured.seconds
    assert measured.start.mb == 9.5
    assert measured.said == "working"


def test_failure_comes_with_the_last_words() -> None:
    with pytest.raises(BenchError, match=r"exit code 3\nno such table"):
        measure(python("import sys; print('no such table', file=sys.stderr); sys.exit(3)"))


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(BenchError, match="no-such-program"):
        measure(Command(("/no-such-program",), os.environ))


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(BenchError, match="takes longer than 1 s"):
        measure(python("import time; time.sleep(3600)"), limit_seconds=1)
