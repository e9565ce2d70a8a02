"""docs/api.md: its examples run as they stand, and there is one for every path."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.documentation import openapi, register_routes
from localcloud.settings import PROJECT
from tests.end_to_end.api.conftest import Api

register_routes()
TEXT = (PROJECT / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```sh ?(\S*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
[SETUP] = [block for kind, block in BLOCKS if kind == "setup"]
FUNCTIONS = "\n".join(re.findall(r"^\w+\(\) \{.*\}$", SETUP, re.MULTILINE))
EXAMPLES = [(kind, block) for kind, block in BLOCKS if kind != "setup"]


def answers_in(printed: str) -> Iterator[Any]:
    """The JSON objects among what was printed; curl ends no line."""
    decoder, place = json.JSONDecoder(), printed.find("{")
    while place >= 0:
        answer, end = decoder.raw_decode(printed, place)
        yield answer
        place = printed.find("{", end)


def shell(environment: dict[str, str], script: str, work: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-euc", script], cwd=work, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def environment(api: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the setup at the top of the page leaves in a shell: done once, as by who reads on from there."""
    before = api.cloud.environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = shell(before, f"set -a\n{SETUP}\nenv -0", tmp_path_factory.mktemp("setup"))
    assert (done.returncode, done.stderr) == (0, "")
    variables = (variable.partition("=") for variable in done.stdout.split("\0"))
    return {name: value for name, _, value in variables if name}


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
@pytest.mark.usefixtures("without_runs")
@pytest.mark.parametrize(("kind", "block"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs_as_it_stands(environment: dict[str, str], tmp_path: Path, kind: str, block: str) -> None:
    done = shell(environment, f"{FUNCTIONS}\n{block}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or done.stderr.startswith("key ")
    answers = list(answers_in(done.stdout))
    refused = [answer["status"] for answer in answers if "type" in answer and "title" in answer]
    assert refused == ([int(kind)] if kind else [])
    assert answers or "curl" not in block


def test_every_path_has_an_example() -> None:
    examples = "\n".join(block for _, block in EXAMPLES)
    shown = re.findall(r'"\$API(/v1/[^"?$]*)', examples)
    missing = []
    for path in json.loads(openapi())["paths"]:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        if not any(pattern.fullmatch(one) for one in shown):
            missing.append(path)
    assert missing == []


def test_every_path_and_every_parameter_is_named() -> None:
    for operations in json.loads(openapi())["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    assert f"`{parameter['name']}`" in TEXT or f"{parameter['name']}=" in TEXT, parameter["name"]
