"""`xtage destroy`: a stage taken away."""

import click

from xtage.deploy.progress import destroy_with_progress
from xtage.errors import OperatorError
from xtage.stages import session_for


@click.command("destroy", short_help="Take a stage away from its AWS account.")
@click.option("--stage", required=True, help="The deployed stage.")
@click.option("--with-data", is_flag=True, help="Delete the dropped files, the audit trail's and the access logs too.")
@click.option("--yes", is_flag=True, help="Do not ask for the stage's name.")
def command(stage: str, with_data: bool, yes: bool) -> None:
    """Take a stage away: its stacks, its code and its database, of which a last snapshot stays.

    The dropped files stay in their bucket unless --with-data is given: they are what everything can be landed from
    again. So do the files of the audit trail and the access logs, and the key of the last snapshot. A stage whose
    database and API keys are under deletion protection (prod) is refused before anything is touched: switch the
    protection off in its parameters and deploy first. Destroying again goes on from where an attempt stopped.

    \b
    Examples:
      xtage destroy --stage dev
      xtage destroy --stage dev --with-data --yes
    """
    session = session_for(stage)
    if not yes:
        account = session.client("sts").get_caller_identity()["Account"]
        typed = click.prompt(f"This destroys stage {stage} in account {account}. Type its name to go on")
        if typed != stage:
            raise OperatorError(f"{typed!r} is not {stage}, nothing was touched", "type the name of the stage")
    destroy_with_progress(stage, session, with_data=with_data)
