"""Every failure a person can cause is one line; every verb explains itself."""

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from loaders.errors import DataError
from localcloud.errors import LocalCloudError
from localcloud.settings import PROJECT
from xtage import cli
from xtage.errors import OperatorError
from xtage.stages import session_for


def fail_with(problem: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of a verb that raises `problem`."""

    @click.command("broken")
    def broken() -> None:
        raise problem

    monkeypatch.setattr(cli.Verbs, "get_command", lambda *_: broken)
    return cli.exit_code(["broken"])


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help_with_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code([verb, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Usage: xtage " + verb in told
    assert "Examples:" in told or verb == "down"


def test_every_verb_needs_no_more_than_make_install_brings() -> None:
    """The checks' environment has more: what is not installed for people is hidden from the command here."""
    export = [sys.executable, "-m", "uv", "export", "--quiet", "--frozen", "--offline", "--no-hashes", "--no-annotate"]
    told = subprocess.run([*export, "--no-header"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    installed = {re.split("[^a-z0-9-]", line)[0] for line in told.splitlines() if line[:1].isalnum()} | {"xtage"}
    of_modules = packages_distributions()
    hidden = [
        module
        for module, names in of_modules.items()
        if not {name.lower().replace("_", "-") for name in names} & installed
    ]
    assert {"awswrangler", "aws_lambda_powertools", "hypothesis"} <= set(hidden)
    code = (
        f"import importlib, sys; sys.modules.update(dict.fromkeys({hidden!r})); from xtage import cli\n"
        "for verb in cli.VERBS: importlib.import_module(f'xtage.{verb}')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {verb} " in told for verb in cli.VERBS)


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (OperatorError("it broke", "mend it"), "xtage: it broke; mend it\n"),
        (LocalCloudError("port 1 is taken", "choose another"), "xtage: port 1 is taken; choose another\n"),
        (DataError("no header", object_key="a.csv", remedy="add one"), "xtage: a.csv: no header -> add one\n"),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            "xtage: no AWS answers at http://127.0.0.1:1; start the local one with `xtage up`\n",
        ),
        (
            ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone\nfor ever"}}, "PutObject"),
            "xtage: AWS refused PutObject: NoSuchBucket: gone for ever\n",
        ),
    ],
    ids=["operator", "local cloud", "loader", "no endpoint", "refused"],
)
def test_a_foreseeable_failure_is_one_line_and_exit_code_1(
    problem: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail_with(problem, monkeypatch) == 1
    assert capsys.readouterr() == ("", line)


def test_a_mistake_in_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_with(ZeroDivisionError(), monkeypatch)


def test_interruption_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert fail_with(KeyboardInterrupt(), monkeypatch) == 130
    assert capsys.readouterr().err.strip() == "xtage: interrupted"


@pytest.mark.parametrize("arguments", [["nonsense"], ["drop"], ["sql"], ["up", "--warehouse", "snow"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(arguments) == 2
    assert "Usage: xtage" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--feed", "sales", os.devnull]], ids=["help", "a verb"])
def test_a_reader_that_stops_reading_is_no_error(arguments: list[str]) -> None:
    ending, beginning = os.pipe()
    os.close(ending)
    command = [sys.executable, "-c", "from xtage.cli import main; main()", *arguments]
    done = subprocess.run(command, stdout=beginning, stderr=subprocess.PIPE, text=True, check=False)
    os.close(beginning)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_deployment_without_credentials_says_how_to_give_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert cli.exit_code(["deploy", "--stage", "dev"]) == 1
    assert capsys.readouterr().err == (
        "xtage: Unable to locate credentials; AWS_PROFILE, AWS_REGION or `aws configure` give them, as to the AWS CLI\n"
    )


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-central-1"}, "eu-central-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-central-1"),
        ({"AWS_PROFILE": "data"}, "eu-north-1"),
        ({"AWS_PROFILE": "data", "AWS_REGION": "eu-central-1"}, "eu-central-1"),
    ],
    ids=["AWS_REGION", "AWS_DEFAULT_REGION", "both", "profile", "profile and AWS_REGION"],
)
def test_the_region_is_found_as_the_aws_cli_finds_it(
    variables: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text("[profile data]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert session_for("dev").region_name == region
