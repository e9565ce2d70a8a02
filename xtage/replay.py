"""`xtage replay`: a delivery landed again from S3, in place of what its load landed."""

import json
from typing import Any

import click
from botocore.config import Config

from xtage.console import say, warn
from xtage.errors import OperatorError
from xtage.stages import LOCAL, find_stage

# A Lambda's longest time, and some more; asking twice would land it twice.
PATIENCE = Config(connect_timeout=5, read_timeout=930, retries={"max_attempts": 0})


@click.command("replay")
@click.option("--load", "load_id", type=click.IntRange(min=1), help="The load to land again (ops.loads).")
@click.option("--key", "object_key", help="The object key whose newest version to land again.")
@click.option("--stage", default=LOCAL, show_default=True, help="Where: the local cloud or a deployed stage.")
def command(load_id: int | None, object_key: str | None, stage: str) -> int:
    """Land a delivery again from S3, replacing what its load landed.

    Rows, rejects and counts are replaced in one transaction, read with the contract as it is deployed now; the load
    keeps its id, and the tables are the same however often it is done. A delivery that failed is loaded as a run would
    load it. Where there is a Redshift it is landed there too. The next run builds the marts from it. A file of a nested
    feed is landed by the next run, by way of Glue; until then, and when it is refused, everything stays as it is.

    \b
    Examples:
      xtage replay --load 12
      xtage replay --key raw/sales/sales_data.csv

    Exit code 1 when it cannot be landed, with the reason; what landed before is then untouched.
    """
    if (load_id is None) == (object_key is None):
        raise click.UsageError("give either --load or --key")
    where = find_stage(stage)
    function = f"xtage-{stage}-replay"
    answer = where.session.client("lambda", config=PATIENCE).invoke(
        FunctionName=function, Payload=json.dumps({"load_id": load_id, "object_key": object_key}).encode()
    )
    result = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise OperatorError(
            f"nothing was replayed: {result.get('errorType')}: {result.get('errorMessage')}",
            f"correct the cause (log: /aws/lambda/{function}), then replay again",
        )
    return _tell(result)


def _tell(outcome: dict[str, Any]) -> int:
    """Say what became of it; the exit code."""
    if outcome["status"] == "pending":
        stays = f"; what load {outcome['load_id']} landed stays until then" if outcome["load_id"] else ""
        say(f"{outcome['object_key']} is pending again: the next `xtage run` lands it, by way of Glue{stays}")
        return 0
    if outcome["load_id"] is None:
        warn(f"xtage: {outcome['object_key']} is {outcome['status']}: {outcome['error']}")
        return 1
    say(
        f"replayed {outcome['object_key']} as load {outcome['load_id']} of {outcome['feed']}: "
        f"{outcome['records_read']} read, {outcome['records_loaded']} landed, {outcome['records_rejected']} rejected"
    )
    if outcome["redshift_error"]:
        warn(f"xtage: it is not in Redshift yet, the next run copies it: {outcome['redshift_error']}")
    say("the marts show it after the next `xtage run`")
    return 0
