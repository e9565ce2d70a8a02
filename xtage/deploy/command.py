"""`xtage deploy`: a stage brought to what the project says."""

from __future__ import annotations

import click

from xtage.console import pairs, say, show, table
from xtage.deploy.changes import Change
from xtage.deploy.deployment import stages
from xtage.deploy.options import parameters_option
from xtage.deploy.progress import deploy_with_progress
from xtage.stages import session_for


@click.command("deploy", short_help="Deploy the pipeline into an AWS account.")
@click.option("--stage", required=True, type=click.Choice(stages()), help="A file of infra/cloudformation/parameters.")
@click.option("--confirm", is_flag=True, help="Ask before each change set is executed.")
@parameters_option
def command(stage: str, confirm: bool, parameters: dict[str, str]) -> None:
    """Deploy the pipeline into the AWS account of the environment, or bring what is there up to date.

    Packages code and dependencies, uploads what is new, makes a change set, shows what it changes, executes it, follows
    it to its end and brings the tables up to date. What has not changed is not touched. An update that fails is rolled
    back, and the resource that failed is named with its reason; deploying again is always right.

    Account and region are found as the AWS CLI finds them: AWS_PROFILE, AWS_REGION, ~/.aws, and so on. The stage
    local is the embedded AWS that `xtage up` started.

    \b
    Examples:
      AWS_PROFILE=data AWS_REGION=eu-central-1 xtage deploy --stage dev
      xtage deploy --stage prod --confirm
      xtage deploy --stage dev --set Warehouse=both
    """
    session = session_for(stage)
    identity = session.client("sts").get_caller_identity()
    say(f"stage {stage}: account {identity['Account']}, region {session.region_name}, as {identity['Arn']}")
    outputs = deploy_with_progress(
        stage, session, parameters, on_changes=lambda changes: _show_changes(changes, confirm=confirm)
    )
    show(pairs(sorted(outputs.items())))


def _show_changes(changes: list[Change], *, confirm: bool) -> None:
    replaced = {"True": "replaced", "Conditional": "perhaps replaced"}
    rows = [(c.action.lower(), c.stack, c.resource, c.type, replaced.get(c.replaced, "")) for c in changes]
    show(table(("change", "stack", "resource", "type", ""), rows))
    if confirm:
        click.confirm("Execute these changes?", abort=True)
