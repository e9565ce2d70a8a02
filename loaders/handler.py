"""The Lambda entries, one per step of the state machine, one for migrations, one to replay; nothing else.

Environment: RAW_BUCKET, DATABASE_SECRET, DATABASE_TLS, DATABASE_CA_BUNDLE; for migrations READER_SECRET; where files
are read, MAX_BYTES; for the lake, CATALOG_DATABASE; where there is a Redshift, also REDSHIFT_SECRET, REDSHIFT_HOST,
REDSHIFT_PORT and REDSHIFT_ROLE; for figures, STAGE. What an entry raises, the state machine sees under the name of its
class (`loaders.errors`). What it logs and tells is made in `loaders.reporting`: ids and counts, never a field of a
record.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loaders import ledger, redshift, reporting, runs, timeliness
from loaders.contract import load_contracts
from loaders.database import Connection, connect, is_alive, transaction
from loaders.discovery import register_event, sweep
from loaders.errors import LoaderError, without_excerpts
from loaders.failures import described, is_transient, logged
from loaders.lake.plan import Planner
from loaders.lake.switch import Switcher
from loaders.load.rds import Loader, Outcome
from loaders.load.redshift import Copied, Copier
from loaders.load.replay import replay as land_again
from loaders.migrate import migrate as apply_migrations
from loaders.migrate import require_migrated
from loaders.migrate_redshift import migrate_redshift
from loaders.nested.land import land as land_nested
from loaders.nested.split import split as split_nested
from loaders.nested.work import Work
from loaders.reader import make_reader, reader_credentials
from loaders.reporting import logger
from loaders.storage import s3_client

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

    Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


class _Worker:
    """What a warm Lambda keeps from one invocation to the next."""

    connection: Connection | None = None
    s3: S3Client | None = None


def _connection() -> Connection:
    if _Worker.connection is None or not is_alive(_Worker.connection):
        connection = connect(os.environ)
        try:
            require_migrated(connection, load_contracts())
        except LoaderError:
            connection.close()
            raise
        _Worker.connection = connection
    return _Worker.connection


def _s3() -> S3Client:
    if _Worker.s3 is None:
        _Worker.s3 = s3_client()
    return _Worker.s3


def _loader(context: LambdaContext) -> Loader:
    limit = os.environ.get("MAX_BYTES")
    return Loader(
        _connection(),
        _s3(),
        load_contracts(),
        lambda: context.get_remaining_time_in_millis() / 1000,
        int(limit) if limit else None,
    )


def _copy_all(context: LambdaContext) -> Copied:
    with redshift.connected(os.environ) as connection:
        return Copier(
            rds=_connection(),
            redshift=connection,
            s3=_s3(),
            bucket=os.environ["RAW_BUCKET"],
            role=os.environ["REDSHIFT_ROLE"],
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        ).copy_all()


@logger.inject_lambda_context(clear_state=True)
def migrate(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Makes and completes the tables and the reading user: {"applied": [...]}, empty when nothing was missing."""
    applied: list[str] = []
    try:
        # First: what lands in a new column of RDS finds it there.
        if redshift.is_enabled(os.environ):
            with redshift.connected(os.environ) as warehouse:
                applied += migrate_redshift(warehouse, load_contracts())
    finally:
        # RDS does not wait for Redshift.
        with closing(connect(os.environ)) as connection:
            applied += apply_migrations(connection, load_contracts())
            if secret := os.environ.get("READER_SECRET"):
                applied += make_reader(connection, *reader_credentials(secret))
    logger.info("migrated", applied=applied)
    return {"applied": applied}


