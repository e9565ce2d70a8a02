"""`xtage key`: who may use the API, and for what."""

import contextlib
import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from api.keys import Key, Scope, hash_of, list_keys, new_secret, remove_key, store_key
from xtage.console import say, show, table, warn
from xtage.errors import OperatorError
from xtage.stages import LOCAL, Stage, find_stage

SCOPES = click.Choice([scope.value for scope in Scope])
stage_option = click.option(
    "--stage", default=LOCAL, show_default=True, help="Where: the local cloud or a deployed stage."
)


@click.group("key")
def command() -> None:
    """Create, list and revoke the keys of the API.

    \b
    Scopes: read (the dataset), ingest (files in, and what became of files), operate (what became of files, and fetches
    from other systems), personal (beside another: names, ages, genders and the text of records).

    \b
    Examples:
      xtage key create --name reports --scope read
      xtage key create --name shop --scope ingest --stage prod
      xtage key list
      xtage key revoke 3f2a9c1d
    """


@command.command("create")
@click.option("--name", required=True, help="Who or what will use it; shown by `list`.")
@click.option("--scope", "scopes", multiple=True, required=True, type=SCOPES, help="Again for each one.")
@stage_option
def create(name: str, scopes: tuple[str, ...], stage: str) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    secret, key = create_key(find_stage(stage), name, scopes)
    say(secret)
    warn(f"key {key.key_id} of {name} with {', '.join(key.scopes)}; it is shown this once")


@command.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@stage_option
def list_(form: str, stage: str) -> None:
    """Show every key: its id, who has it, what it may do."""
    where = find_stage(stage)
    keys = list_keys(where.client("dynamodb"), where.outputs["ApiKeyTableName"])
    if form == "json":
        say(json.dumps([{name: value for name, value in asdict(key).items() if name != "key_hash"} for key in keys]))
    else:
        rows = [(key.key_id, key.name, " ".join(key.scopes), key.created_at) for key in keys]
        show(table(("key", "name", "scopes", "created (UTC)"), rows))


@command.command("revoke")
@click.argument("key_id")
@stage_option
def revoke(key_id: str, stage: str) -> None:
    """Let the key KEY_ID in no more: at once where nobody used it in the last minute, within a minute elsewhere."""
    where = find_stage(stage)
    dynamodb, keys = where.client("dynamodb"), where.outputs["ApiKeyTableName"]
    key = next((key for key in list_keys(dynamodb, keys) if key.key_id == key_id), None)
    if key is None:
        raise OperatorError(f"there is no key {key_id}", "`xtage key list` shows those there are")
    remove_key(dynamodb, keys, key.key_hash)
    gateway = where.client("apigateway")
    with contextlib.suppress(gateway.exceptions.NotFoundException):
        gateway.delete_api_key(apiKey=key_id)
    say(f"key {key_id} of {key.name} is revoked")


def create_key(stage: Stage, name: str, scopes: tuple[str, ...]) -> tuple[str, Key]:
    """A new key of a stage, and what is kept of it. What a failure halfway leaves lets nobody in."""
    gateway = stage.client("apigateway")
    secret = new_secret()
    # API Gateway counts by the hash, which it takes for the key itself.
    made = gateway.create_api_key(name=f"xtage-{stage.name}-{name}", value=hash_of(secret), enabled=True)
    gateway.create_usage_plan_key(usagePlanId=stage.outputs["ApiUsagePlanId"], keyId=made["id"], keyType="API_KEY")
    created_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    key = Key(made["id"], hash_of(secret), name, tuple(sorted(set(scopes))), created_at)
    store_key(stage.client("dynamodb"), stage.outputs["ApiKeyTableName"], key)
    return secret, key
