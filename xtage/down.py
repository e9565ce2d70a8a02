"""`xtage down`: stops the local cloud and keeps its state."""

import click

from localcloud.aws import Aws
from localcloud.postgres import Postgres
from localcloud.redshift.launcher import Redshift
from localcloud.settings import Settings
from xtage.console import say


@click.command("down", short_help="Stop the local cloud; everything is kept.")
def command() -> None:
    """Stop the local cloud; files, tables and runs are there again after the next `xtage up`.

    A run under way is cut off; the next one takes over what it left. To begin anew, remove the directory that is named
    (`make clean` does so too).
    """
    settings = Settings.from_environment()
    # AWS first: its Lambdas and builds must not lose their databases under their hands.
    aws, redshift, postgres = Aws(settings), Redshift(settings), Postgres(settings)
    for name, part in (("embedded AWS", aws), ("Redshift harness", redshift), ("PostgreSQL", postgres)):
        was_running = part.is_running()
        # Stopping what does not run still clears away what a crash left.
        part.stop()
        say(f"{name} {'stopped' if was_running else 'was not running'}")
    say(f"kept: {settings.home}")