@logger.inject_lambda_context(clear_state=True)
def open_run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Registers what the event (and, asked for a sweep, the bucket) tells of, then takes the lease if it can."""
    connection, contracts = _connection(), load_contracts()
    registered: list[int] = []
    if event.get("event"):
        registered += filter(None, [register_event(connection, _s3(), contracts, event["event"])])
    if event.get("sweep"):
        registered += sweep(connection, _s3(), contracts, os.environ["RAW_BUCKET"])
    with transaction(connection) as cursor:
        # Asked a second time, to take over from a dead holder, it has told of them already.
        told = {} if event.get("dead_holder") else reporting.drops_registered(cursor, registered)
        if event.get("sweep"):
            reporting.swept(cursor, registered, list(contracts))
        opened = runs.open_run(cursor, event["execution_arn"], event.get("dead_holder"))
    logger.info("open run", **asdict(opened))
    return asdict(opened) | told


@logger.inject_lambda_context(clear_state=True)
def next_round(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What this run loads next, and which way: {"deliveries": [{"delivery_id": n, "route": r}, ...]}, at most 100."""
    contracts = load_contracts()
    with transaction(_connection()) as cursor:
        feeds = ledger.feeds_of(cursor, runs.next_round(cursor, event["run_id"]))
    routes = {number: contracts[feed].route for number, feed in feeds.items() if feed and feed in contracts}
    logger.info("round", run_id=event["run_id"], round=event.get("round"), deliveries=len(feeds))
    return {"deliveries": [{"delivery_id": number, "route": routes.get(number, "lambda")} for number in sorted(feeds)]}


