"""The operator's command. Each verb lives in the module of its name and is imported when it is called."""

import importlib
import os
import sys

import click

from xtage.console import warn
from xtage.errors import OperatorError

VERBS = (
    *("up", "down", "status", "drop", "run", "replay", "sql", "why", "check", "key"),
    *("cost", "tunnel", "deploy", "destroy"),
)


class Verbs(click.Group):
    """Imports a verb when it is needed: boto3 alone takes half a second, which `xtage sql` need not wait for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"xtage.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="xtage")
def xtage() -> None:
    """Files dropped into S3 become one dataset in PostgreSQL, with every record accounted for.

    \b
    Start here:
      xtage up                         the local cloud: PostgreSQL and AWS on this machine
      xtage drop sales_data.csv        files into the raw bucket
      xtage run                        the pipeline, followed until it ends
      xtage sql "select * from marts.unified_sales limit 5"
      xtage why 17                     where one row comes from

    \b
    Exit codes: 0 done; 1 failed, with the reason in one line on stderr; 2 wrong usage; 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """The entry point: turns every foreseeable failure into one line on stderr and an exit code."""
    sys.exit(exit_code(arguments))


def exit_code(arguments: list[str] | None) -> int:
    try:
        code = xtage.main(arguments, prog_name="xtage", standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        warn("xtage: interrupted")
        return 130
    except SystemExit:
        # So click ends when the reader has what it wanted (`| head`); stdout must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as problem:
        line = _known(problem)
        if line is None:
            raise
        warn(f"xtage: {' '.join(line.split())}")
        return 1
    return code if isinstance(code, int) else 0


def _known(problem: Exception) -> str | None:
    """The line for a foreseeable failure; None for a mistake in the program, which keeps its traceback."""
    if isinstance(problem, OperatorError):
        return str(problem)
    # Imported here, when something has gone wrong: they are slow, and most commands need only some of them.
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        EndpointConnectionError,
        NoCredentialsError,
        NoRegionError,
    )

    from loaders.errors import LoaderError
    from localcloud.errors import LocalCloudError

    if isinstance(problem, LoaderError | LocalCloudError):
        return str(problem)
    if isinstance(problem, EndpointConnectionError):
        return f"no AWS answers at {problem.kwargs['endpoint_url']}; start the local one with `xtage up`"
    if isinstance(problem, ClientError):
        error = problem.response.get("Error", {})
        return f"AWS refused {problem.operation_name}: {error.get('Code')}: {error.get('Message')}"
    if isinstance(problem, NoCredentialsError | NoRegionError):
        return f"{str(problem).rstrip('.')}; AWS_PROFILE, AWS_REGION or `aws configure` give them, as to the AWS CLI"
    if isinstance(problem, BotoCoreError):
        return f"AWS cannot be reached: {problem}"
    return None
