"""`xtage up`: the local cloud, started, deployed and ready for files."""

import time
from collections.abc import Callable

import click

from localcloud.aws import Aws
from localcloud.postgres import Postgres
from localcloud.redshift.launcher import Redshift
from localcloud.settings import Settings
from xtage import execution
from xtage.console import output, say
from xtage.deploy.progress import deploy_with_progress
from xtage.local_key import ensure_local_key
from xtage.stages import LOCAL, api_url, find_stage, session_for


@click.command("up", short_help="Start the local cloud and deploy the pipeline into it.")
@click.option(
    "--warehouse",
    type=click.Choice(["rds", "both"]),
    show_default="the one that is deployed, rds at first",
    help="rds: PostgreSQL. both: beside it the Redshift protocol and dialect harness.",
)
def command(warehouse: str | None) -> None:
    """Start PostgreSQL and AWS on this machine and deploy the pipeline into them.

    What runs already is left running, what a crash left is repaired, and changed code, contracts or templates are
    deployed: running it again is always right. Files that were dropped and not loaded are picked up by a run that is
    started at the end.

    \b
    Everything answers on 127.0.0.1 only. Environment variables, with their defaults:
      XTAGE_HOME               .xtage of this checkout: data and logs
      XTAGE_POSTGRES_PORT      54320
      XTAGE_POSTGRES_PASSWORD  xtage
      XTAGE_AWS_PORT           4566
      XTAGE_REDSHIFT_PORT      54390

    \b
    Examples:
      xtage up
      xtage up --warehouse both
      XTAGE_AWS_PORT=4567 xtage up
    """
    settings = Settings.from_environment()
    postgres, aws, redshift = Postgres(settings), Aws(settings), Redshift(settings)
    warehouse = warehouse or ("both" if redshift.is_deployed() else "rds")
    _ensure("PostgreSQL", postgres.is_running, postgres.start)
    if warehouse == "both":
        # Before AWS, which keeps the settings it was started with: the port must be one that the harness got.
        _ensure("Redshift harness", redshift.is_running, redshift.start)
        for part in (aws, redshift):
            part.require_same_settings()
    _ensure("AWS", aws.is_running, aws.start)
    deploy_with_progress(LOCAL, session_for(LOCAL), {"Warehouse": warehouse})
    if warehouse == "rds":
        redshift.stop()
    stage = find_stage()
    execution.start(stage.client("stepfunctions"), stage.outputs["StateMachineArn"], trigger="sweep", sweep=True)
    say(f"PostgreSQL  {postgres.dsn}")
    say(f"AWS and S3  {aws.endpoint}  (region us-east-1, access key test, secret key test)")
    ensure_local_key(settings, stage)
    say(f"raw bucket  s3://{stage.outputs['RawBucketName']}")
    say(f"API         {api_url(settings, stage.outputs)}/v1/docs  (key: `xtage status --format json`)")
    if warehouse == "both":
        say(f"Redshift    {redshift.dsn}  (protocol and dialect harness; SSL_CERT_FILE={redshift.authority})")


def _ensure(name: str, is_running: Callable[[], bool], start: Callable[[], None]) -> None:
    """Start one part unless it runs, and say which of the two it was and how long it took."""
    if is_running():
        say(f"{name} is running already")
        return
    started = time.monotonic()
    with output().status(f"starting {name}"):
        start()
    say(f"{name} started in {time.monotonic() - started:.1f} s")
