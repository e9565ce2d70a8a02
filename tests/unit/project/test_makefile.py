import os
import subprocess

import pytest

from localcloud.settings import PROJECT


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Under `make test` this is a make within make, which must behave as one that a person calls.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    return subprocess.run(
        ["make", *arguments], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("python", "line"),
    [
        ("", "make: no Python 3.11 or 3.12 found."),
        ("/bin/false", "make: /bin/false is not Python 3.11 or 3.12."),
    ],
)
def test_a_missing_or_wrong_python_is_told_with_the_way_out(python: str, line: str) -> None:
    done = make("check-python", f"PYTHON={python}")
    assert done.returncode != 0
    assert done.stderr.startswith(line)
    assert "make PYTHON=/path/to/python3.12" in done.stderr


def test_help_names_every_target_people_use() -> None:
    told = make("help").stdout
    assert [line.split()[1] for line in told.splitlines()] == [
        "help",
        "demo",
        "install",
        "install-dev",
        "test",
        "soak",
        "clean",
    ]