@logger.inject_lambda_context(clear_state=True)
def load(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lands one delivery and answers with what became of it."""
    logger.append_keys(delivery_id=event["delivery_id"], run_id=event.get("run_id"))
    logger.info("load begins")
    started = time.perf_counter()
    outcome = _loader(context).load(event["delivery_id"], event.get("run_id"))
    return asdict(outcome) | _settled("load", event, outcome, started)


@logger.inject_lambda_context(clear_state=True)
def split(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Splits a nested file for Spark: {"outcome": "split", "prefix", "location"}, or "settled" and what it became."""
    logger.append_keys(delivery_id=event["delivery_id"], run_id=event.get("run_id"))
    logger.info("split begins")
    started = time.perf_counter()
    _keep_lease(event)
    made = split_nested(_loader(context), event["delivery_id"], event.get("run_id"))
    # The job that follows may take nearly as long as a lease is held.
    _keep_lease(event)
    told = _settled("split", event, made.outcome, started)
    if made.work is None:
        return {"outcome": "settled", **asdict(made.outcome)} | told
    return {"outcome": "split", "prefix": made.work.prefix, "location": made.work.location}


@logger.inject_lambda_context(clear_state=True)
def land(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lands what Spark made of a split file and answers with what became of the delivery."""
    logger.append_keys(delivery_id=event["delivery_id"], run_id=event.get("run_id"))
    logger.info("landing begins")
    started = time.perf_counter()
    _keep_lease(event)
    work = Work(_s3(), os.environ["RAW_BUCKET"], event["prefix"])
    outcome = land_nested(_loader(context), event["delivery_id"], event.get("run_id"), work)
    return asdict(outcome) | _settled("landing", event, outcome, started)


def _settled(step: str, event: dict[str, Any], outcome: Outcome, started: float) -> reporting.Told:
    return reporting.file_settled(step, outcome, event.get("run_id"), time.perf_counter() - started)


def _keep_lease(event: dict[str, Any]) -> None:
    with transaction(_connection()) as cursor:
        runs.keep_lease(cursor, event.get("run_id"))


@logger.inject_lambda_context(clear_state=True)
def replay(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lands the delivery of {"load_id": n} or {"object_key": key} again and answers with what became of it.

    What goes by way of Glue is `pending` then: the next run lands it. Where there is a Redshift it is brought up to
    date too; `redshift_error` tells why it could not be, which the next run makes up for, and is null when it was, or
    where there is none.
    """
    outcome = land_again(_loader(context), load_id=event.get("load_id"), object_key=event.get("object_key"))
    logger.info("replayed", **reporting.facts(outcome))
    return {**asdict(outcome), "redshift_error": None if outcome.status == "pending" else _copy_replayed(context)}


def _copy_replayed(context: LambdaContext) -> str | None:
    if not redshift.is_enabled(os.environ):
        return None
    try:
        copied = _copy_all(context)
    except LoaderError as error:
        logger.error("not copied to Redshift", error=without_excerpts(str(error)))
        return str(error)
    return None if copied.outcome == "done" else "time ran short"


@logger.inject_lambda_context(clear_state=True)
def plan_lake(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Exports what of the marts changed: {"outcome": "publish", "prefix", "location", "lake"}, or "unchanged"."""
    with transaction(_connection()) as cursor:
        reporting.built(cursor, event.get("run_id"))
    bucket = os.environ["RAW_BUCKET"]
    prefix = Planner(_connection(), _s3(), bucket).plan()
    logger.info("lake planned", run_id=event.get("run_id"), prefix=prefix)
    if prefix is None:
        return {"outcome": "unchanged"}
    return {"outcome": "publish", "prefix": prefix, "location": f"s3://{bucket}/{prefix}", "lake": f"s3://{bucket}/"}


@logger.inject_lambda_context(clear_state=True)
def switch_lake(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Switches the catalog to what was written: {"partitions": {mart: n}}."""
    # Imported here: the others have no use for it.
    import boto3

    switcher = Switcher(_s3(), boto3.client("glue"), os.environ["RAW_BUCKET"], os.environ["CATALOG_DATABASE"])
    switched = switcher.switch(event["prefix"])
    logger.info("lake switched", run_id=event.get("run_id"), partitions=switched)
    return {"partitions": switched}


@logger.inject_lambda_context(clear_state=True)
def copy_to_redshift(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Copies what Redshift lacks: {"outcome": "done" | "more", "loads": n, "deliveries": n}; `more` asks to go on."""
    logger.append_keys(run_id=event.get("run_id"))
    logger.info("copy to Redshift begins")
    copied = _copy_all(context)
    logger.info("copy to Redshift ends", **asdict(copied))
    return asdict(copied)


@logger.inject_lambda_context(clear_state=True)
def record_failure(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Records that loading raised: transient errors leave the delivery pending, up to five times; others fail it."""
    name, cause, run_id = event["error"], event.get("cause"), event.get("run_id")
    error = described(name, cause)
    with transaction(_connection()) as cursor:
        status = ledger.fail_delivery(cursor, event["delivery_id"], run_id, error, final=not is_transient(name))
        delivery = ledger.find_delivery(cursor, event["delivery_id"])
    answer = {"delivery_id": delivery.delivery_id, "status": status, "error": error}
    return answer | reporting.file_failed(delivery, run_id, logged(name, cause))


@logger.inject_lambda_context(clear_state=True)
def needs_build(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Whether dbt has something to do in RDS and in Redshift, or files are still to be loaded first.

    {"build": "more" | "yes" | "no", "redshift": "yes" | "no"}; where there is no Redshift it has nothing to do.
    """
    with transaction(_connection()) as cursor:
        needed = runs.needs_build(
            cursor,
            event["run_id"],
            event["round"],
            force=bool(event.get("force")),
            with_redshift=redshift.is_enabled(os.environ),
        )
    if needed.build == "yes":
        # By itself, so that nobody waits for the lease meanwhile; a build is right without it.
        try:
            with transaction(_connection()) as cursor:
                runs.index_new_rows(cursor, seconds=context.get_remaining_time_in_millis() / 2000)
        except LoaderError as error:
            logger.warning("new rows are not all indexed, the build reads more", error=str(error))
    logger.info("needs build", run_id=event["run_id"], **asdict(needed))
    return asdict(needed)


def _built(event: dict[str, Any]) -> runs.Built:
    return runs.Built(rds=bool(event.get("built")), redshift=bool(event.get("redshift_built")))


@logger.inject_lambda_context(clear_state=True)
def close_run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ends the run, or says that there is more: {"outcome": "more" | "successor" | "closed", totals...}."""
    with transaction(_connection()) as cursor:
        outcome, totals = runs.close_run(cursor, event["run_id"], event["round"], _built(event))
        seconds = timeliness.run_seconds(cursor, event["run_id"])
    reporting.run_closed(event["run_id"], outcome, totals, seconds)
    return {"outcome": outcome, "run_id": event["run_id"], **asdict(totals)}


@logger.inject_lambda_context(clear_state=True)
def fail_run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ends the run as failed, saying which state failed and why, and frees the lease."""
    run_id, error = event.get("run_id"), f"{event['state']}: {described(event['error'], event.get('cause'))}"
    with transaction(_connection()) as cursor:
        totals = runs.fail_run(cursor, run_id, event["execution_arn"], error, _built(event))
        seconds = timeliness.run_seconds(cursor, run_id) if run_id is not None else None
    told = logged(event["error"], event.get("cause"))
    reporting.run_failed(run_id, event["state"], told, totals, seconds, event.get("failed_tests"))
    return {"run_id": run_id, "error": error, **asdict(totals)}
